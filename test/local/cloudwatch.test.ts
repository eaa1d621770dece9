/** Alarms and metric math against the rules of CloudWatch's user guide, and the operations with the SDK's own client. */
import {
  CloudWatchClient,
  DescribeAlarmsCommand,
  GetMetricDataCommand,
  PutMetricDataCommand,
  SetAlarmStateCommand,
} from '@aws-sdk/client-cloudwatch'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { embedded } from '../../local/cloudwatch/emf.ts'
import { type CloudWatch, createCloudWatch } from '../../local/cloudwatch/index.ts'
import { compileMath, type Point } from '../../local/cloudwatch/math.ts'
import { compileRule } from '../../local/cloudwatch/rule.ts'
import { createIam } from '../../local/iam/index.ts'
import { clientConfig, createHarness, type Harness, removeFolder } from './dynamodb-harness.ts'
import { makeRealm } from './lambda-support.ts'

const MINUTE = 60_000

describe('metric math', () => {
  const value = (text: string, points: Readonly<Record<string, Point>>): Point =>
    compileMath(text)({ of: id => points[id], all: () => Object.values(points) })

  it.each<[string, Record<string, Point>, Point]>([
    ['1 + 2 * 3', {}, 7],
    ['(1 + 2) * 3 - 4 / 2', {}, 7],
    ['a / b', { a: 1, b: 0 }, undefined],
    ['a + b', { a: 1 }, undefined],
    ['a > 0 AND FILL(m,0) < 1', { a: 1 }, 1],
    ['a > 0 AND FILL(m,0) < 1', { a: 1, m: 4 }, 0],
    ['a > 0 AND FILL(m,0) < 1', { m: 4 }, undefined],
    ['IF(a > 2, 10, 20)', { a: 3 }, 10],
    ['IF(a > 2, 10, 20)', { a: 1 }, 20],
    ['IF(a > 2, 10, 20)', {}, undefined],
    ['MAX([a, b])', { b: 4 }, 4],
    ['MAX([a, b])', {}, undefined],
    ['MAX(METRICS())', { a: 3, b: 9, c: undefined }, 9],
    ['SUM(METRICS())', { a: 3, b: 9, c: undefined }, 12],
    ['MIN([a, b]) + AVG([a, b])', { a: 2, b: 4 }, 5],
    ['MAX([IF(FILL(e1,0) > 1, 100*e1/i1, 0), IF(FILL(e2,0) > 1, 100*e2/i2, 0)])', { e2: 3, i2: 4 }, 75],
    ['MAX([IF(FILL(e1,0) > 1, 100*e1/i1, 0)])', { e1: 1, i1: 1 }, 0],
    ['a >= 2 OR b == 1', { a: 1, b: 1 }, 1],
  ])('%s of %j is %s', (text, points, wanted) => {
    expect(value(text, points)).toBe(wanted)
  })
  it.each(['', 'MAX(a', 'ANOMALY_DETECTION_BAND(a)', 'a $ b', 'a b', 'FILL(a, REPEAT)', '[1,2'])(
    'refuses %j',
    text => {
      expect(() => value(text, { a: 1 })).toThrow(/ValidationError|missing|not|cannot read/)
    },
  )
})

describe('rules of composite alarms', () => {
  const holds = (text: string) => compileRule(text).holds(name => (name === 'up' ? 'ALARM' : 'OK'))
  it.each([
    ['ALARM("up")', true],
    ['ALARM("down")', false],
    ['ALARM("down") OR ALARM("up")', true],
    ['ALARM("down") AND ALARM("up")', false],
    ['NOT ALARM("up") OR (OK("down") AND TRUE)', true],
    ['ALARM("arn:aws:cloudwatch:eu-west-1:1:alarm:up")', true],
  ])('%s: %s', (text, wanted) => {
    expect(holds(text)).toBe(wanted)
  })
  it.each(['', 'ALARM(up', 'WARN("up")', 'ALARM("up") ALARM("up")'])('refuses %j', text => {
    expect(() => compileRule(text)).toThrow()
  })
})

