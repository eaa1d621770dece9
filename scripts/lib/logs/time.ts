import { UsageError } from '../options.ts'

const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/** How far back to look: `90s`, `30m`, `24h`, `7d`, or an ISO time. @returns milliseconds since 1970 */
export function sinceTime(text: string, now: number): number {
  const [, count = '', unit = ''] = /^(\d{1,5})([smhd])$/.exec(text) ?? []
  const at = count === '' ? Date.parse(text) : now - Number(count) * (UNITS[unit] ?? 0)
  if (Number.isNaN(at) || at > now)
    throw new UsageError(`--since: "${text}" must be like 30m, 24h or 7d, or an ISO time in the past`)
  return at
}

/** `0.12 s`, `3.4 s`, `12 min`, `5 h`. */
export function lasting(ms: number): string {
  if (ms < 10_000) return `${(ms / 1000).toFixed(ms < 1000 ? 2 : 1)} s`
  if (ms < 120_000) return `${Math.round(ms / 1000)} s`
  return ms < 7_200_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`
}

/** `02:11:05.123`, with the date when it is not that of `day`. */
export function clock(at: number, day?: number): string {
  const iso = new Date(at).toISOString()
  const same = day === undefined || new Date(day).toISOString().slice(0, 10) === iso.slice(0, 10)
  return same ? iso.slice(11, 23) : iso.slice(0, 23).replace('T', ' ')
}
