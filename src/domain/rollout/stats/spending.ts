import { normalCdf, normalQuantile } from './normal.ts'

/** How the error of a phase's promotion is spread over its looks. */
export type Spending = 'obrien-fleming' | 'pocock'

/**
 * Error that may be spent up to information fraction t = n / expected (Lan & DeMets, Biometrika 70, 1983), one-sided:
 * 2(1 − Φ(z_{α/2} / √t)) in O'Brien and Fleming's shape, which keeps nearly all for the end, or α ln(1 + (e − 1)t) in
 * Pocock's, which spends evenly. All of α from t = 1 on.
 */
export function spent(t: number, alpha: number, spending: Spending): number {
  if (t <= 0) return 0
  if (t >= 1) return alpha
  if (spending === 'pocock') return alpha * Math.log1p((Math.E - 1) * t)
  return 2 * normalCdf(normalQuantile(alpha / 2) / Math.sqrt(t))
}

/** When a phase is looked at for promotion, as shares of its expected devices. */
export const LOOK_FRACTIONS: readonly number[] = [0.5, 0.75, 0.9, 1]

/** The device totals of the planned looks, rounded up, each once. */
export const plannedLooks = (expected: number, fractions = LOOK_FRACTIONS): number[] => [
  ...new Set(fractions.map(fraction => Math.max(1, Math.ceil(fraction * expected - 1e-9)))),
]

/**
 * Whether a look is due: the total has passed a planned one that no earlier look has covered. Looks depend on how many
 * devices are done, never on how they did; that is what the error guarantee of a promotion rests on.
 * @param taken totals at which was looked before, as recorded
 */
export const lookDue = (
  total: number,
  taken: readonly number[],
  expected: number,
  fractions = LOOK_FRACTIONS,
): boolean => {
  const last = Math.max(0, ...taken)
  return plannedLooks(expected, fractions).some(look => look > last && look <= total)
}
