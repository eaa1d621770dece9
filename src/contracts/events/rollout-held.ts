import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, versionNumber } from '../names.ts'

export const rolloutHeld = defineEvent(
  'RolloutHeld',
  'The evidence does not prove what the phase must prove: a person decides',
  z.object({
    rollout: z.string(),
    model: modelName,
    version: versionNumber,
    fleet: fleetName,
    phase: z.string(),
    reason: z.string(),
    /** Devices that would have to report without failure for the phase to be passed. */
    devicesNeeded: z.int().min(0).optional(),
  }),
)
