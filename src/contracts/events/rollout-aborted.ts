import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, versionNumber } from '../names.ts'

export const rolloutAborted = defineEvent(
  'RolloutAborted',
  'A person ended a rollout; devices keep the candidate or go back',
  z.object({
    rollout: z.string(),
    model: modelName,
    version: versionNumber,
    fleet: fleetName,
    devices: z.enum(['keep', 'revert']),
    reason: z.string(),
    counter: z.int().min(1),
  }),
)
