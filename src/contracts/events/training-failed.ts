import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const trainingFailed = defineEvent(
  'TrainingFailed',
  'The training job ended without a model',
  z.object({
    model: modelName,
    version: versionNumber,
    job: z.string(),
    reason: z.string(),
  }),
)
