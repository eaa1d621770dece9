import { type Boundary, stopBoundary, stopProbability } from './crossing.ts'
import { rateBounds, rateExceeds } from './csm.ts'
import { checkShare, checkTally, type Tally } from './mixture.ts'
import { criticalScore, MINIMUM_DEVICES } from './msprt.ts'
import { normalQuantile } from './normal.ts'
import { allowedAtEnd } from './sequential.ts'
import { binomialCdf, root } from './special.ts'
import { canaryShare, countExceeds } from './two-arm.ts'

/** Outcomes up to which the power of stop tests is computed; beyond, the figure for this many is a safe one. */
const MAX_OUTCOMES = 3000

/**
 * Fewest devices that, with `failed` failures among them, prove in one look at the end that fewer than `tolerated`
 * fail: the "rule of three", exact. For the verdict "not enough evidence".
 * @throws RangeError on a count that cannot be, or tolerated or α outside (0, 1)
 */
export function devicesNeeded(failed: number, tolerated: number, alpha: number): number {
  checkTally({ failed, total: failed })
  checkShare('tolerated', tolerated)
  checkShare('alpha', alpha)
  return least(failed + 1, n => binomialCdf(failed, n, tolerated) <= alpha)
}

/** The same when the phase is looked at on the way too (group-sequential, planned looks): the smallest such phase. */
export function phaseNeeded(failed: number, tolerated: number, alpha: number): number {
  let n = devicesNeeded(failed, tolerated, alpha)
  while (allowedAtEnd(n, tolerated, alpha) < failed) n++
  return n
}

/** Least n from `low` on that a condition holds for, if it holds for all larger ones: doubling, then halving. */
function least(low: number, holds: (n: number) => boolean): number {
  let high = low
  while (!holds(high)) high *= 2
  let below = low - 1
  while (high - below > 1) {
    const middle = Math.floor((below + high) / 2)
    if (holds(middle)) high = middle
    else below = middle
  }
  return high
}

/** Upper confidence bound of a rate in one look: the rate at which so few failures have probability α; Clopper–Pearson. */
export const fixedUpperBound = ({ failed, total }: Tally, alpha: number): number =>
  failed >= total ? 1 : root(p => alpha - binomialCdf(failed, total, p), 0, 1)

/** Upper bound that a phase of `total` devices proves at its last planned look with `failed` failures. */
export const phaseUpperBound = ({ failed, total }: Tally, alpha: number): number =>
  failed >= total ? 1 : root(p => (allowedAtEnd(total, p, alpha) >= failed ? 1 : -1), 1e-9, 1 - 1e-9)

/** Smallest true rate at which a test with this boundary stops with probability `power` by its end; 1 if none does. */
const smallestRate = (boundary: Boundary, from: number, power: number): number => {
  const by = (p: number): number => stopProbability(boundary, p).at(-1)! - power
  // Six digits are enough for a plan, and each evaluation walks the whole boundary.
  return by(1 - 1e-9) < 0 ? 1 : root(by, from, 1, 20)
}
/** Smallest true failure rate that is stopped within `devices` outcomes with probability `power`; 1 if none is. */
export const smallestRateStopped = (
  devices: number,
  tolerated: number,
  alpha: number,
  power: number,
): number =>
  smallestRate(
    stopBoundary(Math.min(devices, MAX_OUTCOMES), tally => rateExceeds(tally, tolerated, alpha).exceeds),
    tolerated,
    power,
  )

/**
 * Smallest ratio of canary to control rate that is stopped with probability `power` once `events` devices of both arms
 * together have had an event; Infinity if none is.
 */
export function smallestRatioSeen(events: number, share: number, alpha: number, power: number): number {
  const boundary = stopBoundary(
    Math.min(Math.floor(events), MAX_OUTCOMES),
    ({ failed, total }) => countExceeds({ canary: failed, control: total - failed }, share, alpha).exceeds,
  )
  const p = smallestRate(boundary, canaryShare(share, 1), power)
  return p >= 1 ? Number.POSITIVE_INFINITY : (p * (1 - share)) / ((1 - p) * share)
}

/**
 * Smallest difference of means, in standard deviations between devices and beyond the margin, that is stopped with
 * probability `power` at the latest when all devices have a value; Infinity below the minimum per arm.
 * @param tau in standard deviations
 */
export function smallestDifferenceSeen(
  canaries: number,
  controls: number,
  alpha: number,
  tau: number,
  power: number,
): number {
  if (Math.min(canaries, controls) < MINIMUM_DEVICES) return Number.POSITIVE_INFINITY
  const v = 1 / canaries + 1 / controls
  return (criticalScore(v, tau, alpha) + normalQuantile(power)) * Math.sqrt(v)
}

export interface PhaseShape {
  readonly canaries: number
  readonly controls: number
  readonly tolerated: number
  /** Error of a wrong promotion. */
  readonly promotionAlpha: number
  /** Shares of the false-stop error, as from `splitAlpha`. */
  readonly stopAlpha: { readonly failureRate: number; readonly count: number; readonly mean: number }
  /** Devices of both arms expected to have an event while the phase lasts. */
  readonly expectedEvents: number
  /** τ of the mean tests in standard deviations between devices; 0.5 unless told. */
  readonly tau?: number
}
export interface ProofRow {
  readonly claim: string
  /** A rate, ratio, number of devices or of standard deviations; null where nothing can be shown. */
  readonly value: number | null
  readonly sentence: string
}

/**
 * What a phase can prove, computed before it starts: rows for an operator to read beside the plan.
 * @throws RangeError on counts or rates out of range
 */
