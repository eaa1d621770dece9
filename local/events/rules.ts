/** Rules from a template: checked when they are made, so that a mistake shows at deployment and not in silence. */
import { AwsError, type Realm } from '../core/types.ts'
import { validateInput } from './input.ts'
import { compilePattern } from './pattern.ts'
import { isRecord, type Json, list, number, record, text } from './read.ts'
import { parseSchedule, type Schedule } from './schedule.ts'

export interface Rule {
  readonly name: string
  readonly arn: string
  readonly busName: string
  readonly description: string | undefined
  readonly pattern: Json | undefined
  readonly matches: (event: unknown) => boolean
  readonly scheduleExpression: string | undefined
  readonly schedule: Schedule | undefined
  readonly rate: boolean
  readonly targets: readonly Json[]
  enabled: boolean
}

const MAX_TARGETS = 5

/** Throws AwsError (ValidationException, InvalidEventPatternException) naming rule, target and property. */
export function makeRule(realm: Realm, busName: string, properties: Json, minuteMs?: number): Rule {
  const name = text(properties['Name']) ?? ''
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name))
    throw invalid(name, 'Name must be 1 to 64 characters of letters, digits, ".", "-" and "_"')
  const given = properties['EventPattern']
  const pattern = typeof given === 'string' ? parsed(name, given) : given
  const scheduleExpression = text(properties['ScheduleExpression'])
  if (pattern === undefined && scheduleExpression === undefined)
    throw invalid(name, 'EventPattern or ScheduleExpression is needed')
  if (scheduleExpression !== undefined && busName !== 'default')
    throw invalid(name, 'ScheduleExpression is supported only on the default event bus')
  const state = text(properties['State']) ?? 'ENABLED'
  if (!['ENABLED', 'DISABLED', 'ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS'].includes(state))
    throw invalid(name, `State "${state}" is not ENABLED or DISABLED`)
  const targets = list(properties['Targets']).map(record)
  if (targets.length > MAX_TARGETS) throw invalid(name, `a rule has at most ${MAX_TARGETS} targets`)
  for (const target of targets) checkTarget(name, target)
  if (new Set(targets.map(each => each['Id'])).size < targets.length)
    throw invalid(name, 'target Ids must be unique')
  const path = busName === 'default' ? name : `${busName}/${name}`
  return {
    name,
    arn: `arn:aws:events:${realm.region}:${realm.accountId}:rule/${path}`,
    busName,
    description: text(properties['Description']),
    pattern: isRecord(pattern) ? pattern : undefined,
    matches: pattern === undefined ? () => false : compilePattern(pattern),
    scheduleExpression,
    schedule: scheduleExpression === undefined ? undefined : parseSchedule(scheduleExpression, minuteMs),
    rate: scheduleExpression?.startsWith('rate(') ?? false,
    targets,
    enabled: state !== 'DISABLED',
  }
}

/** What this bus runs of a target; anything else would change behaviour silently, so it is refused. */
const TARGET_PROPERTIES = new Set(
  'Id Arn Input InputPath InputTransformer RetryPolicy DeadLetterConfig'.split(' '),
)
const API_DESTINATION = /^arn:aws:events:[^:]+:\d{12}:api-destination\/[^/]+\/[^/]+$/

export const isApiDestination = (arn: string): boolean => API_DESTINATION.test(arn)

function checkTarget(rule: string, target: Json): void {
  const id = text(target['Id'])
  const arn = text(target['Arn'])
  if (!id || !arn) throw invalid(rule, 'each target needs Id and Arn')
  const http = isApiDestination(arn)
  if (!http && !/^arn:aws:(lambda:[^:]+:\d{12}:function:.+|sqs:[^:]+:\d{12}:.+)$/.test(arn))
    throw invalid(
      rule,
      `target ${id}: the local cloud delivers to Lambda functions, SQS queues and API destinations, not to ${arn}`,
    )
  if (http && roleNameOf(target) === undefined)
    throw invalid(rule, `target ${id}: an API destination needs RoleArn, the ARN of a role of this account`)
  const unknown = Object.keys(target).find(key => !TARGET_PROPERTIES.has(key) && !(http && key === 'RoleArn'))
  if (unknown)
    throw invalid(
      rule,
      `target ${id}: ${unknown} is not run by the local cloud; remove it or use resource policies`,
    )
  if (arn.endsWith('.fifo')) throw invalid(rule, `target ${id}: FIFO queues are not run by the local cloud`)
  validateInput(target)
  range(rule, id, target, 'MaximumRetryAttempts', 0, 185)
  range(rule, id, target, 'MaximumEventAgeInSeconds', 60, 86_400)
  const dlq = target['DeadLetterConfig']
  if (dlq !== undefined && !/^arn:aws:sqs:[^:]+:\d{12}:.+$/.test(String(record(dlq)['Arn'])))
    throw invalid(rule, `target ${id}: DeadLetterConfig.Arn must be the ARN of an SQS queue`)
}

/** Name of the role with which a target is called. */
export const roleNameOf = (target: Json): string | undefined =>
  /^arn:aws:iam::\d{12}:role\/(?:.*\/)?([\w+=,.@-]+)$/.exec(text(target['RoleArn']) ?? '')?.[1]

function range(rule: string, id: string, target: Json, key: string, min: number, max: number): void {
  const given = record(target['RetryPolicy'])[key]
  if (given === undefined) return
  const value = number(given)
  if (value === undefined || value < min || value > max)
    throw invalid(rule, `target ${id}: RetryPolicy.${key} must be ${min} to ${max}`)
}

function parsed(rule: string, pattern: string): unknown {
  try {
    return JSON.parse(pattern)
  } catch {
    throw invalid(rule, 'EventPattern is not JSON')
  }
}

const invalid = (rule: string, reason: string): AwsError =>
  new AwsError('ValidationException', `Rule ${rule || '(no name)'}: ${reason}.`)
