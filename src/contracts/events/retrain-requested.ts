import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName } from '../names.ts'
import { OVERRIDABLE } from '../retrain-policy.ts'

export const retrainRequested = defineEvent(
  'RetrainRequested',
  'A person asked for a retrain',
  z.object({
    model: modelName,
    by: z.string(),
    reason: z.string(),
    force: z.boolean(),
    override: z.array(z.enum(OVERRIDABLE)),
  }),
)
