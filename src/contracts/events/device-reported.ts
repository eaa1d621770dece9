import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, sha256, slotName, thingName } from '../names.ts'

export const deviceReported = defineEvent(
  'DeviceReported',
  'A device reported the terminal outcome of an update',
  z.object({
    thing: thingName,
    fleet: fleetName,
    slot: slotName,
    epoch: z.int().min(0),
    counter: z.int().min(0),
    bundle: sha256,
    outcome: z.enum(['COMMITTED', 'FAILED', 'REFUSED']),
    code: z.string().optional(),
  }),
)
