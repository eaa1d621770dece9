import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const labelsRequested = defineEvent(
  'LabelsRequested',
  'Audit samples are wanted back with their true labels',
  z.object({
    model: modelName,
    version: versionNumber,
    request: z.string(),
    cause: z.string(),
  }),
)
