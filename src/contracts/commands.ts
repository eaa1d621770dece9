import * as z from 'zod'
import { modelName, sha256, thingName, timestamp, versionNumber } from './names.ts'
import { OVERRIDABLE } from './retrain-policy.ts'
import { BURST_MAX_ITEMS, BURST_MAX_THINGS } from './sampling-policy.ts'

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
  command: z.enum(['start', 'approve', 'pause', 'resume', 'promote', 'abort', 'roll-back']),
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
export const rolloutRequest = z.strictObject({
  model: modelName,
  version: versionNumber,
  /** `false` plans only: the rollout waits for the command `start`, and what it would prove can be looked at. */
  start: z.boolean().default(true),
  reason,
})
export type RolloutRequest = z.infer<typeof rolloutRequest>

export const retrainRequest = z.strictObject({
  reason,
  /** Does not wait for labels, devices, the cool-down or a person's drop. */
  force: z.boolean().default(false),
  /** Guards to set aside by name; needs the scope for approvals as well. */
  override: z.array(z.enum(OVERRIDABLE)).max(OVERRIDABLE.length).default([]),
})
export type RetrainRequest = z.infer<typeof retrainRequest>
/** A class by its name, or a value as text. */
export const reviewAnswer = z.strictObject({ label: z.string().trim().min(1).max(100) })
export const reviewSkip = z.strictObject({ reason })
export const reviewClaim = z.strictObject({})
/** Lines of ground truth, as in a file; each is checked by itself. */
export const labelPost = z.strictObject({ model: modelName, labels: z.array(z.unknown()).min(1).max(500) })
export const breakerReset = z.strictObject({ reason })

/** The next `count` rows of each of these devices, as far as they come within so many minutes. */
export const burstRequest = z.strictObject({
  things: z.union([z.literal('all'), z.array(thingName).min(1).max(BURST_MAX_THINGS)]),
  count: z.int().min(1).max(BURST_MAX_ITEMS),
  minutes: z.int().min(1).max(43_200),
  reason,
})
export type BurstRequest = z.infer<typeof burstRequest>

export type EnrolmentChange = z.infer<typeof enrolmentChange>
export type Revocation = z.infer<typeof revocation>
export type Bar = z.infer<typeof bar>
