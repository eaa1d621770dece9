import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, sha256 } from '../names.ts'

export const modelConfigured = defineEvent(
  'ModelConfigured',
  'A model.yaml was accepted',
  z.object({
    model: modelName,
    fleet: fleetName,
    configDigest: sha256,
  }),
)
