import { logBeta, logBetaTails } from './special.ts'

/** A count of bad outcomes among independent ones. */
export interface Tally {
  readonly failed: number
  readonly total: number
}

/** Beta(a, b) that the mixture puts on the rate, cut off below the rate under test. */
export interface MixturePrior {
  readonly a: number
  readonly b: number
}

/**
 * Beta(2, b) whose mean has `ratio` times the odds of p0: the mixture is sharpest for rates about that much worse,
 * whether p0 is 0.1 % or 30 %.
 */
export const priorAbove = (p0: number, ratio: number): MixturePrior => ({
  a: 2,
  b: (2 * (1 - p0)) / (ratio * p0),
})

/**
 * ln of the e-process against "the rate is at most p0": the likelihood of the outcomes under a Beta(a, b) truncated to
 * (p0, 1], over their likelihood at p0,
 *
 *   E = B(a + s, b + n − s) · P(Beta(a + s, b + n − s) > p0) / (B(a, b) · P(Beta(a, b) > p0) · p0^s · (1 − p0)^(n−s)).
 *
 * Every likelihood ratio of p > p0 to p0 is a non-negative supermartingale while the rate is at most p0, so the mixture
 * is one too, and Ville's inequality gives P(E ≥ 1/α at any n) ≤ α: looking after every outcome costs nothing. (Robbins,
 * Ann. Math. Stat. 41, 1970; Ramdas, Grünwald, Vovk & Shafer, Stat. Sci. 38, 2023.) It depends on (s, n) alone, grows
 * with s and falls with successes. Needs 0 < p0 < 1.
 */
export function mixtureLogE({ failed, total }: Tally, p0: number, { a, b }: MixturePrior): number {
  const good = total - failed
  return (
    logBeta(a + failed, b + good) +
    logBetaTails(p0, a + failed, b + good).upper -
    logBeta(a, b) -
    logBetaTails(p0, a, b).upper -
    failed * Math.log(p0) -
    good * Math.log1p(-p0)
  )
}

/** @throws RangeError unless the counts are whole, not negative, and no more failed than there are. */
export function checkTally({ failed, total }: Tally): void {
  if (!Number.isSafeInteger(failed) || !Number.isSafeInteger(total) || failed < 0 || failed > total)
    throw new RangeError(
      `failed and total must be whole numbers with 0 ≤ failed ≤ total; got ${failed} of ${total}`,
    )
}

/** @throws RangeError unless 0 < value < 1. */
export function checkShare(name: string, value: number): void {
  if (!(value > 0 && value < 1)) throw new RangeError(`${name} must lie between 0 and 1; got ${value}`)
}

/** What a stop test says. */
export interface Exceeds {
  /** True once the harm is shown; later data cannot make a stop that was right at its time a wrong one. */
  readonly exceeds: boolean
  /** ln of the e-value: compare with ln(1/α). 0 says nothing, below 0 speaks against harm. */
  readonly evidence: number
}
