/**
 * The engine itself, as it runs in advance-rollout: plan, fold every report, decide after each, evolve.
 *   node bench/rollouts/engine.ts [RUNS [SEED [RATES]]]      default 10,000 runs; RATES in percent, such as 25,50: only these
 */

import { rolloutPolicy } from '../../src/contracts/rollout-policy.ts'
import { decide } from '../../src/domain/rollout/decide.ts'
import {
  armOf,
  contribution,
  type DeviceEvidence,
  difference,
  type Fact,
  fold,
  noEvidence,
  shardOf,
} from '../../src/domain/rollout/evidence.ts'
import { applyToSlots, evolve } from '../../src/domain/rollout/evolve.ts'
import { planRollout } from '../../src/domain/rollout/plan.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import { rng } from './rng.ts'

const [runs = 10_000, seed = 20_261_121] = process.argv.slice(2, 4).map(Number)
const only = process.argv[4]?.split(',').map(rate => Number(rate) / 100)
const print = (line = ''): void => void process.stdout.write(`${line}\n`)
const START = Date.parse('2026-01-01T00:00:00Z')
const HARDWARE = 'board'
const policy = rolloutPolicy.parse({
  phases: [
    { name: 'canary', exposure: 0.1 },
    { name: 'fleet', exposure: 1 },
  ],
})
const release = {
  ...{ model: 'm', version: 2, runtime: 'edgeloop-wasm' },
  bundle: { sha256: 'a'.repeat(64), length: 1 },
  package: { sha256: 'b'.repeat(64), length: 1 },
}
const plan = (id: string, devices: number): Rollout =>
  planRollout({
    ...{ id, model: 'm', version: 2, fleet: 'f', slot: 's', seed: id, policy, by: 'engine', generation: 0 },
    ...{ releases: { [HARDWARE]: release }, at: new Date(START) },
    sight: { kind: 'size', byHardware: { [HARDWARE]: devices } },
  })
const started = (rollout: Rollout): Rollout => {
  const verdict = decide(rollout, { counts: {}, now: new Date(START) })
  if (verdict.decision === 'wait') throw new Error(verdict.reason)
  return evolve(rollout, verdict)
}

/** One canary phase of 200 devices, looked at after every report; every canary and control also sends windows. */
function canary(run: number, failureRate: number): { readonly stopped: boolean; readonly at: number } {
  const { next: random } = rng(seed + run)
  const rollout = started(plan(`r${run}`, 2_000))
  const counts: Record<string, number> = {}
  const add = (by: Readonly<Record<string, number>>): void => {
    for (const [name, n] of Object.entries(by)) counts[name] = (counts[name] ?? 0) + n
  }
  const tell = (before: DeviceEvidence, fact: Fact, arm: 'canary' | 'control'): DeviceEvidence => {
    const after = fold(before, fact, 0, arm)
    add(difference(contribution(after), contribution(before)))
    return after
  }
  for (let i = 1; i <= 200; i++) {
    const failed = random() < failureRate
    const outcome: Fact = failed
      ? { kind: 'outcome', outcome: 'FAILED', code: 'SELF_TEST' }
      : { kind: 'outcome', outcome: 'COMMITTED' }
    const device = tell(noEvidence(`c${i}`), outcome, 'canary')
    for (const [arm, before] of [
      ['canary', device],
      ['control', noEvidence(`k${i}`)],
    ] as const) {
      const n = 50
      const latency = { n, sum: Math.round(n * 1_000 * (6 + (random() + random() + random() - 1.5))) }
      const confidence = { n, sum: Math.round(n * 10_000 * (0.8 + 0.1 * (random() - 0.5))) }
      const errors = random() < 0.02 ? 1 : 0
      tell(
        before,
        { kind: 'window', errors, resets: random() < 0.01 ? 1 : 0, values: { latency, confidence } },
        arm,
      )
    }
    const verdict = decide(rollout, { counts, now: new Date(START + i * 1_000), explain: false })
    if (verdict.decision === 'roll-back') return { stopped: true, at: i }
    if (verdict.decision === 'promote') return { stopped: false, at: i }
  }
  return { stopped: false, at: 200 }
}

