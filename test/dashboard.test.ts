/** The dashboard's body: JSON that CloudWatch takes, with metrics that exist, and nothing over anything else. */
import { describe, expect, it } from 'vitest'
import { counterNames, gaugeUnits } from '../src/domain/ports.ts'
import { at, functions, list, ofType, properties, readTemplate, text } from './template-rules/template.ts'

/**
 * Metrics with their dimensions, from the pages "Metrics" of the services' developer guides: Lambda, SQS, IoT Core,
 * DynamoDB, EventBridge, API Gateway (HTTP APIs).
 */
const DOCUMENTED: Readonly<Record<string, readonly string[]>> = {
  'AWS/Lambda Invocations': ['FunctionName', ''],
  'AWS/Lambda Errors': ['FunctionName', ''],
  'AWS/Lambda Throttles': ['FunctionName', ''],
  'AWS/Lambda Duration': ['FunctionName', ''],
  'AWS/Lambda ConcurrentExecutions': ['FunctionName', ''],
  'AWS/Lambda IteratorAge': ['FunctionName'],
  'AWS/SQS ApproximateNumberOfMessagesVisible': ['QueueName'],
  'AWS/SQS ApproximateAgeOfOldestMessage': ['QueueName'],
  'AWS/SQS NumberOfMessagesSent': ['QueueName'],
  'AWS/Events Invocations': ['RuleName', ''],
  'AWS/IoT Connect.Success': ['Protocol'],
  'AWS/IoT Connect.AuthError': ['Protocol'],
  'AWS/IoT PublishIn.Success': ['Protocol'],
  'AWS/IoT PublishIn.AuthError': ['Protocol'],
  'AWS/IoT PublishIn.Throttle': ['Protocol'],
  'AWS/IoT PublishOut.Success': ['Protocol'],
  'AWS/IoT ErrorActionFailure': ['ActionType,RuleName'],
  'AWS/DynamoDB ConsumedReadCapacityUnits': ['TableName'],
  'AWS/DynamoDB ConsumedWriteCapacityUnits': ['TableName'],
  'AWS/DynamoDB ReadThrottleEvents': ['TableName'],
  'AWS/DynamoDB WriteThrottleEvents': ['TableName'],
  'AWS/ApiGateway Count': ['ApiId'],
  'AWS/ApiGateway 4xx': ['ApiId'],
  'AWS/ApiGateway 5xx': ['ApiId'],
  'AWS/ApiGateway Latency': ['ApiId'],
}
const OWN = new Set<string>([...counterNames, ...Object.keys(gaugeUnits)])
/** Quotas of CloudWatch: metrics of a graph, and of a dashboard. */
const MOST_IN_GRAPH = 500
const MOST_IN_ALL = 2500

const template = readTemplate()
const [sub, variables] = at(properties(template, 'Dashboard'), 'DashboardBody', 'Fn::Sub') as [
  string,
  { readonly ALARMS: unknown },
]
// As with every condition true: alarms of the user pool are there if it is.
const arns = list(at(variables.ALARMS, 'Fn::Join', 1)).map(arn => at(arn, 'Fn::If', 1) ?? arn)

interface Widget {
  readonly type: 'text' | 'metric' | 'alarm'
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
  readonly properties: {
    readonly title?: string
    readonly markdown?: string
    readonly metrics?: readonly (readonly unknown[])[]
    readonly alarms?: readonly string[]
    readonly annotations?: { readonly horizontal: readonly { readonly value: number }[] }
  }
}
/** What CloudFormation makes of it, with a default for each parameter. */
function resolved(): { readonly widgets: readonly Widget[] } {
  const known: Record<string, string> = {
    'AWS::Region': 'eu-west-1',
    'AWS::AccountId': '123456789012',
    'AWS::Partition': 'aws',
    HttpApi: 'a1b2c3',
    ALARMS: arns.map((_, i) => `arn:${i}`).join('","'),
  }
  const body = sub.replaceAll(/\$\{([^}!]+)\}/g, (_, name: string) => {
    const value = known[name] ?? template.Parameters[name]?.['Default']
    if (value === undefined) throw new Error(`\${${name}} is not known`)
    return String(value)
  })
  return JSON.parse(body)
}
const { widgets } = resolved()
const lines = widgets.flatMap(w =>
  (w.properties.metrics ?? []).map(m => ({ title: w.properties.title ?? '', m })),
)
const plain = lines.filter(({ m }) => typeof m[0] === 'string')
const expressions = lines.flatMap(({ title, m }) => {
  const expression = at(m, 0, 'expression')
  return typeof expression === 'string' ? [{ title, expression }] : []
})

