import { checkShare, type Exceeds } from './mixture.ts'
import { type Moments, mean, variance } from './moments.ts'
import { normalCdf, normalScore } from './normal.ts'
import { root } from './special.ts'

/** Fewest devices per arm for a decision on means; bench/rollouts shows what goes wrong with fewer. */
export const MINIMUM_DEVICES = 10

export type Harm = 'higher' | 'lower'

export interface MeanTest {
  /** Harm that is tolerated, in the metric's unit, ≥ 0. */
  readonly margin: number
  readonly alpha: number
  /** Size of harm beyond the margin that the test is tuned for (standard deviation of the mixture), metric's unit. */
  readonly tau: number
  /** Which way is harm; `higher` unless told. */
  readonly direction?: Harm
}
export interface MeanVerdict extends Exceeds {
  /** Canary − control; null while an arm is empty. */
  readonly difference: number | null
  /**
   * Each end holds at every look at once with probability 1 − α; the harmful side passes the margin exactly when
   * `exceeds`. Null while an arm has fewer than `MINIMUM_DEVICES`.
   */
  readonly interval: readonly [number, number] | null
}

/**
 * ln of the one-sided mixture likelihood ratio of a harm d ~ N(θ, V), θ half-normal with scale τ above 0, against 0:
 *
 *   Λ = 2 Φ(dτ / √(V(V+τ²))) · √(V / (V+τ²)) · exp(d²τ² / (2V(V+τ²))).
 *
 * The mixture SPRT of Johari, Koomen, Pekelis & Walsh (Oper. Res. 70(3), 2022) with the half of the mixture below 0
 * folded away; for θ ≤ 0 it is a supermartingale. Grows with d.
 */
export function mixtureLogRatio(d: number, v: number, tau: number): number {
  const spread = v + tau * tau
  const x = (d * tau) / Math.sqrt(v * spread)
  return Math.LN2 + logNormalCdf(x) + 0.5 * Math.log(v / spread) + 0.5 * x * x
}
/** ln Φ(x), with the first terms of its asymptotic series where Φ underflows. */
const logNormalCdf = (x: number): number =>
  x > -37 ? Math.log(normalCdf(x)) : -0.5 * x * x - Math.log(-x * Math.sqrt(2 * Math.PI)) - 1 / (x * x)

/**
 * Variance of the difference of the arms' means with its degrees of freedom: Welch's or the pooled one, whichever is
 * larger. Welch's alone fails on skewed values when one arm is small: that arm's mean is far off just when its own
 * variance came out too small (20 against 200 devices, exponential values, harm away from the long tail: 1.7 % false
 * stops at α = 0.25 %). The pooled one alone fails when the arms' variances differ.
 * @param n,m devices of the arms, at least 2
 * @param a,b their sample variances
 */
export function spread(
  n: number,
  a: number,
  m: number,
  b: number,
): { readonly v: number; readonly df: number } {
  const welch = a / n + b / m
  const pooled = (((n - 1) * a + (m - 1) * b) / (n + m - 2)) * (1 / n + 1 / m)
  if (pooled > welch) return { v: pooled, df: n + m - 2 }
  return { v: welch, df: welch ** 2 / ((a / n) ** 2 / (n - 1) + (b / m) ** 2 / (m - 1)) }
}

export const spreadOf = (canary: Moments, control: Moments): { readonly v: number; readonly df: number } =>
  spread(canary.n, variance(canary), control.n, variance(control))

/** The studentised harm at which Λ reaches 1/α. */
export function criticalScore(v: number, tau: number, alpha: number): number {
  const scale = Math.sqrt(v)
  return root(z => mixtureLogRatio(z * scale, v, tau) + Math.log(alpha), 0, 60)
}

/**
 * Stop test on one value per device in two concurrent arms: is the canary's mean worse than the control's by more than
 * `margin`? Valid at every look, for values whose mean is near normal; one value per device, because samples of one
 * device are not independent. Variances are estimated, so the statistic is taken through Student's distribution to the
 * normal score of the same tail before it enters Λ.
 * @throws RangeError on a margin, τ or α out of range
 */
export function meanExceeds(canary: Moments, control: Moments, test: MeanTest): MeanVerdict {
  const { margin, alpha, tau, direction = 'higher' } = test
  checkShare('alpha', alpha)
  if (!(margin >= 0 && Number.isFinite(margin)))
    throw new RangeError(`margin must be 0 or more, in the metric's unit; got ${margin}`)
  if (!(tau > 0 && Number.isFinite(tau)))
    throw new RangeError(`tau must be a positive number in the metric's unit; got ${tau}`)
  const difference = canary.n > 0 && control.n > 0 ? mean(canary) - mean(control) : null
  if (difference === null || Math.min(canary.n, control.n) < MINIMUM_DEVICES)
    return { exceeds: false, evidence: 0, difference, interval: null }
  const { v, df } = spreadOf(canary, control)
  const scale = Math.sqrt(v)
  const harm = (direction === 'higher' ? difference : -difference) - margin
  const evidence = mixtureLogRatio(normalScore(harm / scale, df) * scale, v, tau)
  return {
    exceeds: evidence >= -Math.log(alpha),
    evidence,
    difference,
    // Two searches, for whoever reads it; a decision needs none.
    get interval(): readonly [number, number] {
      const t = criticalStudent(criticalScore(v, tau, alpha), df)
      return [difference - t * scale, difference + t * scale]
    },
  }
}

/** Student's quantile of the tail of a normal score; its tail is the heavier one, so it lies above. */
function criticalStudent(score: number, df: number): number {
  let high = 2 * score
  while (normalScore(high, df) < score) high *= 2
  return root(x => normalScore(x, df) - score, score, high, 40)
}
