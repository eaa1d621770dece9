import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { hardwareName, modelName, sha256, versionNumber } from '../names.ts'

export const compilationFinished = defineEvent(
  'CompilationFinished',
  'One target of a version is compiled',
  z.object({
    model: modelName,
    version: versionNumber,
    hardware: hardwareName,
    strategy: z.enum(['edgeloop', 'neo', 'none']),
    artefact: sha256,
    bytes: z.int().min(1),
  }),
)
