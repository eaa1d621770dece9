import type { ManifestSlot } from '../../contracts/manifest.ts'
import type { PackageRef } from '../../contracts/packages.ts'

/** Versions of a model that are looked at, newest first. */
export const VERSIONS_LOOKED_AT = 8
/** Of them, those on the most devices get a delta. */
const BASES = 3
/** Longest package that is compared, bytes: making a delta takes about five seconds per megabyte of one core. */
export const MAX_PACKAGE_BYTES = 16 * 1024 * 1024

export type Archive = PackageRef['package']

export interface FieldVersion {
  readonly version: number
  readonly packages: readonly PackageRef[]
  /** Devices that run it, on any hardware. */
  readonly devices: number
}

/**
 * Which packages devices will have when they are told to take `target`: what the field runs most, and what the fleet's
 * slot is committed to, which is what a device that was offline for long will find there.
 */
export function basesFor(
  target: PackageRef,
  slot: string,
  versions: readonly FieldVersion[],
  fleetSlots: readonly ManifestSlot[],
): Archive[] {
  const running = versions
    .filter(v => v.devices > 0)
    .toSorted((a, b) => b.devices - a.devices || b.version - a.version)
    .flatMap(v => v.packages.filter(p => p.hardware === target.hardware).map(p => p.package))
  const committed = fleetSlots.find(s => s.slot === slot && s.hardware === target.hardware)?.committed
  const all = [...running.slice(0, BASES), ...(committed ? [committed.package] : [])]
  const digests = all.map(a => a.sha256)
  return all.filter((a, i) => a.sha256 !== target.package.sha256 && digests.indexOf(a.sha256) === i)
}

export const comparable = (...archives: readonly Archive[]): boolean =>
  archives.every(a => a.length <= MAX_PACKAGE_BYTES)
