import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName } from '../names.ts'

export const retrainSuppressed = defineEvent(
  'RetrainSuppressed',
  'A proposed retrain was held back by a guard',
  z.object({
    model: modelName,
    decision: z.string(),
    trigger: z.enum(['drift', 'harm', 'schedule']),
    failedGuards: z.array(z.string()).min(1),
  }),
)
