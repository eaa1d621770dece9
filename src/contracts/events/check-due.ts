import * as z from 'zod'
import { defineEvent } from '../envelope.ts'
import { modelName, versionNumber } from '../names.ts'

export const checkDue = defineEvent(
  'CheckDue',
  'The reconciler found unfinished work that has been still for too long',
  z.object({
    kind: z.enum(['training', 'compilation', 'package', 'rollout', 'fleet', 'trust', 'revocation', 'labels']),
    subject: z.string(),
    model: modelName.optional(),
    version: versionNumber.optional(),
  }),
)
