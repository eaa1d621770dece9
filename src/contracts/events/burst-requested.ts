import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, modelName, timestamp } from '../names.ts'

export const burstRequested = defineEvent(
  'BurstRequested',
  'An operator asked devices for their next rows',
  z.object({
    model: modelName,
    fleet: fleetName,
    burst: z.string(),
    count: z.int().min(1),
    until: timestamp,
    by: z.string(),
  }),
)
