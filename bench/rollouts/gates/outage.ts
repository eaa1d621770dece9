import { rng } from '../rng.ts'
import {
  activation,
  drawRollout,
  exposedAt,
  HOURS,
  type Outage,
  ourStop,
  RATES,
  type Rollout,
} from './fleet.ts'
import { percent, print, printTable } from './table.ts'

const LENGTH = 6
const FACTOR = 20

/** Gates that look at the canaries alone, on devices with a first error in the last six hours, once an hour. */
function canaryOnly(
  { firsts }: Rollout,
  stops: (seen: number, hour: number, exposed: number) => boolean,
): boolean {
  const times = firsts.errors.canary
  let from = 0
  let to = 0
  for (let hour = LENGTH; hour <= HOURS; hour++) {
    while (to < times.length && times[to]! <= hour) to++
    while (from < to && times[from]! <= hour - LENGTH) from++
    if (stops(to - from, hour, exposedAt(hour))) return true
  }
  return false
}

/** First events that history lets expect of the canaries in the six hours before: their rates are gamma distributed. */
function expectedFirsts(hour: number, exposed: number): number {
  let due = 0
  for (let device = 0; device < exposed; device++) {
    const age = hour - activation(device)
    due += 1 / (1 + RATES.errors * Math.max(0, age - LENGTH)) - 1 / (1 + RATES.errors * age)
  }
  return due
}
const twiceBaseline = (rollout: Rollout): boolean =>
  canaryOnly(rollout, (seen, hour, exposed) => seen >= 10 && seen > 2 * expectedFirsts(hour, exposed))
const rawShare = (rollout: Rollout): boolean =>
  canaryOnly(rollout, (seen, _, exposed) => exposed >= 10 && seen > 0.1 * exposed)

/** Healthy rollouts through an outage that hits both arms. */
export function outages(seed: number, runs: number): void {
  print(
    `## A fleet-wide ${FACTOR}× outage of ${LENGTH} hours at a random time: healthy rollouts that are stopped`,
  )
  print()
  const cases = [
    { name: 'no outage, 2 % fail', failureRate: 0.02, factor: 1, installsFail: false },
    { name: 'outage, 2 % fail', failureRate: 0.02, factor: FACTOR, installsFail: false },
    { name: 'outage, the tolerated 5 % fail', failureRate: 0.05, factor: FACTOR, installsFail: false },
    {
      name: 'outage in which 20 times as many installs fail for good',
      failureRate: 0.02,
      factor: FACTOR,
      installsFail: true,
    },
  ]
  const rows = cases.map(({ name, failureRate, factor, installsFail }, c) => {
    const random = rng(seed + 100 + c)
    const counts = { ours: 0, failures: 0, baseline: 0, raw: 0 }
    for (let run = 0; run < runs; run++) {
      const from = random.next() * (HOURS - LENGTH)
      const outage: Outage | undefined = factor > 1 ? { from, to: from + LENGTH, factor } : undefined
      const rollout = drawRollout(random, { failureRate, installsFail, ...(outage && { outage }) })
      const stop = ourStop(random, rollout, outage)
      if (stop !== undefined) counts.ours++
      if (stop?.metric === 'failureRate') counts.failures++
      if (twiceBaseline(rollout)) counts.baseline++
      if (rawShare(rollout)) counts.raw++
    }
    return [name, ...Object.values(counts).map(count => percent(count, runs))]
  })
  printTable(
    [
      '',
      'ours, all metrics',
      'of these by the failure rate',
      '2× the canaries’ own baseline',
      '> 10 % of canaries in 6 h',
    ],
    rows,
  )
}
