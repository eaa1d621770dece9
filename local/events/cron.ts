/**
 * Six-field cron of EventBridge rules: minutes hours day-of-month month day-of-week year, always UTC.
 * Reference: EventBridge user guide, "Cron expressions reference". Day-of-week runs 1 (SUN) to 7 (SAT).
 */
type Days = (year: number, month: number) => ReadonlySet<number>
export interface Cron {
  /** First instant strictly after `from` that the expression names; undefined when there is none before 2200. */
  next(from: Date): Date | undefined
}

const MONTHS = 'JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC'.split(' ')
const WEEKDAYS = 'SUN MON TUE WED THU FRI SAT'.split(' ')
const LAST_YEAR = 2199

/** Parses the text between `cron(` and `)`. Throws Error naming the field. */
export function parseCron(expression: string): Cron {
  const fields = expression.trim().split(/\s+/)
  if (fields.length !== 6) throw new Error(`a cron expression has six fields, this one has ${fields.length}`)
  const [minute = '', hour = '', dayOfMonth = '', month = '', dayOfWeek = '', year = ''] = fields
  if ((dayOfMonth === '?') === (dayOfWeek === '?'))
    throw new Error('exactly one of day-of-month and day-of-week must be "?"')
  const minutes = ordered(parseField('minutes', minute, 0, 59))
  const hours = ordered(parseField('hours', hour, 0, 23))
  const months = parseField('month', month, 1, 12, MONTHS)
  const years = ordered(parseField('year', year, 1970, LAST_YEAR))
  const days = dayOfMonth === '?' ? daysOfWeek(dayOfWeek) : daysOfMonth(dayOfMonth)

  return {
    next(from) {
      const first = new Date(Math.floor(from.getTime() / 60_000) * 60_000 + 60_000)
      for (const y of years) {
        if (y < first.getUTCFullYear()) continue
        for (let m = 1; m <= 12; m++) {
          if (!months.has(m) || Date.UTC(y, m) <= first.getTime()) continue
          for (const d of ordered(days(y, m))) {
            if (Date.UTC(y, m - 1, d + 1) <= first.getTime()) continue
            for (const h of hours)
              for (const min of minutes) {
                const at = Date.UTC(y, m - 1, d, h, min)
                if (at >= first.getTime()) return new Date(at)
              }
          }
        }
      }
      return undefined
    },
  }
}

function daysOfMonth(field: string): Days {
  if (field === 'L') return (year, month) => new Set([lastDay(year, month)])
  const nearest = /^(\d{1,2})W$/.exec(field)?.[1]
  if (nearest !== undefined) {
    const wanted = within('day-of-month', Number(nearest), 1, 31)
    return (year, month) =>
      new Set(wanted > lastDay(year, month) ? [] : [nearestWeekday(year, month, wanted)])
  }
  const wanted = parseField('day-of-month', field, 1, 31)
  return (year, month) => new Set([...wanted].filter(day => day <= lastDay(year, month)))
}

function daysOfWeek(field: string): Days {
  const nth = /^(\w+)#(\d)$/.exec(field)
  if (nth) {
    const weekday = single(nth[1] ?? '')
    const occurrence = within('day-of-week', Number(nth[2]), 1, 5)
    return (year, month) => new Set(matching(year, month, weekday).slice(occurrence - 1, occurrence))
  }
  const last = /^(\w+)L$/.exec(field)?.[1]
  if (last !== undefined) {
    const weekday = single(last)
    return (year, month) => new Set(matching(year, month, weekday).slice(-1))
  }
  // Alone, "L" is the last day of the week: Saturday.
  const wanted = parseField('day-of-week', field === 'L' ? '7' : field, 1, 7, WEEKDAYS)
  return (year, month) => new Set([...wanted].flatMap(weekday => matching(year, month, weekday)))
}

const single = (value: string): number => {
  const [weekday, ...others] = parseField('day-of-week', value, 1, 7, WEEKDAYS)
  if (weekday === undefined || others.length > 0)
    throw new Error(`day-of-week: "${value}" is not one weekday`)
  return weekday
}

const lastDay = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate()
const weekdayOf = (year: number, month: number, day: number): number =>
  new Date(Date.UTC(year, month - 1, day)).getUTCDay() + 1

const matching = (year: number, month: number, weekday: number): number[] =>
  Array.from({ length: lastDay(year, month) }, (_, at) => at + 1).filter(
    day => weekdayOf(year, month, day) === weekday,
  )

/** Nearest Monday to Friday within the same month, as Quartz defines `W`. */
function nearestWeekday(year: number, month: number, day: number): number {
  const weekday = weekdayOf(year, month, day)
  if (weekday === 7) return day === 1 ? 3 : day - 1
  if (weekday === 1) return day === lastDay(year, month) ? day - 2 : day + 1
  return day
}

function parseField(
  name: string,
  field: string,
  min: number,
  max: number,
  names: readonly string[] = [],
): Set<number> {
  const values = new Set<number>()
  const value = (part: string): number => {
    const named = names.indexOf(part.toUpperCase())
    if (named >= 0) return named + 1
    if (!/^\d{1,4}$/.test(part)) throw new Error(`${name}: "${part}" is not supported in "${field}"`)
    return within(name, Number(part), min, max)
  }
  for (const part of field.split(',')) {
    const [range = '', step, ...more] = part.split('/')
    const every = step === undefined ? 1 : /^\d{1,4}$/.test(step) ? Number(step) : 0
    if (more.length > 0 || every < 1) throw new Error(`${name}: bad step in "${part}"`)
    const [from = '', to, ...rest] = range.split('-')
    if (rest.length > 0) throw new Error(`${name}: bad range "${range}"`)
    const low = from === '*' ? min : value(from)
    const high =
      from === '*' || (to === undefined && step !== undefined) ? max : to === undefined ? low : value(to)
    if (from === '*' && to !== undefined) throw new Error(`${name}: bad range "${range}"`)
    if (low > high) throw new Error(`${name}: "${range}" runs backwards`)
    for (let each = low; each <= high; each += every) values.add(each)
  }
  return values
}

function within(name: string, value: number, min: number, max: number): number {
  if (value < min || value > max) throw new Error(`${name}: ${value} is outside ${min} to ${max}`)
  return value
}

const ordered = (values: ReadonlySet<number>): number[] => [...values].sort((a, b) => a - b)