const quantile = (values: readonly number[], q: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor(q * (values.length - 1))] ?? Number.NaN

function falseStops(): void {
  print(
    `One canary phase of 200 devices with an equal control; all stop tests in force; a look after every report.`,
  )
  print(
    `Tolerated failure rate ${policy.tolerate.failureRate * 100} %, false stop at most ${policy.falseStop * 100} %; ${runs} runs, seed ${seed}.\n`,
  )
  print('true rate   stopped   devices at stop: median (90 % of runs)   passed')
  for (const rate of only ?? [0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5]) {
    const n = only || rate === 0.05 || rate === 0.25 ? runs : Math.ceil(runs / 10)
    const results = Array.from({ length: n }, (_, i) => canary(i, rate))
    const stops = results.filter(r => r.stopped).map(r => r.at)
    const share = ((100 * stops.length) / n).toFixed(2)
    const shown =
      stops.length === 0
        ? '–'
        : `${quantile(stops, 0.5)} (${quantile(stops, 0.05)} to ${quantile(stops, 0.95)})`
    print(
      `${String(rate * 100).padStart(7)} %  ${share.padStart(6)} %   ${shown.padEnd(40)} ${(100 - Number(share)).toFixed(2)} %  (${n} runs)`,
    )
  }
}

function million(): void {
  const DEVICES = 1_000_000
  print(`\n${DEVICES} devices`)
  const begin = performance.now()
  const rollout = started(plan('million', DEVICES))
  const manifest = applyToSlots([], rollout)
  print(
    `  plan and begin a phase: ${(performance.now() - begin).toFixed(0)} ms, 1 manifest of ${JSON.stringify(manifest).length} bytes before its envelope, whatever the fleet's size`,
  )
  const shards: Record<string, number>[] = Array.from({ length: rollout.shards }, () => ({}))
  let largest = 0
  const from = process.cpuUsage()
  for (let i = 0; i < DEVICES; i++) {
    const thing = `device-${i}`
    const arm = armOf(rollout, thing, HARDWARE, 0)
    let device = noEvidence(thing)
    const facts: Fact[] = [
      { kind: 'started' },
      { kind: 'outcome', outcome: i % 100 === 0 ? 'FAILED' : 'COMMITTED' },
      {
        kind: 'window',
        errors: i % 50 === 0 ? 1 : 0,
        resets: 0,
        values: { latency: { n: 60, sum: 360_000 + (i % 997) }, confidence: { n: 60, sum: 540_000 } },
      },
    ]
    for (const fact of arm === undefined ? [] : facts) {
      const after = fold(device, fact, 0, arm)
      const shard = shards[shardOf(rollout, thing)] as Record<string, number>
      for (const [name, n] of Object.entries(difference(contribution(after), contribution(device))))
        shard[name] = (shard[name] ?? 0) + n
      device = after
    }
    largest = Math.max(largest, JSON.stringify(device).length)
  }
  const { user, system } = process.cpuUsage(from)
  const seconds = (user + system) / 1e6
  const drawn = DEVICES * 0.2
  print(
    `  draw 1,000,000 devices and fold 3 messages of each of the ${drawn} that are in an arm: ${seconds.toFixed(1)} s of one processor, ${Math.round((drawn * 3) / seconds)} messages/s`,
  )
  print(
    `  engine state: ${shards.length} rows of counters, ${JSON.stringify(shards).length} bytes together; the rollout's own row ${JSON.stringify(rollout).length} bytes; one device's row at most ${largest} bytes`,
  )
  const counts: Record<string, number> = {}
  for (const shard of shards)
    for (const [name, n] of Object.entries(shard)) counts[name] = (counts[name] ?? 0) + n
  const looked = performance.now()
  const verdict = decide(rollout, { counts, now: new Date(START + 60_000) })
  print(
    `  one decision over all of it: ${(performance.now() - looked).toFixed(0)} ms → ${verdict.decision}: ${verdict.reason}`,
  )
}

falseStops()
if (only === undefined) million()