describe('the dashboard', () => {
  it('has every alarm on it', () => {
    const alarms = [
      ...ofType(template, 'AWS::CloudWatch::CompositeAlarm'),
      ...ofType(template, 'AWS::CloudWatch::Alarm'),
    ].map(([id]) => `\${${id}.Arn}`)
    expect(arns.map(text).sort()).toEqual(alarms.sort())
    expect(widgets.find(w => w.type === 'alarm')?.properties.alarms).toHaveLength(alarms.length)
    expect(alarms.length).toBeLessThanOrEqual(100)
  })
  it('lays nothing over anything else, within 24 columns', () => {
    const taken = new Map<string, number>()
    for (const [i, { x, y, width, height }] of widgets.entries()) {
      expect(x + width).toBeLessThanOrEqual(24)
      for (let column = x; column < x + width; column++)
        for (let row = y; row < y + height; row++) {
          const before = taken.get(`${column},${row}`)
          expect(before, `widgets ${before} and ${i} overlap at ${column},${row}`).toBeUndefined()
          taken.set(`${column},${row}`, i)
        }
    }
  })
  it('names metrics that the code sends or that AWS documents, with their dimensions', () => {
    const unknown = plain.flatMap(({ title, m }) => {
      const words = m.filter(part => typeof part === 'string')
      const [namespace = '', name = '', ...rest] = words
      const dimensions = rest.filter((_, i) => i % 2 === 0)
      const right =
        namespace === 'Edgeloop'
          ? OWN.has(name) && rest.join() === 'service,edgeloop-dev'
          : DOCUMENTED[`${namespace} ${name}`]?.includes(dimensions.sort().join())
      return right ? [] : [`${title}: ${words.join(' ')}`]
    })
    expect(unknown).toEqual([])
    expect(plain.length).toBeGreaterThan(50)
  })
  it('searches for metrics that AWS documents', () => {
    const unknown = expressions.filter(({ expression }) => {
      const [, namespace, dimensions, name] =
        /^SEARCH\('\{([\w/]+),([\w,]+)\} MetricName="(\w+)" edgeloop dev', '\w+', 300\)$/.exec(expression) ??
        []
      return !DOCUMENTED[`${namespace} ${name}`]?.includes(dimensions ?? '')
    })
    expect(unknown).toEqual([])
    expect(expressions.length).toBeGreaterThan(2)
  })
  it('shows every metric that the code sends', () => {
    const shown = new Set(plain.filter(({ m }) => m[0] === 'Edgeloop').map(({ m }) => m[1]))
    // Awaited is half of the alarm on freshness and says nothing by itself.
    expect([...OWN].filter(name => !shown.has(name))).toEqual(['DevicesAwaited'])
  })
  it('names functions and queues of the template', () => {
    const names = (dimension: string): string[] =>
      plain.flatMap(({ m }) => {
        const i = m.indexOf(dimension)
        return i < 0 ? [] : [String(m[i + 1])]
      })
    const declared = functions(template).map(([, f]) => text(f['FunctionName']))
    expect(names('FunctionName').filter(name => !declared.includes(name))).toEqual([])
    const queues = ofType(template, 'AWS::SQS::Queue').map(([, q]) => text(q['QueueName']))
    expect(names('QueueName').filter(name => !queues.includes(name))).toEqual([])
    expect(queues.filter(name => !names('QueueName').includes(name))).toEqual([])
  })
  it('stays within what CloudWatch draws', () => {
    const counts = widgets.map(w => w.properties.metrics?.length ?? 0)
    expect(Math.max(...counts)).toBeLessThanOrEqual(MOST_IN_GRAPH)
    expect(counts.reduce((a, b) => a + b)).toBeLessThanOrEqual(MOST_IN_ALL)
  })
  it('draws thresholds as numbers', () => {
    const values = widgets.flatMap(w => w.properties.annotations?.horizontal.map(h => h.value) ?? [])
    expect(values.every(Number.isFinite)).toBe(true)
    expect(values.length).toBeGreaterThan(5)
  })
})
