import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, versionNumber } from '../names.ts'

export const rolloutRolledBack = defineEvent(
  'RolloutRolledBack',
  'A candidate was taken off the fleet',
  z.object({
    rollout: z.string(),
    model: modelName,
    version: versionNumber,
    fleet: fleetName,
    counter: z.int().min(1),
    reason: z.string(),
  }),
)
