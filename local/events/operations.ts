/** The read side of the EventBridge API (targetPrefix AWSEvents, json 1.1), and switching rules on and off. */
import { AwsError, type CallContext, type JsonOperation, type Realm } from '../core/types.ts'
import { compilePattern } from './pattern.ts'
import { isRecord, type Json, number, record, text } from './read.ts'
import type { Rule } from './rules.ts'

export interface Registry {
  readonly realm: Realm
  readonly buses: ReadonlyMap<string, string>
  rulesOf(busName: string): readonly Rule[]
  setEnabled(rule: Rule, enabled: boolean): void
}

/** Mandatory fields of the event given to TestEventPattern. */
const EVENT_FIELDS = ['id', 'account', 'source', 'time', 'region', 'resources', 'detail-type']
const MAX_PATTERN_CHARS = 4096

export function readOperations(registry: Registry): Record<string, JsonOperation> {
  const { realm } = registry
  const arn = (rest: string): string => `arn:aws:events:${realm.region}:${realm.accountId}:${rest}`

  const busOf = (input: Json): string => {
    const given = text(input['EventBusName']) ?? 'default'
    const name = given.startsWith('arn:') ? given.slice(given.lastIndexOf('/') + 1) : given
    if (!registry.buses.has(name)) throw notFound(`Event bus ${given} does not exist.`)
    return name
  }
  const ruleOf = (input: Json, key: string): Rule => {
    const busName = busOf(input)
    const rule = registry.rulesOf(busName).find(each => each.name === input[key])
    if (!rule) throw notFound(`Rule ${String(input[key])} does not exist on EventBus ${busName}.`)
    return rule
  }
  const allow = (ctx: CallContext, action: string, resource: string): void =>
    ctx.authorize({ action: `events:${action}`, resource })
  const toggle =
    (action: string, enabled: boolean): JsonOperation =>
    (input, ctx) => {
      const rule = ruleOf(record(input), 'Name')
      allow(ctx, action, rule.arn)
      registry.setEnabled(rule, enabled)
      return {}
    }

  return {
    ListEventBuses: (input, ctx) => {
      allow(ctx, 'ListEventBuses', '*')
      const prefix = text(record(input)['NamePrefix']) ?? ''
      const buses = [...registry.buses].filter(([name]) => name.startsWith(prefix))
      const { page, next } = paged(buses, record(input))
      return { EventBuses: page.map(([Name, Arn]) => ({ Name, Arn })), ...next }
    },
    ListRules: (input, ctx) => {
      allow(ctx, 'ListRules', arn('rule/*'))
      const prefix = text(record(input)['NamePrefix']) ?? ''
      const rules = registry.rulesOf(busOf(record(input))).filter(rule => rule.name.startsWith(prefix))
      const { page, next } = paged(rules, record(input))
      return { Rules: page.map(describe), ...next }
    },
    DescribeRule: (input, ctx) => {
      const rule = ruleOf(record(input), 'Name')
      allow(ctx, 'DescribeRule', rule.arn)
      return { ...describe(rule), CreatedBy: realm.accountId }
    },
    ListTargetsByRule: (input, ctx) => {
      const rule = ruleOf(record(input), 'Rule')
      allow(ctx, 'ListTargetsByRule', rule.arn)
      const { page, next } = paged(rule.targets, record(input))
      return { Targets: page, ...next }
    },
    EnableRule: toggle('EnableRule', true),
    DisableRule: toggle('DisableRule', false),
    TestEventPattern: (input, ctx) => {
      allow(ctx, 'TestEventPattern', '*')
      const given = String(record(input)['EventPattern'])
      if (given.length > MAX_PATTERN_CHARS)
        throw new AwsError(
          'InvalidEventPatternException',
          `Event pattern is longer than ${MAX_PATTERN_CHARS} characters.`,
        )
      const pattern = json(given)
      if (!isRecord(pattern))
        throw new AwsError(
          'InvalidEventPatternException',
          'Event pattern is not valid. Reason: Filter is not an object',
        )
      const matches = compilePattern(pattern)
      const event = json(String(record(input)['Event']))
      const missing = EVENT_FIELDS.find(field => !isRecord(event) || event[field] === undefined)
      if (missing)
        throw new AwsError(
          'ValidationException',
          `Parameter Event is not valid. Reason: ${missing} is a required field.`,
        )
      return { Result: matches(event) }
    },
  }
}

function describe(rule: Rule): Json {
  return {
    Name: rule.name,
    Arn: rule.arn,
    ...(rule.pattern && { EventPattern: JSON.stringify(rule.pattern) }),
    ...(rule.scheduleExpression && { ScheduleExpression: rule.scheduleExpression }),
    ...(rule.description && { Description: rule.description }),
    State: rule.enabled ? 'ENABLED' : 'DISABLED',
    EventBusName: rule.busName,
  }
}

function paged<T>(items: readonly T[], input: Json): { page: readonly T[]; next: { NextToken?: string } } {
  const limit = Math.min(Math.max(number(input['Limit']) ?? 100, 1), 100)
  const from = number(input['NextToken']) ?? 0
  const end = from + limit
  return { page: items.slice(from, end), next: end < items.length ? { NextToken: String(end) } : {} }
}

function json(value: string): unknown {
  try {
    return JSON.parse(value)
  } catch {
    return undefined
  }
}

const notFound = (message: string): AwsError => new AwsError('ResourceNotFoundException', message)
