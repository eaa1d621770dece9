import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName } from '../names.ts'
import { retrainTriggers } from '../retrain-policy.ts'

export const retrainApproved = defineEvent(
  'RetrainApproved',
  'All guards passed: a new version will be trained',
  z.object({
    model: modelName,
    decision: z.string(),
    trigger: z.enum(retrainTriggers),
  }),
)
