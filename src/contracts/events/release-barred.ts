import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, sha256, versionNumber } from '../names.ts'

export const releaseBarred = defineEvent(
  'ReleaseBarred',
  'An operator barred releases of a model: no device may run them again',
  z.object({
    model: modelName,
    minimumRelease: versionNumber.optional(),
    bundle: sha256.optional(),
    reason: z.string(),
    by: z.string(),
  }),
)
