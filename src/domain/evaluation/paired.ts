import { normalQuantile } from '../rollout/stats/normal.ts'
import { fixedUpperBound } from '../rollout/stats/proof.ts'

/** What two models did on the same rows, as sums: those of two sets of rows add up. */
export interface PairSums {
  readonly rows: number
  /** Rows that the champion answers rightly and the challenger does not, and the converse; for classes. */
  readonly worse: number
  readonly better: number
  /** Sums of squared errors and of the squares of their differences; for values. */
  readonly own: number
  readonly theirs: number
  readonly squares: number
}
/** How much worse the challenger is: a share of rows, or RMSE. Each end alone misses with probability α. */
export interface Loss {
  readonly estimate: number
  readonly lower: number
  readonly upper: number
}

export const NO_PAIRS: PairSums = { rows: 0, worse: 0, better: 0, own: 0, theirs: 0, squares: 0 }
export const addPairs = (a: PairSums, b: PairSums, sign: 1 | -1 = 1): PairSums => ({
  rows: a.rows + sign * b.rows,
  worse: a.worse + sign * b.worse,
  better: a.better + sign * b.better,
  own: a.own + sign * b.own,
  theirs: a.theirs + sign * b.theirs,
  squares: a.squares + sign * b.squares,
})

/** One row: whether each was right, or the error of each. */
export const classPair = (own: boolean, theirs: boolean): PairSums => ({
  ...NO_PAIRS,
  rows: 1,
  worse: theirs && !own ? 1 : 0,
  better: own && !theirs ? 1 : 0,
})
export function valuePair(own: number, theirs: number): PairSums {
  const [a, b] = [own ** 2, theirs ** 2]
  return { ...NO_PAIRS, rows: 1, own: a, theirs: b, squares: (a - b) ** 2 }
}

/**
 * Loss of accuracy, p(worse) − p(better). The pairs that differ are those of McNemar's test; each of the two shares is
 * binomial in all n rows, so the difference of their Clopper–Pearson bounds, α/2 each, holds at every n and for every
 * share without an approximation, a little wider than it would have to be.
 */
export function classLoss({ rows, worse, better }: PairSums, alpha: number): Loss {
  if (rows === 0) return { estimate: 0, lower: -1, upper: 1 }
  const upper = (failed: number): number => fixedUpperBound({ failed, total: rows }, alpha / 2)
  const lower = (failed: number): number => 1 - upper(rows - failed)
  return {
    estimate: (worse - better) / rows,
    lower: lower(worse) - upper(better),
    upper: upper(worse) - lower(better),
  }
}

/** Fewer rows than this are too few for the normal approximation. */
export const MIN_VALUE_ROWS = 30
/**
 * Loss in RMSE. Squared errors have no bound, so nothing exact can be said: the mean difference of the squared errors is
 * taken as normal, from 30 rows on, and carried over to RMSE at the champion's.
 */
export function valueLoss({ rows, own, theirs, squares }: PairSums, alpha: number): Loss {
  const before = Math.sqrt(theirs / rows)
  const estimate = Math.sqrt(own / rows) - before
  if (rows < MIN_VALUE_ROWS)
    return { estimate, lower: Number.NEGATIVE_INFINITY, upper: Number.POSITIVE_INFINITY }
  const mean = (own - theirs) / rows
  const variance = Math.max(0, squares / rows - mean ** 2) / (rows - 1)
  const reach = normalQuantile(1 - alpha) * Math.sqrt(variance)
  const inRmse = (difference: number): number => Math.sqrt(Math.max(0, theirs / rows + difference)) - before
  return { estimate, lower: inRmse(mean - reach), upper: inRmse(mean + reach) }
}
