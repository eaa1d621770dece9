import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, sha256, versionNumber } from '../names.ts'

export const trainingStarted = defineEvent(
  'TrainingStarted',
  'SageMaker accepted the training job',
  z.object({
    model: modelName,
    version: versionNumber,
    job: z.string(),
    trainingSet: sha256,
  }),
)
