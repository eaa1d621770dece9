import * as z from 'zod'
import { modelName, sha256, thingName, timestamp, versionNumber } from './names.ts'

/** Bodies of the operators' commands (docs/api.md). */
export const MAX_ENROLMENTS = 500

const reason = z.string().trim().min(1).max(500)

/** Entries are checked one by one, so that a bad one is refused alone. */
export const enrolmentList = z.array(z.unknown()).min(1).max(MAX_ENROLMENTS)
export const enrolmentChange = z.strictObject({ status: z.enum(['ALLOWED', 'BLOCKED']), reason })
export const revocation = z.strictObject({ reason, since: timestamp.optional() })
export const bar = z
  .strictObject({ minimumRelease: versionNumber.optional(), revokedBundle: sha256.optional(), reason })
  .refine(b => b.minimumRelease !== undefined || b.revokedBundle !== undefined, {
    message: 'minimumRelease or revokedBundle is needed',
    path: ['minimumRelease'],
  })

export const rolloutOrder = z.strictObject({
  command: z.enum(['approve', 'pause', 'resume', 'promote', 'abort', 'roll-back']),
  /** With `abort`: whether devices that have the candidate keep it or, as by default, go back. */
  devices: z.enum(['keep', 'revert']).optional(),
  reason,
})
export const rolloutCommand = rolloutOrder
  .extend({ command: rolloutOrder.shape.command.exclude(['approve']) })
  .refine(c => c.devices === undefined || c.command === 'abort', {
    message: 'is for abort only',
    path: ['devices'],
  })
/** Approving has a route, and a scope, of its own. */
export const rolloutApproval = z.strictObject({ reason })
export type RolloutCommand = z.infer<typeof rolloutOrder>
export const rolloutRequest = z.strictObject({ model: modelName, version: versionNumber, reason })
export type RolloutRequest = z.infer<typeof rolloutRequest>

export type EnrolmentChange = z.infer<typeof enrolmentChange>
export type Revocation = z.infer<typeof revocation>
export type Bar = z.infer<typeof bar>

/** What a path names, with the pattern that it must fit. */
export const pathParameters = {
  serial: thingName,
  thing: thingName,
  model: modelName,
  rollout: z.string().regex(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens, at most 64'),
} as const
