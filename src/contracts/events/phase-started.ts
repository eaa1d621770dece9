import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName } from '../names.ts'

export const phaseStarted = defineEvent(
  'PhaseStarted',
  'A rollout phase began, or its candidate left the shadow: its manifest is signed',
  z.object({
    rollout: z.string(),
    phase: z.string(),
    mode: z.enum(['active', 'shadow']),
    /** Largest share of any hardware. */
    exposure: z.number().min(0).max(1),
    fleet: fleetName,
    counter: z.int().min(1),
  }),
)
