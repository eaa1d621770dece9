import type { Tally } from './mixture.ts'

/** `boundary[n]`: fewest failures among n outcomes that stop; above n where none do. Entry 0 stands for no outcome. */
export type Boundary = readonly number[]

/** Boundary up to `devices` of a stop test that grows with failures and falls with successes. */
export function stopBoundary(devices: number, exceeds: (tally: Tally) => boolean): number[] {
  const boundary = [1]
  let failed = 1
  for (let total = 1; total <= devices; total++) {
    while (failed <= total && !exceeds({ failed, total })) failed++
    boundary.push(failed)
  }
  return boundary
}

/** Below this an open path no longer moves any figure. */
const NEGLIGIBLE = 1e-20

/**
 * Exact probability to have stopped by each total, when the test looks after each outcome: entry n of the result is the
 * chance of a stop within n outcomes.
 * @param chance that the next outcome is a failure: a number, or what it is after `failed` of `total`, as when drawing
 * without replacement
 */
export function stopProbability(
  boundary: Boundary,
  chance: number | ((failed: number, total: number) => number),
): number[] {
  // Probability of each number of failures with no stop yet; updated in place from the top.
  const open = new Float64Array(boundary.length + 1)
  open[0] = 1
  let low = 0
  let high = 0
  let stopped = 0
  const result = [0]
  for (let total = 1; total < boundary.length; total++) {
    const at = typeof chance === 'number' ? undefined : chance
    let p = at === undefined ? (chance as number) : 0
    for (let failed = high; failed >= low; failed--) {
      const mass = open[failed]!
      if (at !== undefined) p = at(failed, total - 1)
      open[failed + 1] = open[failed + 1]! + mass * p
      open[failed] = mass * (1 - p)
    }
    high++
    for (; high >= boundary[total]!; high--) {
      stopped += open[high]!
      open[high] = 0
    }
    while (low < high && open[low]! < NEGLIGIBLE) open[low++] = 0
    result.push(stopped)
  }
  return result
}
