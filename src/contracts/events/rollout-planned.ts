import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, versionNumber } from '../names.ts'

export const rolloutPlanned = defineEvent(
  'RolloutPlanned',
  'A rollout was planned for a signed version',
  z.object({
    rollout: z.string(),
    model: modelName,
    version: versionNumber,
    fleet: fleetName,
  }),
)
