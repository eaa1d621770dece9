import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { fleetName, thingName, timestamp } from '../names.ts'

export const deviceSilent = defineEvent(
  'DeviceSilent',
  'A device has not been heard for longer than its fleet allows',
  z.object({
    thing: thingName,
    fleet: fleetName,
    lastSeen: timestamp,
  }),
)
