import { createHash } from 'node:crypto'

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
 * Exposure of the canary phase: the policy's share, raised just enough that at least `minDevices` of the known
 * devices are in it. Random placement alone would leave small fleets without any canary now and then.
 */
export function canaryExposure(
  seed: string,
  things: readonly string[],
  share: number,
  minDevices: number,
): number {
  const sorted = things.map(thing => placement(seed, thing)).sort((a, b) => a - b)
  const last = sorted[Math.min(minDevices, sorted.length) - 1]
  if (last === undefined) return share
  return Math.min(1, Math.max(share, last + 2 ** -53))
}