export function phaseProof(shape: PhaseShape): ProofRow[] {
  const { canaries, tolerated, promotionAlpha: alpha } = shape
  checkTally({ failed: 0, total: canaries })
  checkTally({ failed: 0, total: shape.controls })
  if (canaries === 0)
    return [{ claim: 'promotion', value: null, sentence: 'A phase without canaries proves nothing.' }]
  return [
    promotionRow(canaries, tolerated, alpha),
    ...boundRows(canaries, alpha),
    ...sizeRows(shape),
    ...stopRows(shape),
  ]
}

function promotionRow(canaries: number, tolerated: number, alpha: number): ProofRow {
  const allowed = allowedAtEnd(canaries, tolerated, alpha)
  const sentence =
    allowed < 0
      ? `${plural(canaries, 'canary', 'canaries')} cannot show that fewer than ${percent(tolerated)} fail, even if none does: the phase ends with "not enough evidence" unless a person decides.`
      : `${canaries} canaries promote with ${atMost(allowed)} at the end: a release that fails on ${percent(tolerated)} or more is promoted in at most ${percent(alpha)} of cases.`
  return { claim: 'promotion', value: allowed < 0 ? null : allowed, sentence }
}

function boundRows(total: number, alpha: number): ProofRow[] {
  return [0, 1, 2]
    .filter(failed => failed < total)
    .flatMap(failed => {
      const once = fixedUpperBound({ failed, total }, alpha)
      const looks = phaseUpperBound({ failed, total }, alpha)
      const always = rateBounds({ failed, total }, alpha).upper
      const of = `With ${plural(failed, 'failure')} among ${plural(total, 'canary', 'canaries')}`
      const confidence = `${percent(1 - alpha)} confidence`
      return [
        {
          claim: `upper-bound-${failed}`,
          value: once,
          sentence: `${of}, one look at the end shows that fewer than ${percent(once)} fail (${confidence}).`,
        },
        {
          claim: `upper-bound-looks-${failed}`,
          value: looks,
          sentence: `${of}, the planned looks on the way included, fewer than ${percent(looks)} (${confidence}).`,
        },
        {
          claim: `upper-bound-any-time-${failed}`,
          value: always,
          sentence: `${of}, read off at any time, fewer than ${percent(always)} (${confidence}).`,
        },
      ]
    })
}

const sizeRows = ({ tolerated, promotionAlpha: alpha }: PhaseShape): ProofRow[] =>
  [0, 1, 2].map(failed => {
    const devices = phaseNeeded(failed, tolerated, alpha)
    return {
      claim: `devices-needed-${failed}`,
      value: devices,
      sentence: `To show that fewer than ${percent(tolerated)} fail, a phase with ${plural(failed, 'failure')} needs ${devices} canaries (${devicesNeeded(failed, tolerated, alpha)} with a single look at the end).`,
    }
  })

function stopRows(shape: PhaseShape): ProofRow[] {
  const { canaries, controls, tolerated, stopAlpha, tau = 0.5 } = shape
  const events = Math.floor(shape.expectedEvents)
  const rates = [0.8, 0.95].map(power => {
    const rate = smallestRateStopped(canaries, tolerated, stopAlpha.failureRate, power)
    return row(
      `stop-rate-${power * 100}`,
      rate < 1 ? rate : null,
      v =>
        `A release that fails on ${percent(v)} or more is stopped within these ${canaries} canaries with ${percent(power)} probability.`,
      `No failure rate is stopped within ${plural(canaries, 'canary', 'canaries')} with ${percent(power)} probability.`,
    )
  })
  const share = canaries / (canaries + controls)
  const ratio = controls === 0 ? Infinity : smallestRatioSeen(events, share, stopAlpha.count, 0.8)
  const seen = `With events on ${events} devices of both arms`
  const difference = smallestDifferenceSeen(canaries, controls, stopAlpha.mean, tau, 0.8)
  const arms = `${plural(canaries, 'canary', 'canaries')} against ${plural(controls, 'control')}`
  return [
    ...rates,
    row(
      'ratio-80',
      Number.isFinite(ratio) ? ratio : null,
      v =>
        `${seen}, errors that are ${v.toFixed(1)} times as frequent as in the control are stopped with 80 % probability.`,
      controls === 0
        ? 'Without a control, events cannot be compared.'
        : `${seen}, no increase is stopped with 80 % probability.`,
    ),
    row(
      'difference-80',
      Number.isFinite(difference) ? difference : null,
      v =>
        `${arms}: a mean that is worse by ${v.toFixed(2)} standard deviations beyond the margin is stopped with 80 % probability.`,
      `${arms}: means are not tested below ${MINIMUM_DEVICES} devices per arm.`,
    ),
  ]
}

const row = (
  claim: string,
  value: number | null,
  shown: (value: number) => string,
  nothing: string,
): ProofRow => ({ claim, value, sentence: value === null ? nothing : shown(value) })

/** Three figures: bounds are rounded up by the caller's reading of "fewer than", so never shown smaller than they are. */
function percent(share: number): string {
  const value = share * 100
  const digits = value >= 10 ? 1 : 2
  const up = Math.ceil(value * 10 ** digits - 1e-6) / 10 ** digits
  return `${String(up)} %`
}
const atMost = (failures: number): string =>
  failures === 0 ? 'no failure' : `at most ${plural(failures, 'failure')}`
const plural = (n: number, one: string, many = `${one}s`): string =>
  `${n === 0 ? 'no' : n} ${n < 2 ? one : many}`
