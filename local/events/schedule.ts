/** `ScheduleExpression` of a rule and the clock that fires it. */
import { AwsError } from '../core/types.ts'
import { parseCron } from './cron.ts'

/** Next instant after `from`; undefined when the schedule is over. */
export type Schedule = (from: Date) => Date | undefined

const UNIT_MINUTES: Readonly<Record<string, number>> = { minute: 1, hour: 60, day: 1440 }

/**
 * Parses `rate(…)` or `cron(…)`. Throws AwsError ValidationException with the reason.
 * @param minuteMs how long a minute of a rate lasts
 */
export function parseSchedule(expression: string, minuteMs = 60_000): Schedule {
  const rate = /^rate\((\d{1,9}) (minute|hour|day)(s?)\)$/.exec(expression)
  if (rate) {
    const count = Number(rate[1])
    if (count < 1) throw invalid(expression, 'the rate must be at least 1')
    if ((count === 1) !== (rate[3] === ''))
      throw invalid(expression, 'the unit is singular for 1 and plural for more')
    const period = count * (UNIT_MINUTES[rate[2] ?? ''] ?? 0) * minuteMs
    return from => new Date(from.getTime() + period)
  }
  const cron = /^cron\((.*)\)$/.exec(expression)?.[1]
  if (cron === undefined)
    throw invalid(expression, 'it is neither rate(value minutes|hours|days) nor cron(six fields)')
  try {
    const parsed = parseCron(cron)
    return from => parsed.next(from)
  } catch (error) {
    throw invalid(expression, error instanceof Error ? error.message : String(error))
  }
}

const invalid = (expression: string, reason: string): AwsError =>
  new AwsError('ValidationException', `Parameter ScheduleExpression is not valid: ${expression}: ${reason}.`)

interface Entry {
  readonly schedule: Schedule
  readonly fire: (at: Date) => void
  due: Date | undefined
}

/**
 * Fires schedules as `now` passes their instants. It looks at the clock every `tickMs` instead of sleeping until
 * the instant, so that a clock that jumps (a test's, or a laptop that slept) is noticed; a missed stretch fires once.
 */
export function createScheduler(now: () => Date, tickMs = 500) {
  const entries = new Set<Entry>()
  let timer: NodeJS.Timeout | undefined

  const tick = (): void => {
    const current = now()
    for (const entry of entries) {
      if (!entry.due || entry.due > current) continue
      const due = entry.due
      const next = entry.schedule(due)
      entry.due = next && next <= current ? entry.schedule(current) : next
      entry.fire(due)
    }
  }
  return {
    /** Starts a schedule, with its first instant at the latest after `firstWithinMs`; the returned function ends it. */
    add(schedule: Schedule, fire: (at: Date) => void, firstWithinMs = Number.POSITIVE_INFINITY): () => void {
      const from = now()
      const regular = schedule(from)
      const due =
        regular && regular.getTime() - from.getTime() > firstWithinMs
          ? new Date(from.getTime() + firstWithinMs)
          : regular
      const entry: Entry = { schedule, fire, due }
      entries.add(entry)
      timer ??= setInterval(tick, tickMs).unref()
      return () => entries.delete(entry)
    },
    close(): void {
      clearInterval(timer)
      entries.clear()
    },
  }
}
export type Scheduler = ReturnType<typeof createScheduler>
