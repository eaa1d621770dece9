import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, sha256, versionNumber } from '../names.ts'

export const modelVersionRegistered = defineEvent(
  'ModelVersionRegistered',
  'A model version passed its evaluation gate, or was imported',
  z.object({
    model: modelName,
    version: versionNumber,
    origin: z.enum(['training', 'import']),
    metrics: z.record(z.string(), z.number()),
    modelDigest: sha256,
  }),
)
