import * as z from 'zod'
import { defineEvent } from '../envelope.ts'

export const inputRejected = defineEvent(
  'InputRejected',
  'An input was refused at the edge, and where it is kept',
  z.object({
    rejection: z.string(),
    channel: z.enum(['s3', 'mqtt', 'bus', 'api']),
    subject: z.string(),
    code: z.string(),
    reason: z.string(),
    field: z.string().optional(),
    model: z.string().optional(),
    thing: z.string().optional(),
  }),
)
