import { addCounts } from './windows.ts'

/** Latency as devices count it: bucket b holds times in [2^(b/4), 2^((b+1)/4)) µs. */

/** Counts by bucket from 0 on, up to the last that is not empty. */
export function latencyCounts(histogram: Readonly<Record<string, number>>): readonly number[] {
  const buckets = Object.keys(histogram).map(Number)
  return Array.from(
    { length: buckets.length === 0 ? 0 : Math.max(...buckets) + 1 },
    (_, b) => histogram[b] ?? 0,
  )
}

/**
 * Upper edge, µs, of the bucket that holds the q-quantile: the time was below it, and above it divided by 2^(1/4).
 * Undefined without counts. Percentiles come from merged counts and are never averaged.
 */
export function latencyPercentile(counts: readonly number[], q: number): number | undefined {
  const n = counts.reduce((sum, c) => sum + c, 0)
  if (n === 0) return undefined
  const rank = Math.max(1, Math.ceil(q * n))
  let seen = 0
  const bucket = counts.findIndex(c => {
    seen += c
    return seen >= rank
  })
  return 2 ** ((bucket + 1) / 4)
}

/** Percentiles of merged histograms in ms, as people read them; null without counts. */
export function latencyView(
  histograms: readonly Readonly<Record<string, number>>[],
): { readonly p50: number; readonly p95: number; readonly p99: number } | null {
  const merged = histograms.map(latencyCounts).reduce<readonly number[]>(addCounts, [])
  const at = (q: number): number | undefined => {
    const us = latencyPercentile(merged, q)
    return us === undefined ? undefined : Number((us / 1_000).toPrecision(3))
  }
  const [p50, p95, p99] = [at(0.5), at(0.95), at(0.99)]
  return p50 === undefined || p95 === undefined || p99 === undefined ? null : { p50, p95, p99 }
}
