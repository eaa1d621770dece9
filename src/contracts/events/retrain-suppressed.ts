import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName } from '../names.ts'
import { retrainTriggers } from '../retrain-policy.ts'

export const retrainSuppressed = defineEvent(
  'RetrainSuppressed',
  'A proposed retrain was held back by a guard',
  z.object({
    model: modelName,
    decision: z.string(),
    trigger: z.enum(retrainTriggers),
    failedGuards: z.array(z.string()).min(1),
  }),
)
