import { checkShare, checkTally, type Exceeds, mixtureLogE, priorAbove, type Tally } from './mixture.ts'
import { logBinomial, root } from './special.ts'

/**
 * Confidence sequence method (Robbins 1970; Ding, Gandy & Hahn, arXiv 1611.01675): with n outcomes, s of them failed,
 * the rate p is ruled out at level ε as soon as
 *
 *   (n + 1) · C(n, s) · p^s · (1 − p)^(n−s) < ε.
 *
 * The left side is the reciprocal of a uniform mixture's likelihood ratio, so all rates together are ruled out wrongly
 * with probability at most ε, over all n at once. Two-sided.
 * @returns `above` when the tolerated rate is ruled out and the observed rate is higher, `below` when it is lower.
 * @throws RangeError on counts that cannot be, or a tolerated rate or α outside [0, 1)
 */
export function rateVerdict(tally: Tally, tolerated: number, alpha: number): 'above' | 'below' | 'undecided' {
  checkRate(tally, tolerated, alpha)
  const { failed, total } = tally
  if (tolerated === 0) return failed > 0 ? 'above' : 'undecided'
  if (logBinomial(failed, total, tolerated) >= Math.log(alpha) - Math.log(total + 1)) return 'undecided'
  return failed > tolerated * total ? 'above' : 'below'
}

/**
 * The rates that `rateVerdict` has not ruled out: an interval that holds the true rate at every n at once with
 * probability at least 1 − α.
 */
export function rateBounds(tally: Tally, alpha: number): { readonly lower: number; readonly upper: number } {
  checkTally(tally)
  checkShare('alpha', alpha)
  const { failed, total } = tally
  const bar = Math.log(alpha) - Math.log(total + 1)
  const observed = total === 0 ? 0 : failed / total
  const above = (p: number): number => logBinomial(failed, total, p) - bar
  return {
    lower: failed === 0 ? 0 : root(above, 0, observed),
    upper: failed === total ? 1 : root(p => -above(p), observed, 1),
  }
}

/** Odds of the failure rates that the stop test is tuned for, over the odds tolerated: 5 % against about 24 %. */
const RATIO = 6

/**
 * Stop test on one arm's failure rate: is the rate above `tolerated`? One-sided and valid at every n at once: while the
 * true rate is at most `tolerated`, the chance that it ever says so is at most α. A Beta mixture over the rates above
 * the tolerated one (`mixture.ts`); one-sided, it is sharper than the two-sided method at the same α, and at 0.7 α
 * it is still ahead. A tolerated rate of 0 is exceeded by the first failure, a rate of 1 never.
 * @throws RangeError on counts that cannot be, or a tolerated rate or α out of range
 */
export function rateExceeds(tally: Tally, tolerated: number, alpha: number): Exceeds {
  if (tolerated === 1) return { exceeds: false, evidence: 0 }
  checkRate(tally, tolerated, alpha)
  if (tolerated === 0) return { exceeds: tally.failed > 0, evidence: tally.failed > 0 ? Number.MAX_VALUE : 0 }
  const evidence = mixtureLogE(tally, tolerated, priorAbove(tolerated, RATIO))
  return { exceeds: evidence >= -Math.log(alpha), evidence }
}

function checkRate(tally: Tally, tolerated: number, alpha: number): void {
  checkTally(tally)
  checkShare('alpha', alpha)
  if (!(tolerated >= 0 && tolerated < 1))
    throw new RangeError(`tolerated must be a rate from 0 to below 1; got ${tolerated}`)
}
