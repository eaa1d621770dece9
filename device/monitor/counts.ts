import type { Baseline } from '../../src/contracts/packages.ts'

/** Bin of a finite value: the number of edges that are ≤ it, so that bin b holds [edges[b-1], edges[b]). */
export function binOf(edges: readonly number[], value: number): number {
  let low = 0
  let high = edges.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (edges[middle]! <= value) low = middle + 1
    else high = middle
  }
  return low
}

/** Bucket b holds times in [2^(b/4), 2^((b+1)/4)) µs; anything below 1 µs is in bucket 0. */
export function latencyBucket(micros: number): number {
  return micros > 1 ? Math.min(999, Math.floor(4 * Math.log2(micros))) : 0
}

/** Counts of one window. Merging two is addition. */
export interface Counts {
  inferences: number
  readonly features: Readonly<Record<string, number[]>>
  readonly prediction: number[]
  readonly latency: Record<string, number>
  /** Sum of the chosen class's probability, in ten-thousandths. */
  confidence: number
  /** By bin, where the baseline has bins for it. */
  readonly confidenceCounts?: number[]
  errors: number
}
/** What a candidate in the shadow did with the same rows. */
export interface ShadowCounts {
  readonly bundle: string
  compared: number
  disagreed: number
  errors: number
  confidence: number
  readonly latency: Record<string, number>
}

export function emptyCounts(baseline: Baseline): Counts {
  const empty = (edges: readonly number[]) => new Array<number>(edges.length + 2).fill(0)
  return {
    inferences: 0,
    features: Object.fromEntries(baseline.features.map(bins => [bins.name, empty(bins.edges)])),
    prediction: empty(baseline.prediction.edges),
    latency: {},
    confidence: 0,
    ...(baseline.confidence ? { confidenceCounts: empty(baseline.confidence.edges) } : {}),
    errors: 0,
  }
}

export const emptyShadow = (bundle: string): ShadowCounts => ({
  ...{ bundle, compared: 0, disagreed: 0, errors: 0, confidence: 0, latency: {} },
})

/** Ten-thousandths of a probability. */
export const tenThousandths = (probability: number): number => Math.round(probability * 10_000)

export function countLatency(into: Record<string, number>, micros: number): void {
  const bucket = String(latencyBucket(micros))
  into[bucket] = (into[bucket] ?? 0) + 1
}

/**
 * Adds one inference. `featureValue` gives a feature's value; null and what is not finite counts as missing, as it does
 * in the baseline.
 */
export function count(
  into: Counts,
  baseline: Baseline,
  featureValue: (feature: string) => number | null | undefined,
  score: number,
  confidence: number,
  micros: number,
): void {
  const tally = (counts: number[], edges: readonly number[], value: number | null | undefined): void => {
    const bin = typeof value === 'number' && Number.isFinite(value) ? binOf(edges, value) : edges.length + 1
    counts[bin]!++
  }
  into.inferences++
  for (const { name, edges } of baseline.features) tally(into.features[name]!, edges, featureValue(name))
  tally(into.prediction, baseline.prediction.edges, score)
  into.confidence += tenThousandths(confidence)
  if (into.confidenceCounts && baseline.confidence)
    tally(into.confidenceCounts, baseline.confidence.edges, confidence)
  countLatency(into.latency, micros)
}
