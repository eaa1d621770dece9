/** The operations by which people and tools look at alarms and metrics. */
import type { CallContext, JsonOperation } from '../core/types.ts'
import { AwsError } from '../core/types.ts'
import type { Alarm } from './alarms.ts'
import { compileQueries, invalid, metricOf } from './query.ts'
import type { AlarmState } from './rule.ts'
import type { MetricName, Series } from './series.ts'

type Json = Readonly<Record<string, unknown>>
export interface OperationsContext {
  readonly alarms: ReadonlyMap<string, Alarm>
  readonly series: Series
  readonly minuteMs: number
  readonly now: () => Date
  set(alarm: Alarm, state: AlarmState, reason: string): void
  measure(metric: MetricName, value: number): void
}
const STATES: readonly string[] = ['OK', 'ALARM', 'INSUFFICIENT_DATA']

export function cloudwatchOperations(context: OperationsContext): Readonly<Record<string, JsonOperation>> {
  const { alarms, series, minuteMs } = context
  // CloudWatch has no resources below the account for these, except alarms.
  const allow = (ctx: CallContext, action: string, resource = '*'): void =>
    ctx.authorize({ action: `cloudwatch:${action}`, resource })

  return {
    DescribeAlarms(input: Json, ctx) {
      allow(ctx, 'DescribeAlarms')
      const names = input['AlarmNames'] as readonly string[] | undefined
      const prefix = String(input['AlarmNamePrefix'] ?? '')
      // As in AWS: composite alarms only when they are asked for.
      const types = (input['AlarmTypes'] ?? ['MetricAlarm']) as readonly string[]
      const state = input['StateValue']
      const found = [...alarms.values()]
        .filter(alarm => names === undefined || names.length === 0 || names.includes(alarm.name))
        .filter(alarm => alarm.name.startsWith(prefix) && types.includes(alarm.type))
        .filter(alarm => state === undefined || alarm.state === state)
        .sort((a, b) => (a.name < b.name ? -1 : 1))
      const start = Number(input['NextToken'] ?? 0)
      const limit = Number(input['MaxRecords'] ?? 50)
      const page = found.slice(start, start + limit)
      return {
        MetricAlarms: page.filter(a => a.type === 'MetricAlarm').map(described),
        CompositeAlarms: page.filter(a => a.type === 'CompositeAlarm').map(described),
        ...(start + limit < found.length && { NextToken: String(start + limit) }),
      }
    },
    SetAlarmState(input: Json, ctx) {
      const alarm = alarms.get(String(input['AlarmName']))
      allow(ctx, 'SetAlarmState', alarm?.arn)
      if (alarm === undefined)
        throw new AwsError('ResourceNotFound', `there is no alarm ${String(input['AlarmName'])}`)
      const state = String(input['StateValue'])
      if (!STATES.includes(state)) throw invalid(`StateValue must be one of ${STATES.join(', ')}`)
      context.set(alarm, state as AlarmState, String(input['StateReason'] ?? ''))
      return {}
    },
    GetMetricData(input: Json, ctx) {
      allow(ctx, 'GetMetricData')
      const given = input['MetricDataQueries']
      if (!Array.isArray(given) || given.length === 0)
        throw invalid('MetricDataQueries must be a list, not empty')
      const { queries, minutes } = compileQueries(given, series)
      const step = minutes * minuteMs
      const first = Math.floor((Number(input['StartTime']) * 1000) / step)
      const last = Math.ceil((Number(input['EndTime']) * 1000) / step)
      if (!(last > first)) throw invalid('EndTime must be after StartTime')
      if (last - first > 1440) throw invalid('more than 1,440 periods')
      return {
        MetricDataResults: queries
          .filter(query => query.returned)
          .map(query => {
            const [Timestamps, Values]: [number[], number[]] = [[], []]
            // Newest first, as by default.
            for (let i = last - 1; i >= first; i--) {
              const value = query.value(i * minutes, (i + 1) * minutes)
              if (value === undefined) continue
              Timestamps.push((i * step) / 1000)
              Values.push(value)
            }
            return { Id: query.id, Label: query.label, Timestamps, Values, StatusCode: 'Complete' }
          }),
        Messages: [],
      }
    },
    PutMetricData(input: Json, ctx) {
      allow(ctx, 'PutMetricData')
      for (const datum of (input['MetricData'] ?? []) as readonly Json[]) {
        const metric = metricOf({ ...datum, Namespace: input['Namespace'] })
        const values = (datum['Values'] ?? [datum['Value']]) as readonly unknown[]
        for (const value of values) {
          if (typeof value !== 'number')
            throw invalid(`${metric.name}: only Value and Values are run by the local cloud`)
          context.measure(metric, value)
        }
      }
      return {}
    },
  }
}

const seconds = (time: Date): number => time.getTime() / 1000

/** Shapes MetricAlarm and CompositeAlarm of the API. Numbers that a template gives as text are numbers there. */
function described({ name, arn, properties, state, reason, since, made }: Alarm): Json {
  const { AlarmName: _name, Tags: _tags, ...rest } = properties
  const numbers = Object.fromEntries(
    ['Threshold', 'EvaluationPeriods', 'DatapointsToAlarm', 'Period'].flatMap(key =>
      rest[key] === undefined ? [] : [[key, Number(rest[key])]],
    ),
  )
  return {
    ...{ AlarmName: name, AlarmArn: arn, ActionsEnabled: true },
    ...rest,
    ...numbers,
    ...{ StateValue: state, StateReason: reason, StateUpdatedTimestamp: seconds(since) },
    AlarmConfigurationUpdatedTimestamp: seconds(made),
  }
}
