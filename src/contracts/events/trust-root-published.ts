import * as z from 'zod'
import { defineEvent } from '../envelope.ts'

export const trustRootPublished = defineEvent(
  'TrustRootPublished',
  'A new trust root was checked against the one before it and is kept; devices get it retained',
  z.object({
    version: z.int().min(1),
    epoch: z.int().min(1),
  }),
)
