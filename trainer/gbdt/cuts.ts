import { exactSummary, prune, type Summary } from './quantile-summary.ts'

/** Candidate split values of one feature, ascending float32; the last one lies above every value seen. */
export interface Cuts {
  readonly values: Float32Array
  /** A float32 below every value seen: the split that sends all present values right. */
  readonly below: number
}

const fround = Math.fround

/** A float32 clear of `v` by XGBoost's margin, so that `x < t` (or `x >= t`) holds for all values. */
function clearOf(v: number, direction: 1 | -1): number {
  return fround(v + direction * (Math.abs(v) + 1e-5))
}

/**
 * At most `maxBin` cuts of a feature by weighted quantiles. With at most `maxBin` distinct values every
 * value becomes a cut; above that, those nearest to evenly spaced weighted ranks.
 *
 * @param column one feature's float32 values, NaN for missing
 * @param weights instance weights; rows of weight 0 shape no cut but stay inside the outermost ones
 */
export function quantileCuts(column: Float32Array, weights: Float32Array | undefined, maxBin: number): Cuts {
  const present = column.filter(v => !Number.isNaN(v)).sort()
  if (present.length === 0) return { values: Float32Array.of(fround(1e-5)), below: clearOf(0, -1) }
  const min = present[0]!
  const max = present[present.length - 1]!
  let summary = weights === undefined ? summarize(present) : summarizeWeighted(present, column, weights)
  for (const size of pruneSizes(present.length, maxBin)) summary = prune(summary, size)
  const inner = summary.values.subarray(1, Math.min(summary.values.length, maxBin))
  return { values: Float32Array.of(...inner, clearOf(max, 1)), below: clearOf(min, -1) }
}

/**
 * XGBoost's sketch keeps a summary of limited size, cuts it to eight entries per bin and those to the
 * bins. Choosing through the same steps from exact ranks gives its cuts exactly while a column fits into
 * the sketch's first buffer, and equally good ones beyond.
 */
function pruneSizes(count: number, maxBin: number): number[] {
  const eps = 1 / (Math.min(count, maxBin) * 8)
  let levels = 1
  const limit = (): number => Math.min(count, Math.ceil(levels / eps) + 1)
  while (2 ** levels * limit() < count) levels++
  return [limit(), Math.min(count, maxBin * 8), maxBin + 1]
}

/** Index of the first element greater than `v`, or the length. */
export function upperBound(sorted: Float32Array, v: number): number {
  let lo = 0
  let hi = sorted.length
  while (lo < hi) {
    const mid = (lo + hi) >>> 1
    if (sorted[mid]! > v) hi = mid
    else lo = mid + 1
  }
  return lo
}

function summarize(sorted: Float32Array): Summary {
  const values = sorted.filter((v, i) => i === 0 || v !== sorted[i - 1])
  const mass = new Float64Array(values.length)
  let at = -1
  sorted.forEach((v, i) => {
    if (i === 0 || v !== sorted[i - 1]) at++
    mass[at] = mass[at]! + 1
  })
  return exactSummary(values, mass)
}

/** Total weight per distinct value, without the values whose rows all weigh nothing. */
function summarizeWeighted(sorted: Float32Array, column: Float32Array, weights: Float32Array): Summary {
  const values = sorted.filter((v, i) => i === 0 || v !== sorted[i - 1])
  const mass = new Float64Array(values.length)
  column.forEach((v, r) => {
    if (Number.isNaN(v)) return
    const i = upperBound(values, v) - 1
    mass[i] = mass[i]! + weights[r]!
  })
  return exactSummary(
    values.filter((_, i) => mass[i]! > 0),
    mass.filter(m => m > 0),
  )
}
