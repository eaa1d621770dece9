import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const modelVersionRejected = defineEvent(
  'ModelVersionRejected',
  'A challenger did not pass the evaluation gate',
  z.object({
    model: modelName,
    version: versionNumber,
    reasons: z.array(z.string()).min(1),
    metrics: z.record(z.string(), z.number()),
  }),
)
