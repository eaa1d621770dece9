import { createHash } from 'node:crypto'
import type { ManifestSlot, Release } from '../verifier/index.ts'

/**
 * A device's place in [0, 1): the first 53 bits of SHA-256(UTF-8(seed) ‖ 0x00 ‖ UTF-8(thing)), divided by 2^53.
 * The zero byte keeps ("ab", "c") and ("a", "bc") apart.
 */
export function placement(seed: string, thing: string): number {
  const digest = createHash('sha256').update(seed, 'utf8').update(Buffer.of(0)).update(thing, 'utf8').digest()
  return (digest.readUIntBE(0, 6) * 32 + (digest.readUInt8(6) >> 3)) / 2 ** 53
}

export interface Desired {
  readonly release: Release
  /** Set when the release is the candidate of a rollout. */
  readonly rollout?: string
}

/**
 * What a slot wants of one device: a pin to the committed or the candidate bundle, else the candidate when the
 * device's place is below the exposure, else the committed release; null leaves what runs. A pin to a bundle that
 * the slot does not list has no effect, because there would be nothing to fetch.
 */
export function desiredRelease(slot: ManifestSlot, thing: string): Desired | null {
  const { candidate, committed } = slot
  const asCandidate = candidate && { release: candidate.release, rollout: candidate.rollout }
  const pin = Object.hasOwn(slot.pins, thing) ? slot.pins[thing] : undefined
  if (asCandidate && pin === asCandidate.release.bundle.sha256) return asCandidate
  if (committed && pin === committed.bundle.sha256) return { release: committed }
  if (candidate && asCandidate && placement(candidate.seed, thing) < candidate.exposure) return asCandidate
  return committed && { release: committed }
}
