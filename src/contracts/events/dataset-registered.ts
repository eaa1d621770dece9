import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, sha256 } from '../names.ts'

export const datasetRegistered = defineEvent(
  'DatasetRegistered',
  'A dataset drop was checked and versioned',
  z.object({
    model: modelName,
    dataset: sha256,
    key: z.string(),
    versionId: z.string().optional(),
    rows: z.int().min(1),
  }),
)
