/** CloudWatch on one machine: metrics of log lines and of the local services, alarms on them, and their states. */
import type { ServiceOptions } from '../core/services.ts'
import type { JsonService } from '../core/types.ts'
import { type Alarm, compositeAlarm, metricAlarm } from './alarms.ts'
import { embedded } from './emf.ts'
import { cloudwatchOperations } from './operations.ts'
import type { AlarmState } from './rule.ts'
import { createSeries, type Dimensions, type MetricName } from './series.ts'

export interface CloudWatchOptions extends ServiceOptions {
  /** How long a minute of metrics and alarms lasts here, in ms: tests have no hours. Default 60 000. */
  readonly minuteMs?: number
}
export interface CloudWatch {
  readonly service: JsonService
  /** One value now. */
  measure(namespace: string, name: string, dimensions: Dimensions, value: number): void
  /** Takes the metrics out of a line of a log, if it has any. */
  readLine(line: string): void
  /** Called at the end of every minute, before alarms look: for what is measured and not counted. */
  sample(read: () => void): void
  /** Properties of AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm. */
  createAlarm(properties: Readonly<Record<string, unknown>>): { readonly arn: string }
  createCompositeAlarm(properties: Readonly<Record<string, unknown>>): { readonly arn: string }
  stateOf(alarm: string): AlarmState | undefined
  /** The end of a minute: samples are taken and alarms look. Comes by itself. */
  tick(): void
  close(): void
}

export function createCloudWatch({ realm, minuteMs = 60_000 }: CloudWatchOptions): CloudWatch {
  const series = createSeries()
  const alarms = new Map<string, Alarm>()
  const samplers: (() => void)[] = []
  const minuteNow = (): number => Math.floor(realm.now().getTime() / minuteMs)

  const record = (metric: MetricName, value: number): void => series.add(metric, minuteNow(), value)

  const set = (alarm: Alarm, state: AlarmState, reason: string): void => {
    alarm.reason = reason
    if (alarm.state === state) return
    const before = alarm.state
    alarm.state = state
    alarm.since = realm.now()
    const actions = { ALARM: 'AlarmActions', OK: 'OKActions', INSUFFICIENT_DATA: 'InsufficientDataActions' }[
      state
    ]
    realm.log({
      level: state === 'ALARM' ? 'warn' : 'info',
      service: 'cloudwatch',
      message: `alarm ${alarm.name}: ${before} → ${state}: ${reason}`,
      alarm: alarm.name,
      state,
      // Topics have nobody behind them here.
      told: alarm.properties[actions] ?? [],
    })
  }

  const tick = (): void => {
    for (const read of samplers) read()
    const minute = minuteNow() + 1
    const all = [...alarms.values()]
    // Composite alarms look at the states of the others.
    for (const type of ['MetricAlarm', 'CompositeAlarm'])
      for (const alarm of all.filter(each => each.type === type)) {
        const found = alarm.evaluate(minute)
        if (found) set(alarm, found.state, found.reason)
      }
  }
  // Late in each minute: what came in it is nearly all there, and what it says is not a minute old.
  const timer = setInterval(tick, minuteMs).unref()

  return {
    service: {
      kind: 'json',
      name: 'cloudwatch',
      targetPrefix: 'GraniteServiceVersion20100801',
      jsonVersion: '1.0',
      operations: cloudwatchOperations({ alarms, series, minuteMs, now: realm.now, set, measure: record }),
    },
    measure: (namespace, name, dimensions, value) => record({ namespace, name, dimensions }, value),
    readLine(line) {
      for (const { metric, value } of embedded(line)) record(metric, value)
    },
    sample: read => void samplers.push(read),
    createAlarm(properties) {
      const alarm = metricAlarm(realm, series, properties, minuteNow())
      alarms.set(alarm.name, alarm)
      return { arn: alarm.arn }
    },
    createCompositeAlarm(properties) {
      const alarm = compositeAlarm(realm, properties, name => alarms.get(name))
      alarms.set(alarm.name, alarm)
      return { arn: alarm.arn }
    },
    stateOf: name => alarms.get(name)?.state,
    tick,
    close: () => clearInterval(timer),
  }
}
