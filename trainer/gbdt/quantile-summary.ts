/**
 * A quantile summary as in Chen and Guestrin, "XGBoost: A Scalable Tree Boosting System" (2016), appendix A:
 * chosen values with bounds on the weight below each.
 */
export interface Summary {
  /** Ascending, distinct. */
  readonly values: Float32Array
  /** Weight of all rows below the value. */
  readonly below: Float64Array
  /** Weight of all rows up to and including the value. */
  readonly upTo: Float64Array
  /** Weight of the rows that have the value. */
  readonly mass: Float64Array
}

/** The summary that holds every distinct value. */
export function exactSummary(values: Float32Array, mass: Float64Array): Summary {
  const below = new Float64Array(values.length)
  const upTo = new Float64Array(values.length)
  let total = 0
  mass.forEach((m, i) => {
    below[i] = total
    total += m
    upTo[i] = total
  })
  return { values, below, upTo, mass }
}

/**
 * At most `size` entries of a summary: both ends, and between them the entries nearest to evenly spaced
 * ranks. They keep their rank bounds, so that a summary can be cut again.
 */
export function prune(summary: Summary, size: number): Summary {
  const { values, below, upTo, mass } = summary
  const last = values.length - 1
  if (values.length <= size) return summary
  const begin = upTo[0]!
  const range = below[last]! - begin
  const picked = [0]
  let i = 1
  for (let k = 1; k < size - 1; k++) {
    const twiceRank = 2 * (begin + (k * range) / (size - 1))
    while (i < last && twiceRank >= below[i + 1]! + upTo[i + 1]!) i++
    if (i >= last) break
    // Nearer to entry i while the rank is below the middle between where i ends and i + 1 begins.
    const middle = below[i]! + mass[i]! + upTo[i + 1]! - mass[i + 1]!
    const nearest = twiceRank < middle ? i : i + 1
    if (nearest !== picked[picked.length - 1]) picked.push(nearest)
  }
  if (picked[picked.length - 1] !== last) picked.push(last)
  return {
    values: Float32Array.from(picked, p => values[p]!),
    below: Float64Array.from(picked, p => below[p]!),
    upTo: Float64Array.from(picked, p => upTo[p]!),
    mass: Float64Array.from(picked, p => mass[p]!),
  }
}
