/** Queue attributes: as SQS takes them (texts by name) and as the queue uses them. */
import type { PolicyDocument } from '../core/types.ts'
import { invalidAttributeValue, sqsError } from './errors.ts'

export interface RedrivePolicy {
  readonly deadLetterTargetArn: string
  readonly maxReceiveCount: number
}
/** Times in seconds, sizes in bytes. */
export interface QueueSettings {
  readonly visibilityTimeout: number
  readonly maximumMessageSize: number
  readonly messageRetentionPeriod: number
  readonly delay: number
  readonly receiveWait: number
  readonly redrive: RedrivePolicy | undefined
  readonly policy: PolicyDocument | undefined
}

/** 1 MiB since August 2025. */
export const maxMessageBytes = 1_048_576
type Limits = readonly [minimum: number, maximum: number, initial: number]
const limits = {
  VisibilityTimeout: [0, 43_200, 30],
  MaximumMessageSize: [1024, maxMessageBytes, maxMessageBytes],
  MessageRetentionPeriod: [60, 1_209_600, 345_600],
  DelaySeconds: [0, 900, 0],
  ReceiveMessageWaitTimeSeconds: [0, 20, 0],
} as const satisfies Record<string, Limits>
type NumericName = keyof typeof limits

const textNames: ReadonlySet<string> = new Set([
  'Policy',
  'RedrivePolicy',
  'RedriveAllowPolicy',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
  'SqsManagedSseEnabled',
])

/**
 * Checks attributes by name and value and returns them as texts. An empty policy removes it, as in SQS. Throws
 * InvalidAttributeName or InvalidAttributeValue.
 */
export function checkAttributes(raw: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  const checked: Record<string, string> = {}
  for (const [name, value] of Object.entries(raw)) {
    if (name === 'FifoQueue' || name === 'ContentBasedDeduplication' || name === 'DeduplicationScope')
      throw sqsError('InvalidAttributeName', `Unknown Attribute ${name}. Only standard queues exist here.`)
    if (!Object.hasOwn(limits, name) && !textNames.has(name))
      throw sqsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
    const text = typeof value === 'object' ? JSON.stringify(value) : String(value)
    if (Object.hasOwn(limits, name)) {
      const [minimum, maximum] = limits[name as NumericName]
      const number = Number(text)
      if (text.trim() === '' || !Number.isInteger(number) || number < minimum || number > maximum)
        throw invalidAttributeValue(name, `Must be an integer between ${minimum} and ${maximum}.`)
    }
    checked[name] = text
  }
  settingsOf(checked)
  return checked
}

export function settingsOf(attributes: Readonly<Record<string, string>>): QueueSettings {
  const number = (name: NumericName): number => Number(attributes[name] ?? limits[name][2])
  return {
    visibilityTimeout: number('VisibilityTimeout'),
    maximumMessageSize: number('MaximumMessageSize'),
    messageRetentionPeriod: number('MessageRetentionPeriod'),
    delay: number('DelaySeconds'),
    receiveWait: number('ReceiveMessageWaitTimeSeconds'),
    redrive: readRedrivePolicy(attributes['RedrivePolicy']),
    policy: readPolicy(attributes['Policy']),
  }
}

/** Attributes with their defaults, as GetQueueAttributes shows them. */
export const withDefaults = (
  attributes: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => ({
  ...Object.fromEntries(Object.entries(limits).map(([name, [, , initial]]) => [name, String(initial)])),
  SqsManagedSseEnabled: attributes['KmsMasterKeyId'] === undefined ? 'true' : 'false',
  ...attributes,
})

function readRedrivePolicy(text: string | undefined): RedrivePolicy | undefined {
  if (text === undefined || text === '') return undefined
  const parsed = parseObject('RedrivePolicy', text)
  const arn = parsed['deadLetterTargetArn']
  const count = Number(parsed['maxReceiveCount'])
  if (typeof arn !== 'string' || !/^arn:aws[\w-]*:sqs:[^:]*:\d+:.+$/.test(arn))
    throw invalidAttributeValue('RedrivePolicy', 'deadLetterTargetArn must be the ARN of a queue.')
  if (!Number.isInteger(count) || count < 1 || count > 1000)
    throw invalidAttributeValue('RedrivePolicy', 'maxReceiveCount must be between 1 and 1000.')
  return { deadLetterTargetArn: arn, maxReceiveCount: count }
}

/** Whether a queue lets another use it as dead-letter queue (`RedriveAllowPolicy`). */
export function allowsRedriveFrom(attributes: Readonly<Record<string, string>>, sourceArn: string): boolean {
  const text = attributes['RedriveAllowPolicy']
  if (text === undefined || text === '') return true
  const { redrivePermission, sourceQueueArns } = parseObject('RedriveAllowPolicy', text)
  if (redrivePermission !== 'byQueue') return redrivePermission !== 'denyAll'
  return Array.isArray(sourceQueueArns) && sourceQueueArns.includes(sourceArn)
}

function readPolicy(text: string | undefined): PolicyDocument | undefined {
  if (text === undefined || text === '') return undefined
  const parsed = parseObject('Policy', text)
  if (typeof parsed['Statement'] !== 'object')
    throw invalidAttributeValue('Policy', 'The policy has no Statement.')
  return parsed as unknown as PolicyDocument
}

function parseObject(name: string, text: string): Readonly<Record<string, unknown>> {
  try {
    const parsed: unknown = JSON.parse(text)
    if (typeof parsed === 'object' && parsed !== null) return parsed as Readonly<Record<string, unknown>>
  } catch {
    // answered below, like JSON that is no object
  }
  throw invalidAttributeValue(name, 'It is not a JSON object.')
}
