import { checkShare, checkTally, type Tally } from './mixture.ts'
import { logBinomial } from './special.ts'
import { LOOK_FRACTIONS, plannedLooks, type Spending, spent } from './spending.ts'

export { LOOK_FRACTIONS, lookDue, plannedLooks, type Spending, spent } from './spending.ts'

/** The promotion test of one phase. */
export interface PromotionPlan {
  /** Totals of terminal devices at which was or will be looked, growing. */
  readonly looks: readonly number[]
  /** Terminal devices that the phase expects: information 1. */
  readonly expected: number
  /** The failure rate that must be shown to be undercut. */
  readonly tolerated: number
  readonly alpha: number
  /** O'Brien–Fleming unless told. */
  readonly spending?: Spending
}

/**
 * Failures allowed at each look for a promotion, −1 where none is possible: group-sequential proof that the failure
 * rate is below `tolerated` (non-inferiority). The chance of promoting at any of the looks while the rate is `tolerated`
 * or more is at most α. Boundaries are exact: the binomial distribution of the failures of phases still undecided is
 * carried from look to look (Armitage, McPherson & Rowe, JRSS A 132, 1969), no normal approximation; what discreteness
 * leaves unspent at a look is there for the next.
 *
 * A release must pass every phase. Promoting a bad one all the way takes a wrong promotion in each, which is no more
 * likely than in one (intersection–union), so α is not divided among phases, nor among metrics.
 * @throws RangeError on looks that do not grow, or parameters out of range
 */
export function nonInferiority(plan: PromotionPlan): number[] {
  const { looks, expected, tolerated, alpha, spending = 'obrien-fleming' } = plan
  checkPlan(plan)
  // Paths not promoted at an earlier look: probability by number of failures, from `base` up.
  let undecided: Paths = { base: 0, mass: [1] }
  let used = 0
  let previous = 0
  return looks.map(total => {
    const budget = spent(total / expected, alpha, spending)
    const { base, mass } = convolve(undecided, binomialWindow(total - previous, tolerated))
    previous = total
    // Below `base` there is no path left, so promoting there costs nothing.
    let cut = 0
    while (cut < mass.length && used + mass[cut]! <= budget) used += mass[cut++]!
    undecided = { base: base + cut, mass: mass.slice(cut) }
    return base + cut - 1
  })
}

interface Paths {
  readonly base: number
  readonly mass: readonly number[]
}

function convolve(a: Paths, b: Paths): Paths {
  const mass = new Array<number>(a.mass.length + b.mass.length - 1).fill(0)
  a.mass.forEach((p, i) => {
    b.mass.forEach((q, j) => {
      mass[i + j] = mass[i + j]! + p * q
    })
  })
  return { base: a.base + b.base, mass }
}

/** Probabilities below this are left out; a million of them do not reach the last digit of α. */
const NEGLIGIBLE = 1e-22

/** Binomial(n, p) where it is not negligible. */
function binomialWindow(n: number, p: number): Paths {
  const mode = Math.min(n, Math.floor((n + 1) * p))
  const at = (s: number): number => Math.exp(logBinomial(s, n, p))
  const low: number[] = []
  let base = mode
  while (base > 0 && at(base - 1) > NEGLIGIBLE) low.push(at(--base))
  const high = [at(mode)]
  for (let s = mode + 1; s <= n && at(s) > NEGLIGIBLE; s++) high.push(at(s))
  return { base, mass: [...low.reverse(), ...high] }
}

export interface Promotion {
  readonly promotes: boolean
  /** Failures that this look would still promote with; −1: none. */
  readonly allowed: number
}

/**
 * The promotion test at this total, taken as a look: `plan.looks` are those before it (later ones are ignored). Ask only
 * when `lookDue`, and record the total: every look spends.
 * @throws RangeError on counts that cannot be, or a plan that cannot be
 */
export function promotes(tally: Tally, plan: PromotionPlan): Promotion {
  checkTally(tally)
  if (tally.total === 0) return { promotes: false, allowed: -1 }
  const looks = [...plan.looks.filter(look => look < tally.total), tally.total]
  const allowed = nonInferiority({ ...plan, looks }).at(-1)!
  return { promotes: tally.failed <= allowed, allowed }
}

/** Most failures with which a phase of `expected` devices promotes at its last planned look; −1: it cannot. */
export const allowedAtEnd = (
  expected: number,
  tolerated: number,
  alpha: number,
  fractions = LOOK_FRACTIONS,
): number => nonInferiority({ looks: plannedLooks(expected, fractions), expected, tolerated, alpha }).at(-1)!

function checkPlan({ looks, expected, tolerated, alpha }: PromotionPlan): void {
  checkShare('alpha', alpha)
  checkShare('tolerated', tolerated)
  if (!(Number.isSafeInteger(expected) && expected > 0))
    throw new RangeError(`expected must be a whole number of devices above 0; got ${expected}`)
  looks.forEach((look, i) => {
    if (!Number.isSafeInteger(look) || look <= (i === 0 ? 0 : looks[i - 1]!))
      throw new RangeError(`looks must be whole numbers of devices that grow; got ${looks.join(', ')}`)
  })
}
