/** MetricDataQuery structures, as alarms and GetMetricData have them. */
import { AwsError } from '../core/types.ts'
import { compileMath, type Expression, type Point } from './math.ts'
import { knownStatistic, type MetricName, type Series } from './series.ts'

type Json = Readonly<Record<string, unknown>>
export interface Query {
  readonly id: string
  readonly label: string
  readonly returned: boolean
  /** The value of the period that begins with minute `from` and ends before `to`. */
  value(from: number, to: number): Point
}

/** Throws AwsError ValidationError naming the query and what is wrong with it. */
export function compileQueries(
  queries: readonly unknown[],
  series: Series,
): { queries: Query[]; minutes: number } {
  const stats = new Map<string, { readonly metric: MetricName; readonly stat: string }>()
  const math = new Map<string, Expression>()
  let minutes: number | undefined
  for (const query of queries as readonly Json[]) {
    const id = String(query['Id'] ?? '')
    if (!/^[a-z]\w*$/.test(id) || stats.has(id) || math.has(id))
      throw invalid(`Id "${id}" is not allowed, or twice`)
    const metric = query['MetricStat'] as Json | undefined
    if (metric === undefined) {
      math.set(id, compileMath(String(query['Expression'] ?? '')))
      continue
    }
    const stat = String(metric['Stat'])
    if (!knownStatistic(stat)) throw invalid(`${id}: statistic ${stat} is not run by the local cloud`)
    stats.set(id, { metric: metricOf(metric['Metric'] as Json), stat })
    const period = minutesOf(metric['Period'])
    if (minutes !== undefined && minutes !== period) throw invalid(`${id}: all periods must be the same here`)
    minutes = period
  }
  const pointOf = (id: string, from: number, to: number, depth = 0): Point => {
    const plain = stats.get(id)
    if (plain) return series.statistic(plain.metric, plain.stat, from, to)
    const expression = math.get(id)
    if (expression === undefined) throw invalid(`there is no query "${id}"`)
    if (depth > 10) throw invalid(`${id} depends on itself`)
    return expression({
      of: other => pointOf(other, from, to, depth + 1),
      all: () => [...stats.keys()].map(other => pointOf(other, from, to, depth + 1)),
    })
  }
  return {
    minutes: minutes ?? 1,
    queries: (queries as readonly Json[]).map(query => {
      const id = String(query['Id'])
      return {
        id,
        label: String(query['Label'] ?? stats.get(id)?.metric.name ?? id),
        returned: query['ReturnData'] !== false,
        value: (from, to) => pointOf(id, from, to),
      }
    }),
  }
}

export function metricOf(metric: Json): MetricName {
  const dimensions = (metric['Dimensions'] ?? []) as readonly {
    readonly Name: string
    readonly Value: string
  }[]
  return {
    namespace: String(metric['Namespace']),
    name: String(metric['MetricName']),
    dimensions: Object.fromEntries(dimensions.map(({ Name, Value }) => [Name, String(Value)])),
  }
}

export function minutesOf(period: unknown): number {
  const seconds = Number(period)
  if (!Number.isInteger(seconds) || seconds < 60 || seconds % 60 !== 0)
    throw invalid(`a period must be a multiple of 60 seconds here, not ${String(period)}`)
  return seconds / 60
}

export const invalid = (message: string): AwsError => new AwsError('ValidationError', message)
