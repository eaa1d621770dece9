import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const harmConfirmed = defineEvent(
  'HarmConfirmed',
  'The error on audit labels exceeds what was accepted at release',
  z.object({
    model: modelName,
    version: versionNumber,
    episode: z.string(),
    errors: z.int().min(0),
    labels: z.int().min(1),
    lowerBound: z.number(),
    accepted: z.number(),
  }),
)
