import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, thingName, timestamp } from '../names.ts'

export const deviceRevoked = defineEvent(
  'DeviceRevoked',
  'An operator took a device off: what it sends from then on counts for nothing',
  z.object({
    thing: thingName,
    fleet: fleetName,
    since: timestamp,
    reason: z.string(),
    by: z.string(),
  }),
)
