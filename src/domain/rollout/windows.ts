import type { MaintenanceWindow } from '../../contracts/rollout-policy.ts'

const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const
const DAY_MS = 86_400_000

/** Start of the window on the UTC day of `day`, ms since 1970; undefined on other days. */
function opens(window: MaintenanceWindow, day: number): number | undefined {
  const midnight = Math.floor(day / DAY_MS) * DAY_MS
  const name = DAYS[new Date(midnight).getUTCDay()] as (typeof DAYS)[number]
  if (!window.days.includes(name)) return undefined
  const [hours = 0, minutes = 0] = window.from.split(':').map(Number)
  return midnight + (hours * 60 + minutes) * 60_000
}

/** Undefined inside a window or without any; otherwise when the next one opens. */
export function opensNext(windows: readonly MaintenanceWindow[], now: Date): Date | undefined {
  if (windows.length === 0) return undefined
  const at = now.getTime()
  let next = Number.POSITIVE_INFINITY
  // Yesterday's window may still be open, and a day that comes again in a week opens at this hour.
  for (const window of windows)
    for (let day = -1; day <= 7; day++) {
      const start = opens(window, at + day * DAY_MS)
      if (start === undefined) continue
      if (start <= at && at < start + window.minutes * 60_000) return undefined
      if (start > at) next = Math.min(next, start)
    }
  return new Date(next)
}