describe('alarms', () => {
  let place: ReturnType<typeof makeRealm>
  let watch: CloudWatch
  let now: number
  let told: string[]
  beforeEach(() => {
    place = makeRealm()
    now = 1_000 * MINUTE
    told = []
    const realm = {
      ...place.realm,
      now: () => new Date(now),
      log: (entry: { message: string }) => void told.push(entry.message),
    }
    watch = createCloudWatch({ realm, iam: createIam(realm) })
  })
  afterEach(() => {
    watch.close()
    place.remove()
  })
  const alarm = (more: object = {}) =>
    watch.createAlarm({
      ...{ AlarmName: 'a', Namespace: 'N', MetricName: 'm', Statistic: 'Sum', Period: 60 },
      ...{ EvaluationPeriods: 1, Threshold: 2, ComparisonOperator: 'GreaterThanThreshold' },
      ...more,
    })
  /** One minute with these values of the metric, and what the alarm says at its end. */
  const minute = (...values: number[]) => {
    for (const value of values) watch.measure('N', 'm', {}, value)
    watch.tick()
    now += MINUTE
    return watch.stateOf('a')
  }

  it('goes up and down with a statistic of a period', () => {
    alarm()
    expect([minute(1), minute(1, 2), minute(2), minute()]).toEqual(['OK', 'ALARM', 'OK', 'INSUFFICIENT_DATA'])
    expect(told).toEqual([
      expect.stringContaining('alarm a: INSUFFICIENT_DATA → OK'),
      expect.stringContaining('alarm a: OK → ALARM: Threshold Crossed'),
      expect.stringContaining('alarm a: ALARM → OK'),
      expect.stringContaining('alarm a: OK → INSUFFICIENT_DATA'),
    ])
  })
  it('asks for M of N periods', () => {
    alarm({ EvaluationPeriods: 3, DatapointsToAlarm: 2, TreatMissingData: 'notBreaching' })
    expect([minute(9), minute(0), minute(9), minute(0), minute(0)]).toEqual(['OK', 'OK', 'ALARM', 'OK', 'OK'])
  })
  it('looks every minute at a period of five', () => {
    alarm({ Period: 300 })
    expect([minute(1), minute(1), minute(1)]).toEqual(['OK', 'OK', 'ALARM'])
    expect([minute(), minute(), minute()]).toEqual(['ALARM', 'ALARM', 'OK'])
  })
  it.each([
    ['notBreaching', ['ALARM', 'OK', 'OK']],
    ['breaching', ['ALARM', 'ALARM', 'ALARM']],
    ['ignore', ['ALARM', 'ALARM', 'ALARM']],
    ['missing', ['ALARM', 'INSUFFICIENT_DATA', 'INSUFFICIENT_DATA']],
  ])('takes missing data as %s', (TreatMissingData, wanted) => {
    alarm({ TreatMissingData })
    expect([minute(9), minute(), minute()]).toEqual(wanted)
  })
  it('does not hold against an alarm what came before it was made', () => {
    alarm({ TreatMissingData: 'breaching', EvaluationPeriods: 2, ComparisonOperator: 'LessThanThreshold' })
    expect([minute(), minute(), minute(9), minute(9)]).toEqual(['OK', 'ALARM', 'OK', 'OK'])
  })
  it('knows percentiles', () => {
    alarm({ Statistic: undefined, ExtendedStatistic: 'p99', Threshold: 98 })
    expect(minute(...Array.from({ length: 100 }, (_, i) => i + 1))).toBe('ALARM')
    expect(minute(...Array.from({ length: 200 }, (_, i) => (i === 0 ? 500 : 1)))).toBe('OK')
  })
  it('keeps dimensions apart, and counts no alarm of another set', () => {
    alarm({ Dimensions: [{ Name: 'Queue', Value: 'q' }], TreatMissingData: 'notBreaching' })
    expect(minute(9)).toBe('OK')
    watch.measure('N', 'm', { Queue: 'q' }, 9)
    expect(minute()).toBe('ALARM')
  })
  it('takes numbers that a template gives as text', () => {
    alarm({ EvaluationPeriods: '1', Threshold: '2' })
    expect(minute(3)).toBe('ALARM')
  })
  it('has composite alarms on others, which must be there', () => {
    alarm()
    expect(() => watch.createCompositeAlarm({ AlarmName: 'c', AlarmRule: 'ALARM("b")' })).toThrow(/alarm b/)
    watch.createCompositeAlarm({ AlarmName: 'c', AlarmRule: 'ALARM("a")' })
    minute(9)
    expect(watch.stateOf('c')).toBe('ALARM')
    minute(1)
    expect(watch.stateOf('c')).toBe('OK')
  })
  it.each([
    [{ ComparisonOperator: 'GreaterThanUpperThreshold' }, /ComparisonOperator/],
    [{ Threshold: 'high' }, /Threshold/],
    [{ EvaluationPeriods: 0 }, /EvaluationPeriods/],
    [{ Period: 10 }, /multiple of 60/],
    [{ Statistic: 'TM99' }, /TM99/],
    [{ TreatMissingData: 'maybe' }, /TreatMissingData/],
    [{ Metrics: [{ Id: 'x', Expression: 'y + 1' }] }, /no query "y"/],
  ])('refuses %j', (more, message) => {
    expect(() => alarm(more)).toThrow(message)
  })
})

