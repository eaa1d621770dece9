import { checkShare } from './mixture.ts'
import { type Moments, mean } from './moments.ts'
import { type Harm, MINIMUM_DEVICES, spreadOf } from './msprt.ts'
import { normalCdf, normalScore } from './normal.ts'
import { root } from './special.ts'
import { type Spending, spent } from './spending.ts'

/** Half-width of the density's grid in standard deviations, and its even number of Simpson intervals. */
const REACH = 9
const INTERVALS = 240

/**
 * Normal scores to reach for a promotion at looks with information fractions t (growing, the last the present one), by
 * Lan and DeMets' spending: the density of the undecided paths is carried from look to look by numerical integration
 * (Armitage, McPherson & Rowe 1969). Infinity where there is nothing to spend.
 */
export function promotionScores(
  fractions: readonly number[],
  alpha: number,
  spending: Spending = 'obrien-fleming',
): number[] {
  let carried: Carried | undefined
  let used = 0
  let previous = 0
  return fractions.map((t, look) => {
    const budget = spent(t, alpha, spending) - used
    const step = Math.sqrt(t - previous)
    const before = carried
    const crossing = (c: number): number =>
      before === undefined ? normalCdf(-c / step) : integrate(before, y => normalCdf((y - c) / step))
    const high = REACH * Math.sqrt(t)
    const reachable = budget > crossing(high)
    const c = reachable ? root(x => budget - crossing(x), -high, high) : Number.POSITIVE_INFINITY
    if (reachable) used += budget
    if (look < fractions.length - 1) {
      const density = (x: number): number =>
        before === undefined ? gauss(x / step) / step : integrate(before, y => gauss((x - y) / step) / step)
      carried = onGrid(density, -high, Math.min(c, high))
    }
    previous = t
    return c / Math.sqrt(t)
  })
}

interface Carried {
  readonly low: number
  readonly width: number
  /** Density times Simpson's weight. */
  readonly weighted: readonly number[]
}
const gauss = (x: number): number => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI)

function onGrid(density: (x: number) => number, low: number, high: number): Carried {
  const width = (high - low) / INTERVALS
  const weight = (i: number): number => (i === 0 || i === INTERVALS ? 1 : i % 2 === 1 ? 4 : 2)
  const weighted = Array.from(
    { length: INTERVALS + 1 },
    (_, i) => (density(low + i * width) * weight(i) * width) / 3,
  )
  return { low, width, weighted }
}
const integrate = ({ low, width, weighted }: Carried, f: (y: number) => number): number =>
  weighted.reduce((sum, w, i) => sum + w * f(low + i * width), 0)

export interface MeanPromotionTest {
  /** Harm that must be shown to be undercut, in the metric's unit, above 0. */
  readonly margin: number
  readonly alpha: number
  /** Canaries with a value at the looks up to now, growing, and how many the phase expects. The last is this look. */
  readonly looks: readonly number[]
  readonly expected: number
  readonly direction?: Harm
  readonly spending?: Spending
}
export interface MeanPromotion {
  readonly promotes: boolean
  /** Normal score of the evidence against harm of `margin`, and the one that promotes; null below the minimum. */
  readonly score: number | null
  readonly needed: number | null
}

/**
 * Group-sequential non-inferiority of a mean: is the canary's harm shown to be below `margin`? Normal approximation;
 * with an estimated variance the statistic goes through Student's distribution first, and below `MINIMUM_DEVICES` per
 * arm nothing is promoted. Same looks, spending and phases as `nonInferiority`.
 * @throws RangeError on a margin, α or looks out of range
 */
export function meanNonInferior(canary: Moments, control: Moments, test: MeanPromotionTest): MeanPromotion {
  const { margin, alpha, looks, expected, direction = 'higher', spending } = test
  checkShare('alpha', alpha)
  if (!(margin > 0 && Number.isFinite(margin)))
    throw new RangeError(`margin must be above 0: equality can be refuted, never shown; got ${margin}`)
  if (!(expected > 0) || looks.length === 0 || looks.some((n, i) => !(n > (i === 0 ? 0 : looks[i - 1]!))))
    throw new RangeError(`looks must grow and expected be above 0; got ${looks.join(', ')} of ${expected}`)
  if (Math.min(canary.n, control.n) < MINIMUM_DEVICES) return { promotes: false, score: null, needed: null }
  const { v, df } = spreadOf(canary, control)
  const harm = (mean(canary) - mean(control)) * (direction === 'higher' ? 1 : -1)
  const score = normalScore((margin - harm) / Math.sqrt(v), df)
  const needed = promotionScores(
    looks.map(n => n / expected),
    alpha,
    spending,
  ).at(-1)!
  return { promotes: score >= needed, score, needed }
}
