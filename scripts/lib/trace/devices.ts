/** What the field made of a version: the reports of its devices, counted. */
import type { LogLine } from '../logs/read.ts'

export interface DeviceSummary {
  /** Devices by the last that each of them said. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly devices: number
  /** Times of each device's first report, ms since 1970. */
  readonly first: number
  readonly median: number
  readonly last: number
}

/** Undefined when no device has reported. Lines are oldest first. */
export function devicesOf(reports: readonly LogLine[]): DeviceSummary | undefined {
  const firsts = new Map<string, number>()
  const latest = new Map<string, string>()
  for (const { at, fields } of reports) {
    const thing = String(fields['thing'])
    if (!firsts.has(thing)) firsts.set(thing, at)
    latest.set(thing, String(fields['outcome']))
  }
  const times = [...firsts.values()].sort((a, b) => a - b)
  const [first, last] = [times[0], times.at(-1)]
  if (first === undefined || last === undefined) return undefined
  const outcomes: Record<string, number> = {}
  for (const outcome of latest.values()) outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  const median = times[Math.floor((times.length - 1) / 2)] ?? first
  return { outcomes, devices: firsts.size, first, median, last }
}
