import { rateVerdict } from '../../../src/domain/rollout/stats/index.ts'
import { binomialCdf } from '../../../src/domain/rollout/stats/special.ts'
import { rng } from '../rng.ts'
import { ARM, drawRollout, exposedAt, ourStop, TOLERATED } from './fleet.ts'
import { percent, print, printTable, stops } from './table.ts'

const TRUE_RATES = [0.02, 0.05, 0.1, 0.15, 0.25, 0.5]

type Gate = (failed: number, total: number) => boolean
const raw =
  (share: number, least: number): Gate =>
  (failed, total) =>
    total >= least && failed >= share * total - 1e-9
const GATES: Readonly<Record<string, Gate>> = {
  '≥ 10 % after 10': raw(0.1, 10),
  '≥ 20 % after 10': raw(0.2, 10),
  '≥ 10 % after 50': raw(0.1, 50),
  'any failure': failed => failed > 0,
  'binomial p < 0.05, re-tested': (failed, total) => 1 - binomialCdf(failed - 1, total, TOLERATED) < 0.05,
  'CSM, all 0.05 for this metric': (failed, total) =>
    rateVerdict({ failed, total }, TOLERATED, 0.05) === 'above',
}

/** Gates on the failure rate, at the true rates, looking after every device. */
export function oneArm(seed: number, runs: number): void {
  print(`## Failure rate: ${TOLERATED * 100} % tolerated, a look after every event, ${ARM} canaries`)
  print()
  const names = [...Object.keys(GATES), 'ours: seven stop metrics share 0.05']
  const lists = Object.values(GATES).map(gate =>
    Array.from({ length: ARM + 1 }, (_, total) =>
      Array.from({ length: total + 1 }, (_, failed) => total > 0 && gate(failed, total)),
    ),
  )
  const cells = names.map((): string[] => [])
  const byMetric: Record<string, number> = {}
  for (const [r, failureRate] of TRUE_RATES.entries()) {
    const random = rng(seed + r)
    const at = names.map((): number[] => [])
    for (let run = 0; run < runs; run++) {
      const rollout = drawRollout(random, { failureRate })
      for (const [g, list] of lists.entries()) {
        const device = firstStop(rollout.failed, list)
        if (device > 0) at[g]!.push(device)
      }
      const stop = ourStop(random, rollout, undefined)
      if (stop === undefined) continue
      at.at(-1)!.push(exposedAt(stop.at))
      if (failureRate === TOLERATED) byMetric[stop.metric] = (byMetric[stop.metric] ?? 0) + 1
    }
    for (const [g, list] of at.entries()) cells[g]!.push(stops(list, runs))
  }
  printTable(
    ['P(stop) @median (mean) canaries exposed', ...TRUE_RATES.map(rate => `true ${rate * 100} %`)],
    names.map((name, i) => [name, ...cells[i]!]),
  )
  const parts = Object.entries(byMetric).map(([metric, count]) => `${metric} ${percent(count, runs)}`)
  print(`What stopped ours at the tolerated rate: ${parts.join(', ')}.`)
  print()
}

function firstStop(failed: readonly boolean[], list: readonly (readonly boolean[])[]): number {
  let count = 0
  for (let device = 0; device < failed.length; device++) {
    if (failed[device]) count++
    if (list[device + 1]![count]) return device + 1
  }
  return 0
}
