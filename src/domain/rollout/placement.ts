import { createHash } from 'node:crypto'
import type { Arm } from './types.ts'

/**
 * Where a device stands in a rollout: SHA-256(seed ‖ 0x00 ‖ thing), its first 53 bits over 2^53, in [0, 1). Device
 * and cloud compute the same; a growing exposure keeps its canaries.
 */
export function placement(seed: string, thing: string): number {
  const digest = createHash('sha256').update(seed).update('\0').update(thing).digest()
  const high = digest.readUInt32BE(0)
  const low = digest.readUInt32BE(4) >>> 11
  return (high * 2 ** 21 + low) / 2 ** 53
}

/**
 * Exposure of a phase: the policy's share, raised just enough that at least `minDevices` of the known devices are in
 * it. Random placement alone would leave small fleets without any canary now and then.
 * @param places of the known devices
 */
export function exposureFor(places: readonly number[], share: number, minDevices: number): number {
  if (share >= 1) return 1
  const sorted = places.toSorted((a, b) => a - b)
  const last = sorted[Math.min(minDevices, sorted.length) - 1]
  if (last === undefined) return share
  return Math.min(1, Math.max(share, last + 2 ** -53))
}

/** An equal share from the other end, as far as there is one. */
export const controlFor = (exposure: number): number => Math.min(exposure, Math.max(0, 1 - exposure))

/** Canary from the bottom, control from the top; undefined between them. */
export function armAt(place: number, exposure: number, control: number): Arm | undefined {
  if (place < exposure) return 'canary'
  return place >= 1 - control ? 'control' : undefined
}
