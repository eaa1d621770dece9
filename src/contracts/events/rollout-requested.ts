import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const rolloutRequested = defineEvent(
  'RolloutRequested',
  'A person asked for a rollout of a signed version',
  z.object({
    model: modelName,
    version: versionNumber,
    /** Id of the rollout to be. */
    rollout: z.string(),
    by: z.string(),
    reason: z.string(),
    /** `false`: it waits for the command `start`. */
    start: z.boolean().default(true),
  }),
)
