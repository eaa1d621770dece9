import type { DeviceRow } from '../entities.ts'

const HOUR_MS = 3_600_000
/** A device is silent after so many of its own usual gaps. */
const GAPS = 4
const LEAST_MS = HOUR_MS / 4
const MOST_MS = 48 * HOUR_MS
/** Before anything is known of its habits. */
const UNKNOWN_MS = 24 * HOUR_MS
/** Messages that come closer together are one sign of life. */
const BURST_MS = 60_000
/** A longer gap is learnt at once, a shorter one slowly: a device that sleeps at night is not silent every night. */
const WEIGHT = { longer: 0.5, shorter: 0.05 }

/** When a device counts as silent, if nothing more comes. */
export function silentAt({ lastSeen, gapMs }: Pick<DeviceRow, 'lastSeen' | 'gapMs'>): Date {
  const patience = gapMs === undefined ? UNKNOWN_MS : Math.min(MOST_MS, Math.max(LEAST_MS, GAPS * gapMs))
  return new Date(Date.parse(lastSeen) + patience)
}

/** The row after something came from the device; messages that come late do not set the clock back. */
export function heard<T extends Pick<DeviceRow, 'lastSeen' | 'gapMs'>>(
  row: T,
  at: Date,
): T & { silent: false } {
  const before = Date.parse(row.lastSeen)
  const gap = at.getTime() - before
  if (Number.isNaN(before)) return { ...row, silent: false, lastSeen: at.toISOString() }
  if (gap <= 0) return { ...row, silent: false }
  const seen = { ...row, silent: false as const, lastSeen: at.toISOString() }
  if (gap < BURST_MS) return seen
  const { gapMs = gap } = row
  const weight = gap > gapMs ? WEIGHT.longer : WEIGHT.shorter
  return { ...seen, gapMs: Math.round((1 - weight) * gapMs + weight * gap) }
}
