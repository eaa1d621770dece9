import type { WindowDetail } from '../api/types.ts'
import { figure } from './format.ts'

export interface Bar {
  readonly label: string
  readonly baseline: number
  readonly now: number
  readonly count: number
}

/**
 * Shares of a window against the baseline's, bin by bin. Bin b holds [edges[b-1], edges[b]); the last is of missing
 * values and is left out where there never were any. Classes have edges half-way between their indices.
 */
export function bars(
  { edges, baseline, counts }: WindowDetail['bins'][number],
  classes: readonly string[] | undefined,
): Bar[] {
  const total = counts.reduce((sum, c) => sum + c, 0)
  const present = edges.length + 1
  return baseline.flatMap((share, b) => {
    const count = counts[b] ?? 0
    // A baseline has half a count in each bin: that is no sign of missing values.
    if (b === present && count === 0 && share < 0.01) return []
    return [
      {
        label: b === present ? 'missing' : (classes?.[b] ?? range(edges[b - 1], edges[b])),
        ...{ baseline: share, now: total === 0 ? 0 : count / total, count },
      },
    ]
  })
}

const range = (from: number | undefined, to: number | undefined): string =>
  from === undefined
    ? to === undefined
      ? 'all'
      : `below ${figure(to)}`
    : to === undefined
      ? `${figure(from)} and more`
      : `${figure(from)} to ${figure(to)}`