describe('embedded metric format', () => {
  const line = (more: object, metrics: object[] = [{ Name: 'OutboxAge', Unit: 'Seconds' }]) =>
    JSON.stringify({
      _aws: {
        Timestamp: 1,
        CloudWatchMetrics: [{ Namespace: 'Edgeloop', Dimensions: [['service']], Metrics: metrics }],
      },
      service: 'edgeloop-dev',
      ...more,
    })
  const metric = { namespace: 'Edgeloop', name: 'OutboxAge', dimensions: { service: 'edgeloop-dev' } }
  it('gives one value, or each of several', () => {
    expect(embedded(line({ OutboxAge: 12 }))).toEqual([{ metric, value: 12 }])
    expect(embedded(line({ OutboxAge: [1, 2] })).map(m => m.value)).toEqual([1, 2])
  })
  it.each(['plain', '{"level":"INFO"}', '{"_aws":', '{"_aws":{}}', line({}), line({ OutboxAge: 'much' })])(
    'finds none in %s',
    text => {
      expect(embedded(text)).toEqual([])
    },
  )
})

describe('operations, with the SDK’s client', () => {
  let harness: Harness
  let watch: CloudWatch
  let client: CloudWatchClient
  beforeAll(async () => {
    harness = createHarness()
    watch = createCloudWatch({ realm: harness.realm, iam: harness.iam })
    await harness.serve([watch.service])
    client = new CloudWatchClient(clientConfig(harness))
    watch.createAlarm({
      ...{ AlarmName: 'shop-full', Namespace: 'Shop', MetricName: 'Visitors', Statistic: 'Maximum' },
      ...{ Period: '60', EvaluationPeriods: '1', Threshold: '5', ComparisonOperator: 'GreaterThanThreshold' },
      ...{ TreatMissingData: 'notBreaching', AlarmDescription: 'Ticket. Full.' },
    })
    watch.createCompositeAlarm({ AlarmName: 'shop-unwell', AlarmRule: 'ALARM("shop-full")' })
  })
  afterAll(async () => {
    client.destroy()
    watch.close()
    await harness.close()
    removeFolder(harness.realm.dir)
  })

  it('PutMetricData, GetMetricData and DescribeAlarms fit together', async () => {
    const put = new PutMetricDataCommand({
      Namespace: 'Shop',
      MetricData: [{ MetricName: 'Visitors', Values: [3, 9] }],
    })
    await client.send(put)
    watch.tick()
    const { MetricAlarms, CompositeAlarms } = await client.send(
      new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm', 'CompositeAlarm'] }),
    )
    expect(MetricAlarms).toMatchObject([
      { AlarmName: 'shop-full', StateValue: 'ALARM', Threshold: 5, AlarmDescription: 'Ticket. Full.' },
    ])
    expect(MetricAlarms?.[0]?.StateUpdatedTimestamp).toBeInstanceOf(Date)
    expect(CompositeAlarms).toMatchObject([{ AlarmName: 'shop-unwell', StateValue: 'ALARM' }])
    const { MetricDataResults } = await client.send(
      new GetMetricDataCommand({
        StartTime: new Date(harness.realm.now().getTime() - 5 * MINUTE),
        EndTime: new Date(harness.realm.now().getTime() + MINUTE),
        MetricDataQueries: [
          {
            Id: 'v',
            ReturnData: false,
            MetricStat: { Stat: 'Sum', Period: 60, Metric: { Namespace: 'Shop', MetricName: 'Visitors' } },
          },
          { Id: 'twice', Expression: '2 * v' },
        ],
      }),
    )
    expect(MetricDataResults).toMatchObject([{ Id: 'twice', Values: [24] }])
  })
  it('DescribeAlarms selects by state and prefix, and pages', async () => {
    const find = async (input: object) =>
      (await client.send(new DescribeAlarmsCommand(input))).MetricAlarms?.map(a => a.AlarmName)
    expect(await find({})).toEqual(['shop-full'])
    expect(await find({ StateValue: 'OK' })).toEqual([])
    expect(await find({ AlarmNamePrefix: 'other' })).toEqual([])
    const page = await client.send(
      new DescribeAlarmsCommand({ AlarmTypes: ['MetricAlarm', 'CompositeAlarm'], MaxRecords: 1 }),
    )
    expect(page.NextToken).toBe('1')
  })
  it('SetAlarmState holds until the next look', async () => {
    const set = (StateValue: 'OK' | 'ALARM', AlarmName = 'shop-full') =>
      client.send(new SetAlarmStateCommand({ AlarmName, StateValue, StateReason: 'a drill' }))
    await set('OK')
    expect(watch.stateOf('shop-full')).toBe('OK')
    watch.tick()
    expect(watch.stateOf('shop-full')).toBe('ALARM')
    await expect(set('OK', 'no-such')).rejects.toThrow(/no-such/)
  })
})
