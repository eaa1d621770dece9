import { describe, expect, it } from 'vitest'
import { createScheduler, parseSchedule } from '../../local/events/schedule.ts'
import { until } from './events-support.ts'

const next = (expression: string, from: string, count = 1): (string | undefined)[] => {
  const schedule = parseSchedule(expression)
  const found: (string | undefined)[] = []
  let at: Date | undefined = new Date(from)
  for (let each = 0; each < count && at; each++) {
    at = schedule(at)
    found.push(at?.toISOString().slice(0, 16))
  }
  return found
}

// 2026-11-21 is a Saturday.
describe('cron', () => {
  it.each([
    ['cron(0 10 * * ? *)', '2026-11-21T10:00:00Z', ['2026-11-22T10:00']],
    ['cron(15 12 * * ? *)', '2026-11-21T12:14:59Z', ['2026-11-21T12:15']],
    ['cron(0 18 ? * MON-FRI *)', '2026-11-21T00:00:00Z', ['2026-11-23T18:00', '2026-11-24T18:00']],
    ['cron(0 8 1 * ? *)', '2026-11-21T00:00:00Z', ['2026-12-01T08:00', '2027-01-01T08:00']],
    ['cron(0/15 * * * ? *)', '2026-11-21T10:01:00Z', ['2026-11-21T10:15', '2026-11-21T10:30']],
    ['cron(0/30 20-21 ? * SAT,SUN *)', '2026-11-21T21:00:00Z', ['2026-11-21T21:30', '2026-11-22T20:00']],
    ['cron(0 0 L * ? *)', '2028-02-01T00:00:00Z', ['2028-02-29T00:00', '2028-03-31T00:00']],
    ['cron(0 0 ? * 6L *)', '2026-11-21T00:00:00Z', ['2026-11-27T00:00', '2026-12-25T00:00']],
    ['cron(0 0 ? * L *)', '2026-11-21T00:00:00Z', ['2026-11-28T00:00']],
    ['cron(0 0 ? * 3#2 *)', '2026-11-21T00:00:00Z', ['2026-12-08T00:00']],
    ['cron(0 0 ? * TUE#5 *)', '2026-11-21T00:00:00Z', ['2026-12-29T00:00', '2027-03-30T00:00']],
    ['cron(0 0 1W * ? *)', '2026-07-15T00:00:00Z', ['2026-08-03T00:00', '2026-09-01T00:00']],
    ['cron(0 0 15W * ? *)', '2026-11-01T00:00:00Z', ['2026-11-16T00:00', '2026-12-15T00:00']],
    ['cron(0 0 31W * ? *)', '2026-10-01T00:00:00Z', ['2026-10-30T00:00', '2026-12-31T00:00']],
    ['cron(0 0 31 * ? *)', '2026-11-01T00:00:00Z', ['2026-12-31T00:00']],
    ['cron(0 0 ? JAN 1 2030)', '2026-11-21T00:00:00Z', ['2030-01-06T00:00']],
    ['cron(59 23 31 12 ? 2199)', '2026-11-21T00:00:00Z', ['2199-12-31T23:59', undefined]],
    ['cron(0 0 1 1 ? 2020)', '2026-11-21T00:00:00Z', [undefined]],
    [
      'cron(5,50 1/11 10-12/2 2/5 ? *)',
      '2026-11-21T00:00:00Z',
      ['2026-12-10T01:05', '2026-12-10T01:50', '2026-12-10T12:05'],
    ],
  ])('%s after %s', (expression, from, expected) => {
    expect(next(expression, from, expected.length)).toEqual(expected)
  })

  it.each([
    ['cron(0 10 * * *)', 'six fields'],
    ['cron(0 10 * * * *)', '"?"'],
    ['cron(0 10 ? * ? *)', '"?"'],
    ['cron(60 10 * * ? *)', 'minutes'],
    ['cron(0 24 * * ? *)', 'hours'],
    ['cron(0 0 32 * ? *)', 'day-of-month'],
    ['cron(0 0 L-3 * ? *)', 'day-of-month'],
    ['cron(0 0 LW * ? *)', 'day-of-month'],
    ['cron(0 0 ? * 8 *)', 'day-of-week'],
    ['cron(0 0 ? * 2#6 *)', 'day-of-week'],
    ['cron(0 0 ? * FRI-MON *)', 'backwards'],
    ['cron(0 0 ? FOO 1 *)', 'month'],
    ['cron(0/0 0 * * ? *)', 'step'],
    ['cron(0 0 * * ? 1969)', 'year'],
    ['rate(0 minutes)', 'at least 1'],
    ['rate(1 minutes)', 'singular'],
    ['rate(5 minute)', 'singular'],
    ['rate(5 seconds)', 'neither'],
    ['at(2026-11-21T00:00:00)', 'neither'],
  ])('%s is refused', (expression, words) => {
    expect(() => parseSchedule(expression)).toThrow(
      expect.objectContaining({ code: 'ValidationException', message: expect.stringContaining(words) }),
    )
  })
})

describe('rate', () => {
  it.each([
    ['rate(1 minute)', '2026-11-21T00:01'],
    ['rate(36 hours)', '2026-11-22T12:00'],
    ['rate(7 days)', '2026-11-28T00:00'],
  ])('%s', (expression, expected) => {
    expect(next(expression, '2026-11-21T00:00:00Z')).toEqual([expected])
  })
})

describe('scheduler', () => {
  it('fires when the clock passes the instant, once for a missed stretch, and stops when told', async () => {
    let now = new Date('2026-11-21T00:00:00Z')
    const scheduler = createScheduler(() => now, 1)
    const fired: string[] = []
    const ticks: string[] = []
    const stop = scheduler.add(parseSchedule('rate(5 minutes)'), at =>
      fired.push(at.toISOString().slice(11, 16)),
    )
    scheduler.add(parseSchedule('rate(1 minute)'), at => ticks.push(at.toISOString()))
    const advance = async (to: string) => {
      const before = ticks.length
      now = new Date(to)
      await until(() => ticks.length > before)
    }
    await advance('2026-11-21T00:04:59Z')
    expect(fired).toEqual([])
    await advance('2026-11-21T00:06:00Z')
    await advance('2026-11-21T00:10:00Z')
    expect(fired).toEqual(['00:05', '00:10'])
    await advance('2026-11-21T03:00:30Z')
    expect(fired).toEqual(['00:05', '00:10', '00:15'])
    stop()
    await advance('2026-11-21T05:00:00Z')
    expect(fired).toHaveLength(3)
    scheduler.close()
  })
})
