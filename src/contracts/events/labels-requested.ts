import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, timestamp, versionNumber } from '../names.ts'

export const labelRequest = z.object({
  model: modelName,
  version: versionNumber,
  request: z.string(),
  cause: z.string(),
  /** Samples captured before are from before the change, and would teach what is known. */
  since: timestamp,
})

export const labelsRequested = defineEvent(
  'LabelsRequested',
  'Audit samples are wanted back with their true labels',
  labelRequest,
)
