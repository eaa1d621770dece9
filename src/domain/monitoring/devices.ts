import type { Interval } from './stats/bounds.ts'
import { addCounts, type Counts, logAddExp, total } from './stats/counts.ts'
import { stretchOf } from './stats/detector.ts'
import { eBh } from './stats/e-bh.ts'
import { effectOf } from './stats/effect.ts'
import { type Reference, referenceOf } from './stats/reference.ts'
import { robustCorrelation } from './stats/robust-clustering.ts'
import { DRIFT_POLICY } from './verdict.ts'

/**
 * What is kept of one device's counts of one quantity: since a start, and since the one before. Both move on every
 * `GENERATION` windows, the same for all devices, so that a device that drifts after a clean year is seen within
 * two generations at bounded size.
 */
export interface DeviceCounts {
  /** Window number ÷ GENERATION, rounded down, of the newest count. */
  readonly generation: number
  readonly current: Counts
  readonly previous: Counts
}
export const GENERATION = 24

/** One window further. Counts of a generation that is over are dropped; of one before the last they are ignored. */
export function addDeviceWindow(
  before: DeviceCounts | undefined,
  window: number,
  counts: Counts,
): DeviceCounts {
  const generation = Math.floor(window / GENERATION)
  const none = counts.map(() => 0)
  if (before === undefined || generation > before.generation + 1)
    return { generation, current: counts, previous: none }
  if (generation === before.generation + 1) return { generation, current: counts, previous: before.current }
  if (generation === before.generation) return { ...before, current: addCounts(before.current, counts) }
  if (generation === before.generation - 1) return { ...before, previous: addCounts(before.previous, counts) }
  return before
}

/** Both generations together. */
export const deviceTotal = ({ current, previous }: DeviceCounts): number[] => addCounts(current, previous)

export interface DeviceFinding {
  readonly thing: string
  /** ln of the e-value against "differs from the reference no more than devices do". */
  readonly logE: number
  /** Total variation distance of this device's own readings to the reference. */
  readonly distance: Interval
  readonly flagged: boolean
}
export interface DevicePolicy {
  /** False discovery rate among flagged devices; 0.05 unless told. */
  readonly falseDiscoveryRate?: number
  readonly tolerance?: number
}

/** Weight of missing values alone: a dead sensor is certain within a few readings, the rest needs its evidence. */
const MISSING = 1 / 16

/**
 * Which devices are off. e-value: the weighted mean of those of both starts, for any change and for missing values alone, each on
 * the device's counts scaled to the information they hold about *the fleet's* shares, 1/((1−ρ)/N + ρ + 1/m): a deviation
 * is only surprising in so far as it is larger than devices usually have. Missing values have a ρ of their own: where
 * each device is at a place of its own, readings say little about a device, and a dead sensor everything. ρ is robust, so that the devices that are off do not make themselves normal. Flagged: rejected by
 * `eBh` over all given, and the distance of its own readings certainly above the tolerance. At any given window at most
 * `falseDiscoveryRate` of the flagged are false on average, however the devices depend on each other.
 */
export function findDevices(
  devices: readonly { readonly thing: string; readonly counts: DeviceCounts }[],
  reference: Reference,
  policy: DevicePolicy = {},
): readonly DeviceFinding[] {
  const { falseDiscoveryRate = 0.05, tolerance = DRIFT_POLICY.tolerance } = policy
  if (devices.length === 0) return []
  const totals = devices.map(d => deviceTotal(d.counts))
  const [any, missing] = [anyChange(totals, reference), missingValues(totals, reference)]
  const logs = devices.map(({ counts: { current } }, i) => {
    const both = (logE: Evidence): number => logAddExp(logE(totals[i]!), logE(current)) - Math.LN2
    return logAddExp(both(any) + Math.log(1 - MISSING), both(missing) + Math.log(MISSING))
  })
  const { rejected } = eBh(logs, falseDiscoveryRate)
  return devices.map(({ thing }, i) => {
    const n = total(totals[i]!)
    const own = n > 0 ? 1 / (1 / n + 1 / reference.rows) : 0
    const distance = effectOf(totals[i]!, reference, own, { alpha: DRIFT_POLICY.intervalError }).tv
    return { thing, logE: logs[i]!, distance, flagged: rejected[i]! && distance.lower > tolerance }
  })
}

type Evidence = (counts: Counts) => number

function anyChange(devices: readonly Counts[], reference: Reference): Evidence {
  const correlation = Math.max(reference.correlation, robustCorrelation(devices, reference))
  return counts => stretchOf(0, counts, total(counts), correlation, reference).logE
}

/** Missing against present. */
function missingValues(devices: readonly Counts[], { p0, rows }: Reference): Evidence {
  const two = (counts: Counts): number[] => [total(counts) - counts.at(-1)!, counts.at(-1)!]
  const reference = referenceOf(two(p0), rows)
  const correlation = robustCorrelation(devices.map(two), reference)
  return counts => stretchOf(0, two(counts), total(counts), correlation, reference).logE
}
