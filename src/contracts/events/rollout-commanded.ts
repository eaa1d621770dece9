import * as z from 'zod'
import { rolloutOrder } from '../commands.ts'
import { defineEvent } from '../envelope.ts'
import { fleetName } from '../names.ts'

export const rolloutCommanded = defineEvent(
  'RolloutCommanded',
  'A person gave a command to a rollout',
  z.object({
    rollout: z.string(),
    fleet: fleetName,
    /** Of the request: a command that comes twice counts once. */
    id: z.string(),
    by: z.string(),
    command: rolloutOrder,
  }),
)
