import type { Position, Release } from '../../verifier/index.ts'
import type { Desired } from '../placement.ts'
import type { Job, SlotState } from '../state.ts'
import type { ReportBody } from '../uplink.ts'

export type Plan =
  | { readonly kind: 'keep' }
  /** What is wanted already runs; the rollout that wants it still waits for this device's word. */
  | { readonly kind: 'confirm'; readonly rollout: string }
  | { readonly kind: 'update'; readonly job: Job }

/** What a newly accepted manifest means for one slot. Whatever was in hand and is not wanted any more is abandoned. */
export function planUpdate(slot: Readonly<SlotState>, desired: Desired | null, position: Position): Plan {
  if (desired === null) return { kind: 'keep' }
  const { release, rollout } = desired
  if (slot.active !== null && sameRelease(slot.active, release))
    return rollout !== undefined && rollout !== slot.rollout ? { kind: 'confirm', rollout } : { kind: 'keep' }
  return { kind: 'update', job: jobFor(slot, desired, position, false) }
}

/** The candidate that is to run in the shadow, if it does not yet. */
export function planShadow(slot: Readonly<SlotState>, position: Position): Job | null {
  const { shadow } = slot
  return shadow === null || shadow.ready ? null : jobFor(slot, shadow, position, true)
}

function jobFor(
  slot: Readonly<SlotState>,
  { release, rollout }: Desired,
  position: Position,
  shadow: boolean,
): Job {
  const goesOn = slot.job !== null && slot.job.shadow === shadow && sameRelease(slot.job.release, release)
  const samePackage = goesOn && slot.job?.release.package.sha256 === release.package.sha256
  return {
    epoch: position.epoch,
    counter: position.counter,
    release,
    ...(rollout === undefined ? {} : { rollout }),
    step: goesOn ? slot.job!.step : 'ACCEPTED',
    stalled: false,
    shadow,
    ...(samePackage && slot.job?.delta !== undefined ? { delta: slot.job.delta } : {}),
  }
}

/** How the package of a job came here, and by how many bytes: what a report of FETCHED says. */
export function cameBy({ delta, release }: Job): Pick<ReportBody, 'via' | 'bytes'> {
  if (delta === undefined) return { via: 'cached', bytes: 0 }
  if (typeof delta === 'string') return { via: 'full', bytes: release.package.length }
  return { via: 'delta', bytes: delta.length }
}

/** The bundle names its files, so equal bundles are equal models; the archive around them may differ. */
export const sameRelease = (a: Release, b: Release): boolean => a.bundle.sha256 === b.bundle.sha256
