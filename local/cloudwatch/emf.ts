/**
 * Metrics in log lines: the embedded metric format. Reference: CloudWatch user guide, "Specification: Embedded metric
 * format". The time of a value is the time at which its line came.
 */
import type { MetricName } from './series.ts'

type Json = Readonly<Record<string, unknown>>

/** Values of a line; none for a line that has no metrics, or has them wrong, as CloudWatch drops those. */
export function embedded(line: string): { readonly metric: MetricName; readonly value: number }[] {
  if (!line.includes('"_aws"')) return []
  let root: Json
  try {
    root = JSON.parse(line) as Json
  } catch {
    return []
  }
  const directives = (root['_aws'] as Json | undefined)?.['CloudWatchMetrics']
  if (!Array.isArray(directives)) return []
  return (directives as readonly Json[]).flatMap(directive => {
    const sets = (directive['Dimensions'] ?? [[]]) as readonly (readonly string[])[]
    const metrics = (directive['Metrics'] ?? []) as readonly { readonly Name: string }[]
    return sets.flatMap(set => {
      const dimensions = Object.fromEntries(set.map(name => [name, String(root[name])]))
      return metrics.flatMap(({ Name: name }) => {
        const metric = { namespace: String(directive['Namespace']), name, dimensions }
        const values = root[name]
        return (Array.isArray(values) ? values : [values])
          .filter(value => typeof value === 'number')
          .map(value => ({ metric, value }))
      })
    })
  })
}
