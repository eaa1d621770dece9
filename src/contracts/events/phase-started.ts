import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName } from '../names.ts'

export const phaseStarted = defineEvent(
  'PhaseStarted',
  'A rollout phase began: its manifest is signed',
  z.object({
    rollout: z.string(),
    phase: z.string(),
    exposure: z.number().min(0).max(1),
    fleet: fleetName,
    counter: z.int().min(1),
  }),
)
