const MINUS = '−'

/** 12345 → 12,345. */
export const whole = (n: number): string =>
  String(Math.abs(Math.round(n)))
    .replace(/\B(?=(\d{3})+$)/g, ',')
    .replace(/^/, n <= -0.5 ? MINUS : '')

export const plural = (n: number, one: string, many = `${one}s`): string =>
  `${whole(n)} ${n === 1 ? one : many}`

/** A share as per cent with so many figures as say something: 0.0431 → 4.3 %. */
export function percent(share: number | null | undefined): string {
  if (share === null || share === undefined || !Number.isFinite(share)) return '–'
  const value = share * 100
  const text =
    value === 0 || value >= 99.95 || Number.isInteger(value)
      ? value.toFixed(0)
      : value.toFixed(value < 1 ? 2 : 1)
  return `${text} %`
}

/** Three figures at most, without needless zeros. */
export function figure(x: number | null | undefined): string {
  if (x === null || x === undefined || !Number.isFinite(x)) return '–'
  if (x !== 0 && (Math.abs(x) >= 1e6 || Math.abs(x) < 1e-3)) return x.toExponential(1).replace('-', MINUS)
  if (Math.abs(x) >= 1_000) return whole(x)
  return String(Number(x.toPrecision(3))).replace('-', MINUS)
}

export const milliseconds = (ms: number): string =>
  ms >= 1_000 ? `${figure(ms / 1_000)} s` : `${figure(ms)} ms`

export const bytes = (n: number): string =>
  n < 1_024 ? `${n} B` : n < 1_048_576 ? `${figure(n / 1_024)} KiB` : `${figure(n / 1_048_576)} MiB`

const UNITS: readonly (readonly [string, number])[] = [
  ['d', 86_400],
  ['h', 3_600],
  ['min', 60],
  ['s', 1],
]
/** The largest unit that fits: 95 s → 1 min. */
export function duration(seconds: number): string {
  const given = Math.max(0, Math.round(seconds))
  const [unit, size] = UNITS.find(([, s]) => given >= s) ?? ['s', 1]
  return `${Math.floor(given / size)} ${unit}`
}

/** How long ago, or how far ahead, an ISO time is. */
export function ago(iso: string, now: number): string {
  const seconds = (now - Date.parse(iso)) / 1_000
  if (!Number.isFinite(seconds)) return 'unknown'
  if (Math.abs(seconds) < 2) return 'now'
  return seconds < 0 ? `in ${duration(-seconds)}` : `${duration(seconds)} ago`
}

/** 2026-11-21 11:48:07 UTC; the same for everybody who talks about it. */
export function utc(iso: string | number): string {
  const time = new Date(iso)
  return Number.isNaN(time.getTime())
    ? String(iso)
    : `${time.toISOString().slice(0, 19).replace('T', ' ')} UTC`
}

/** With seconds where it is not on a full minute: windows may be shorter. */
export const clockTime = (iso: string | number): string => utc(iso).slice(11, 19).replace(/:00$/, '')

export const shortDigest = (digest: string): string => digest.slice(0, 10)

/** ROLLED_BACK → rolled back; `noRolloutInFlight` → no rollout in flight. */
export const words = (code: string): string =>
  code
    .replace(/([a-z])([A-Z])/g, '$1 $2')
    .replace(/[_-]+/g, ' ')
    .toLowerCase()

export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1)
