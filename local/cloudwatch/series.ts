/** Data points of metrics by minute, in memory: enough for alarms and for a look back of some hours. */

export type Dimensions = Readonly<Record<string, string>>
export interface MetricName {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Dimensions
}
/** What came in one minute. */
interface Bucket {
  count: number
  sum: number
  min: number
  max: number
  /** The first values, for percentiles. */
  readonly values: number[]
}

const KEPT_MINUTES = 360
/** Above it percentiles of a minute are of its first values. */
const KEPT_VALUES = 1_000

export type Series = ReturnType<typeof createSeries>

export function createSeries() {
  const metrics = new Map<string, { readonly metric: MetricName; readonly minutes: Map<number, Bucket> }>()

  /** The values of a number of minutes as one. */
  const merged = (minutes: Map<number, Bucket>, from: number, to: number): Bucket | undefined => {
    let all: Bucket | undefined
    for (let minute = from; minute < to; minute++) {
      const bucket = minutes.get(minute)
      if (bucket === undefined) continue
      all ??= { count: 0, sum: 0, min: Number.POSITIVE_INFINITY, max: Number.NEGATIVE_INFINITY, values: [] }
      all.count += bucket.count
      all.sum += bucket.sum
      all.min = Math.min(all.min, bucket.min)
      all.max = Math.max(all.max, bucket.max)
      all.values.push(...bucket.values)
    }
    return all
  }

  return {
    add(metric: MetricName, minute: number, value: number): void {
      if (!Number.isFinite(value)) return
      const key = keyOf(metric)
      let found = metrics.get(key)
      if (found === undefined) {
        found = { metric, minutes: new Map() }
        metrics.set(key, found)
      }
      let bucket = found.minutes.get(minute)
      if (bucket === undefined) {
        bucket = { count: 0, sum: 0, min: value, max: value, values: [] }
        found.minutes.set(minute, bucket)
        for (const old of found.minutes.keys()) if (old <= minute - KEPT_MINUTES) found.minutes.delete(old)
      }
      bucket.count++
      bucket.sum += value
      bucket.min = Math.min(bucket.min, value)
      bucket.max = Math.max(bucket.max, value)
      if (bucket.values.length < KEPT_VALUES) bucket.values.push(value)
    },
    /** Undefined when nothing came in these minutes; `to` is not one of them. */
    statistic(metric: MetricName, stat: string, from: number, to: number): number | undefined {
      const found = metrics.get(keyOf(metric))
      const all = found && merged(found.minutes, from, to)
      return all && statistic(all, stat)
    },
    list: (): readonly MetricName[] => [...metrics.values()].map(({ metric }) => metric),
  }
}

function statistic(bucket: Bucket, stat: string): number | undefined {
  switch (stat) {
    case 'Sum':
      return bucket.sum
    case 'SampleCount':
      return bucket.count
    case 'Average':
      return bucket.sum / bucket.count
    case 'Minimum':
      return bucket.min
    case 'Maximum':
      return bucket.max
  }
  const percentile = Number(/^p(\d{1,2}(?:\.\d+)?|100)$/.exec(stat)?.[1])
  if (Number.isNaN(percentile)) return undefined
  const sorted = bucket.values.toSorted((a, b) => a - b)
  return sorted[Math.max(0, Math.ceil((percentile / 100) * sorted.length) - 1)]
}

export const knownStatistic = (stat: string): boolean =>
  /^(Sum|SampleCount|Average|Minimum|Maximum|p(\d{1,2}(\.\d+)?|100))$/.test(stat)

const keyOf = ({ namespace, name, dimensions }: MetricName): string =>
  [namespace, name, ...Object.entries(dimensions).sort().flat()].join('\0')
