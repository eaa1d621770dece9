import { rateExceeds, stopBoundary } from '../../../src/domain/rollout/stats/index.ts'
import { mixtureLogRatio, spread } from '../../../src/domain/rollout/stats/msprt.ts'
import { normalScore } from '../../../src/domain/rollout/stats/normal.ts'
import { STOP_WEIGHTS, type StopMetric, splitAlpha } from '../../../src/domain/rollout/stats/split.ts'
import { countExceeds } from '../../../src/domain/rollout/stats/two-arm.ts'
import type { Rng } from '../rng.ts'

/** One rollout: canaries activated one after the other, each with a control; hours. */
export const ARM = 200
export const STEP = 0.2
export const HOURS = 72
export const TOLERATED = 0.05
export const ALPHA = splitAlpha(0.05, STOP_WEIGHTS)
/** Shape of the devices' own event rates, gamma distributed with mean 1: 1 is a coefficient of variation of 1. */
const FRAILTY = 1
/** Events per device-hour. */
export const RATES = { errors: 0.01, watchdogResets: 0.003, silence: 0.002 } as const
export type CountMetric = keyof typeof RATES
const MEANS = ['latency', 'confidence', 'disagreement'] as const
const MINIMUM = 10
const TAU = 0.5

export interface Outage {
  readonly from: number
  readonly to: number
  readonly factor: number
}
export interface Scenario {
  readonly failureRate: number
  readonly outage?: Outage
  /** Whether installs fail at `factor` times their rate too while the outage lasts. */
  readonly installsFail?: boolean
}
export interface Rollout {
  /** In the order of activation. */
  readonly failed: readonly boolean[]
  /** Per metric, hours of the devices' first events; sorted. */
  readonly firsts: Readonly<
    Record<CountMetric, { readonly canary: Float64Array; readonly control: Float64Array }>
  >
}

const countBoundary = (alpha: number): number[] =>
  stopBoundary(
    2 * ARM,
    ({ failed, total }) => countExceeds({ canary: failed, control: total - failed }, 0.5, alpha).exceeds,
  )
const failureBoundary = stopBoundary(ARM, tally => rateExceeds(tally, TOLERATED, ALPHA.failureRate).exceeds)
const boundaries = {
  errors: countBoundary(ALPHA.errors),
  watchdogResets: countBoundary(ALPHA.watchdogResets),
  silence: countBoundary(ALPHA.silence),
}

/** When the integrated hazard from `start` on reaches `amount`, at `rate` times the outage's factor. */
export function eventTime(start: number, amount: number, rate: number, outage: Outage | undefined): number {
  if (outage === undefined || outage.to <= start) return start + amount / rate
  const calm = Math.max(0, outage.from - start) * rate
  if (amount < calm) return start + amount / rate
  const from = Math.max(outage.from, start)
  const storm = (outage.to - from) * rate * outage.factor
  if (amount < calm + storm) return from + (amount - calm) / (rate * outage.factor)
  return outage.to + (amount - calm - storm) / rate
}

export const inside = (outage: Outage | undefined, t: number): boolean =>
  outage !== undefined && t >= outage.from && t < outage.to

export const activation = (device: number): number => (device + 1) * STEP
export const exposedAt = (t: number): number => Math.min(ARM, Math.floor(t / STEP + 1e-9))

export function drawRollout(random: Rng, { failureRate, outage, installsFail }: Scenario): Rollout {
  const failed = Array.from({ length: ARM }, (_, device) => {
    const worse = installsFail === true && inside(outage, activation(device)) ? outage!.factor : 1
    return random.next() < Math.min(1, failureRate * worse)
  })
  const arm = (rate: number, start: (device: number) => number): Float64Array => {
    const times = new Float64Array(ARM)
    for (let device = 0; device < ARM; device++)
      times[device] = eventTime(start(device), random.exponential(), rate * random.gamma(FRAILTY), outage)
    return times.sort()
  }
  const metric = (rate: number) => ({ canary: arm(rate, activation), control: arm(rate, () => 0) })
  return {
    failed,
    firsts: {
      errors: metric(RATES.errors),
      watchdogResets: metric(RATES.watchdogResets),
      silence: metric(RATES.silence),
    },
  }
}

export type Stop = { readonly at: number; readonly metric: StopMetric }

/** The first stop of all our tests together, looking after every event; undefined if none stops. */
export function ourStop(random: Rng, rollout: Rollout, outage: Outage | undefined): Stop | undefined {
  const found: Stop[] = []
  const note = (metric: StopMetric, at: number | undefined): void => {
    if (at !== undefined) found.push({ metric, at })
  }
  note('failureRate', failureStop(rollout.failed))
  for (const metric of Object.keys(boundaries) as CountMetric[])
    note(metric, countStop(rollout.firsts[metric], boundaries[metric]))
  for (const metric of MEANS) note(metric, meanStop(random, ALPHA[metric], outage))
  return found.toSorted((a, b) => a.at - b.at)[0]
}

function failureStop(failed: readonly boolean[]): number | undefined {
  let count = 0
  for (let device = 0; device < failed.length; device++) {
    if (failed[device]) count++
    if (count >= failureBoundary[device + 1]!) return activation(device)
  }
  return undefined
}

function countStop(
  { canary, control }: { readonly canary: Float64Array; readonly control: Float64Array },
  boundary: readonly number[],
): number | undefined {
  let c = 0
  let k = 0
  for (;;) {
    const [a, b] = [canary[c] ?? HOURS, control[k] ?? HOURS]
    if (Math.min(a, b) >= HOURS) return undefined
    if (a < b) c++
    else k++
    if (c >= boundary[c + k]!) return Math.min(a, b)
  }
}

/**
 * A value per device and no harm: normal between devices, and in an outage two deviations higher for whoever is measured
 * then. A canary and its control are measured in the same hours.
 */
function meanStop(random: Rng, alpha: number, outage: Outage | undefined): number | undefined {
  let [sum, squares, other, otherSquares] = [0, 0, 0, 0]
  for (let device = 0; device < ARM; device++) {
    const shift = inside(outage, activation(device)) ? 2 : 0
    const a = shift + random.normal()
    const b = shift + random.normal()
    sum += a
    squares += a * a
    other += b
    otherSquares += b * b
    const n = device + 1
    if (n < MINIMUM) continue
    const variance = (s: number, q: number): number => (q - (s * s) / n) / (n - 1)
    const { v, df } = spread(n, variance(sum, squares), n, variance(other, otherSquares))
    if (meanLogE((sum - other) / n, v, df, TAU, alpha) >= -Math.log(alpha)) return activation(device) + 1
  }
  return undefined
}

/** As in `meanExceeds`; the costly normal score only where the plain one, which is never smaller, would stop. */
export function meanLogE(d: number, v: number, df: number, tau: number, alpha: number): number {
  const plain = mixtureLogRatio(d, v, tau)
  return plain < -Math.log(alpha)
    ? plain
    : mixtureLogRatio(normalScore(d / Math.sqrt(v), df) * Math.sqrt(v), v, tau)
}
