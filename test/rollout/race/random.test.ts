import * as fc from 'fast-check'
import { expect, it } from 'vitest'
import { runSchedule, type Schedule } from './schedule.ts'

/** Chances as parts of a thousand, so that a failure shrinks to a calm network. */
const perMille = (most: number) => fc.nat(most).map(n => n / 1_000)
const schedule: fc.Arbitrary<Schedule> = fc.record({
  seed: fc.nat(1_000_000),
  devices: fc.integer({ min: 1, max: 3 }),
  versions: fc.integer({ min: 2, max: 4 }),
  steps: fc.integer({ min: 50, max: 400 }),
  lose: perMille(200),
  double: perMille(200),
  crash: perMille(300),
  cut: perMille(20),
  drop: perMille(20),
  command: perMille(20),
  trust: fc.boolean(),
})

it('whatever is lost, doubled, overtaken, cut, crashed or commanded, all ends well', async () => {
  let switches = 0
  await fc.assert(
    fc.asyncProperty(schedule, async one => {
      switches += (await runSchedule(one)).switches
    }),
    { numRuns: 60, seed: 20_261_121 },
  )
  expect(switches).toBeGreaterThan(20)
})
