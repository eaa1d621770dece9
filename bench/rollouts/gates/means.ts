import { spread } from '../../../src/domain/rollout/stats/msprt.ts'
import { normalQuantile, studentCdf } from '../../../src/domain/rollout/stats/normal.ts'
import { type Rng, rng } from '../rng.ts'
import { meanLogE, ALPHA as SHARES } from './fleet.ts'
import { percent, print, printTable } from './table.ts'

const CONFIDENCE = 0.98
const ALPHA = 0.02
const HOURS = 48
/** Share of a sample's variance that is the device's own. */
const ICC = 0.3

interface Sums {
  readonly n: number
  readonly mean: number
  readonly variance: number
}
function sums(values: ArrayLike<number>, n: number, from = 0): Sums {
  let sum = 0
  let squares = 0
  for (let i = from; i < from + n; i++) {
    sum += values[i]!
    squares += values[i]! * values[i]!
  }
  return { n, mean: sum / n, variance: (squares - (sum * sum) / n) / (n - 1) }
}

const EFFECTS = [0, 0.5, 0.8]
const GATES = [
  'samples pooled, one look',
  'samples pooled, hourly looks',
  'one value per device, t-test, one look',
  'one value per device, t-test, hourly looks',
  'ours: one value per device, mixture SPRT, hourly looks',
]

/** Samples of devices pooled as if independent, against one value per device; hourly looks over two days. */
export function pooledOrNot(seed: number, runs: number): void {
  print(
    `## Means: samples pooled or one value per device, ${HOURS} hourly samples, correlation within a device ${ICC}, level ${ALPHA}`,
  )
  print()
  for (const [canaries, controls] of [
    [20, 200],
    [100, 100],
  ] as const) {
    const random = rng(seed + 400)
    const counts = GATES.map(() => EFFECTS.map(() => 0))
    for (let run = 0; run < runs; run++)
      for (const [gate, hits] of pooledRun(random, canaries, controls).entries())
        for (const [e, hit] of hits.entries()) if (hit) counts[gate]![e]!++
    printTable(
      [`${canaries} against ${controls} devices`, 'no harm (false stop)', 'harm 0.5 sd', 'harm 0.8 sd'],
      GATES.map((name, gate) => [name, ...counts[gate]!.map(count => percent(count, runs))]),
    )
  }
}

/** Which gates stopped, by gate and effect. A constant harm moves the difference and no variance: one draw serves all. */
function pooledRun(random: Rng, canaries: number, controls: number): boolean[][] {
  const cutoff = normalQuantile(CONFIDENCE)
  const all = canaries + controls
  const own = Float64Array.from({ length: all }, () => Math.sqrt(ICC) * random.normal())
  const total = new Float64Array(all)
  const means = new Float64Array(all)
  const squares = [0, 0]
  const hits = GATES.map(() => EFFECTS.map(() => false))
  for (let hour = 1; hour <= HOURS; hour++) {
    for (let d = 0; d < all; d++) {
      const x = own[d]! + Math.sqrt(1 - ICC) * random.normal()
      total[d] = total[d]! + x
      means[d] = total[d]! / hour
      const arm = d < canaries ? 0 : 1
      squares[arm] = squares[arm]! + x * x
    }
    const a = sums(means, canaries)
    const b = sums(means, controls, canaries)
    const pooled = (arm: Sums, q: number): number => (q / (arm.n * hour) - arm.mean ** 2) / (arm.n * hour)
    const error = Math.sqrt(pooled(a, squares[0]!) + pooled(b, squares[1]!))
    const { v, df } = spread(a.n, a.variance, b.n, b.variance)
    for (const [e, effect] of EFFECTS.entries()) {
      const d = a.mean - b.mean + effect
      const t = d / Math.sqrt(v)
      const now = [
        hour === HOURS && d / error > cutoff,
        d / error > cutoff,
        hour === HOURS && t > cutoff && studentCdf(t, df) > CONFIDENCE,
        !hits[3]![e] && t > cutoff && studentCdf(t, df) > CONFIDENCE,
        !hits[4]![e] && meanLogE(d, v, df, 0.5, ALPHA) >= -Math.log(ALPHA),
      ]
      for (const [gate, hit] of now.entries()) if (hit) hits[gate]![e] = true
    }
  }
  return hits
}

/** The variance and the least number of devices of the mean test, on values that are not normal. No harm in any run. */
export function skewed(seed: number, runs: number): void {
  const alpha = SHARES.latency
  print(
    `## Means: values that are not normal, a look after every device up to 200 canaries, α = ${(alpha * 100).toFixed(4)} %; false stops`,
  )
  print()
  const values: readonly (readonly [string, (r: Rng) => number])[] = [
    ['normal', r => r.normal()],
    ['exponential, long tail on the harmful side', r => r.exponential()],
    ['exponential, long tail on the other side', r => -r.exponential()],
    ['log-normal, σ = 1, tail on the other side', r => -Math.exp(r.normal()) / 2.16],
    ['5 % of devices far off, on the other side', r => (r.next() < 0.05 ? -4.6 : 0)],
  ]
  const rows = values.flatMap(([name, value], i) =>
    ([1, 10] as const).map((perCanary, j) => {
      const random = rng(seed + 500 + 10 * i + j)
      const counts = { welch5: 0, welch10: 0, ours5: 0, ours10: 0 }
      for (let run = 0; run < runs; run++) {
        const hit = { welch5: false, welch10: false, ours5: false, ours10: false }
        let [n, s, q, m, u, w] = [0, 0, 0, 0, 0, 0]
        for (let canary = 1; canary <= 200; canary++) {
          const x = value(random)
          n++
          s += x
          q += x * x
          for (let k = 0; k < perCanary; k++) {
            const y = value(random)
            m++
            u += y
            w += y * y
          }
          if (n < 5) continue
          const a = Math.max(0, q - (s * s) / n) / (n - 1) + 1e-13
          const b = Math.max(0, w - (u * u) / m) / (m - 1) + 1e-13
          const d = s / n - u / m
          if (d <= 0) continue
          const welch = a / n + b / m
          const degrees = welch ** 2 / ((a / n) ** 2 / (n - 1) + (b / m) ** 2 / (m - 1))
          const ours = spread(n, a, m, b)
          const bar = -Math.log(alpha)
          const byWelch = meanLogE(d, welch, degrees, 0.5, alpha) >= bar
          const byOurs = meanLogE(d, ours.v, ours.df, 0.5, alpha) >= bar
          if (byWelch) hit.welch5 = true
          if (byOurs) hit.ours5 = true
          if (byWelch && n >= 10) hit.welch10 = true
          if (byOurs && n >= 10) hit.ours10 = true
        }
        for (const key of Object.keys(counts) as (keyof typeof counts)[]) if (hit[key]) counts[key]++
      }
      return [name, `1 : ${perCanary}`, ...Object.values(counts).map(count => percent(count, runs))]
    }),
  )
  printTable(
    [
      'values',
      'canaries : controls',
      'Welch’s variance, from 5',
      'Welch’s, from 10',
      'larger of Welch’s and pooled, from 5',
      'the same from 10 (ours)',
    ],
    rows,
  )
}
