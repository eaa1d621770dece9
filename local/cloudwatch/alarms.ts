/**
 * Alarms and when they change. Once a minute an alarm looks at the last EvaluationPeriods periods, each ending now, or
 * one, two … periods ago. Reference: CloudWatch user guide, "Alarm evaluation" and "Configuring how CloudWatch alarms
 * treat missing data". Unlike there, no periods beyond these are looked at in place of missing ones, and what lies
 * before the alarm was made counts neither way.
 */
import type { Realm } from '../core/types.ts'
import type { Point } from './math.ts'
import { compileQueries, invalid, type Query } from './query.ts'
import { type AlarmState, compileRule } from './rule.ts'
import type { Series } from './series.ts'

type Json = Readonly<Record<string, unknown>>
export interface Alarm {
  readonly name: string
  readonly arn: string
  readonly type: 'MetricAlarm' | 'CompositeAlarm'
  /** Properties of the resource, as given. */
  readonly properties: Json
  readonly made: Date
  state: AlarmState
  reason: string
  since: Date
  evaluate(minute: number): { readonly state: AlarmState; readonly reason: string } | undefined
}

const comparisons: Readonly<Record<string, (value: number, threshold: number) => boolean>> = {
  GreaterThanThreshold: (value, threshold) => value > threshold,
  GreaterThanOrEqualToThreshold: (value, threshold) => value >= threshold,
  LessThanThreshold: (value, threshold) => value < threshold,
  LessThanOrEqualToThreshold: (value, threshold) => value <= threshold,
}
const words: Readonly<Record<string, string>> = {
  GreaterThanThreshold: 'greater than',
  GreaterThanOrEqualToThreshold: 'greater than or equal to',
  LessThanThreshold: 'less than',
  LessThanOrEqualToThreshold: 'less than or equal to',
}

/** `madeAt`: the minute in which it was made. Throws AwsError ValidationError naming the property. */
export function metricAlarm(realm: Realm, series: Series, properties: Json, madeAt: number): Alarm {
  const { query, minutes } = watchedBy(properties, series)
  const periods = whole(properties, 'EvaluationPeriods')
  const needed =
    properties['DatapointsToAlarm'] === undefined ? periods : whole(properties, 'DatapointsToAlarm')
  const threshold = Number(properties['Threshold'])
  const operator = String(properties['ComparisonOperator'])
  const breaches = comparisons[operator]
  const missing = String(properties['TreatMissingData'] ?? 'missing')
  if (breaches === undefined) throw invalid(`ComparisonOperator ${operator} is not run by the local cloud`)
  if (!Number.isFinite(threshold)) throw invalid('Threshold must be a number')
  if (!['missing', 'ignore', 'breaching', 'notBreaching'].includes(missing))
    throw invalid(`TreatMissingData ${missing} is not known`)

  return {
    ...base(realm, properties, 'MetricAlarm'),
    evaluate(minute) {
      const points: { readonly value: Point; readonly before: boolean }[] = []
      for (let i = 0; i < periods; i++) {
        const to = minute - i * minutes
        points.push({ value: query.value(to - minutes, to), before: to - minutes < madeAt })
      }
      const known = points.flatMap(({ value }) => (value === undefined ? [] : [value]))
      const gone = points.filter(p => p.value === undefined && !p.before).length
      const over = known.filter(value => breaches(value, threshold))
      const breaching = over.length + (missing === 'breaching' ? gone : 0)
      const of = `${needed} of the last ${periods} periods of ${minutes} min`
      if (breaching >= needed)
        return {
          state: 'ALARM',
          reason: `Threshold Crossed: ${of}, ${over.length === 0 ? 'no data' : `newest ${over[0]}`}, ${words[operator]} the threshold ${threshold}.`,
        }
      if (known.length === 0 && missing === 'ignore') return undefined
      if (known.length === 0 && missing === 'missing')
        return { state: 'INSUFFICIENT_DATA', reason: 'Insufficient Data: no data points.' }
      return {
        state: 'OK',
        reason: `Threshold not crossed: ${of}, ${known.length === 0 ? 'no data' : `newest ${known[0]}`}, threshold ${threshold}.`,
      }
    },
  }
}

/** Looks at states and not at metrics. Throws AwsError ValidationError for a rule that it cannot read. */
export function compositeAlarm(
  realm: Realm,
  properties: Json,
  find: (name: string) => Alarm | undefined,
): Alarm {
  const rule = compileRule(String(properties['AlarmRule']))
  const unknown = rule.names.find(name => find(name) === undefined)
  if (unknown !== undefined) throw invalid(`AlarmRule names the alarm ${unknown}, which does not exist`)
  return {
    ...base(realm, properties, 'CompositeAlarm'),
    evaluate() {
      const holds = rule.holds(name => find(name)?.state ?? 'INSUFFICIENT_DATA')
      const up = rule.names.filter(name => find(name)?.state === 'ALARM')
      return holds
        ? { state: 'ALARM', reason: `The rule holds: ${up.join(', ')} in ALARM.` }
        : { state: 'OK', reason: 'The rule does not hold.' }
    },
  }
}

function base(realm: Realm, properties: Json, type: Alarm['type']): Omit<Alarm, 'evaluate'> {
  const name = String(properties['AlarmName'])
  const made = realm.now()
  return {
    name,
    arn: `arn:aws:cloudwatch:${realm.region}:${realm.accountId}:alarm:${name}`,
    ...{ type, properties, made, state: 'INSUFFICIENT_DATA', since: made },
    reason: 'Unchecked: Initial alarm creation',
  }
}

function watchedBy(properties: Json, series: Series): { readonly query: Query; readonly minutes: number } {
  const given = properties['Metrics']
  const single = {
    Id: 'm1',
    MetricStat: {
      Stat: properties['ExtendedStatistic'] ?? properties['Statistic'],
      Period: properties['Period'],
      Metric: properties,
    },
  }
  const { queries, minutes } = compileQueries(Array.isArray(given) ? given : [single], series)
  const [query, ...others] = queries.filter(q => q.returned)
  if (query === undefined || others.length > 0) throw invalid('exactly one of Metrics must have ReturnData')
  // What an expression names must be there when the alarm is made, not when it is looked at.
  query.value(0, minutes)
  return { query, minutes }
}

function whole(properties: Json, name: string): number {
  const value = Number(properties[name])
  if (!Number.isInteger(value) || value < 1) throw invalid(`${name} must be a whole number from 1`)
  return value
}
