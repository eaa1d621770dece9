import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { hardwareName, modelName, versionNumber } from '../names.ts'

export const compilationFailed = defineEvent(
  'CompilationFailed',
  'One target of a version could not be compiled',
  z.object({
    model: modelName,
    version: versionNumber,
    hardware: hardwareName,
    reason: z.string(),
  }),
)
