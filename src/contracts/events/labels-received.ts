import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName } from '../names.ts'

export const labelsReceived = defineEvent(
  'LabelsReceived',
  'Ground truth was matched to captured samples',
  z.object({
    model: modelName,
    key: z.string(),
    matched: z.int().min(0),
    unmatched: z.int().min(0),
  }),
)
