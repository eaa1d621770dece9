import type { Binned } from '../../contracts/packages.ts'

const BINS = 20

/** Bin of a finite value: the number of edges that are ≤ it, so bin b holds [edges[b-1], edges[b]). */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const mid = (low + high) >> 1
    if ((edges[mid] as number) <= value) low = mid + 1
    else high = mid
  }
  return low
}

/** Reference-quantile bins of a column (at most 20) with their shares; the last share is that of missing values. */
export function binColumn(name: string, values: readonly number[]): Binned {
  const present = values.filter(Number.isFinite).sort((a, b) => a - b)
  const edges: number[] = []
  for (let b = 1; b < BINS; b++) {
    const edge = present[Math.floor((b * present.length) / BINS)]
    // An edge at the minimum would leave the first bin empty, a repeated one would leave an empty bin between.
    if (edge !== undefined && edge > (present[0] as number) && edge !== edges.at(-1)) edges.push(edge)
  }
  return { name, edges, p0: shares(countColumn(edges, values)) }
}

/** Bins of a class index: one per class. */
export function binClasses(name: string, values: readonly number[], classes: number): Binned {
  const edges = Array.from({ length: classes - 1 }, (_, i) => i + 0.5)
  return { name, edges, p0: shares(countColumn(edges, values)) }
}

export function countColumn(edges: readonly number[], values: readonly number[]): number[] {
  const counts = new Array<number>(edges.length + 2).fill(0)
  for (const value of values) {
    const bin = Number.isFinite(value) ? binOf(edges, value) : edges.length + 1
    counts[bin] = (counts[bin] as number) + 1
  }
  return counts
}

/**
 * Shares with half a count added to each bin (Krichevsky–Trofimov), so that a bin that training never filled
 * does not make one field value infinitely surprising.
 */
export function shares(counts: readonly number[]): number[] {
  const total = counts.reduce((sum, c) => sum + c + 0.5, 0)
  return counts.map(c => (c + 0.5) / total)
}
