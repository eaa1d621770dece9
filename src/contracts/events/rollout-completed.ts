import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, versionNumber } from '../names.ts'

export const rolloutCompleted = defineEvent(
  'RolloutCompleted',
  'Every device is told to run the new version',
  z.object({
    rollout: z.string(),
    model: modelName,
    version: versionNumber,
    fleet: fleetName,
    counter: z.int().min(1),
  }),
)
