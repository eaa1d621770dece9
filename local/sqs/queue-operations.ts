/** Operations on queues themselves. */
import type { CallContext } from '../core/types.ts'
import { checkAttributes, withDefaults } from './attributes.ts'
import { sqsError } from './errors.ts'
import {
  type Input,
  optionalInteger,
  optionalString,
  optionalStructure,
  requiredString,
  strings,
} from './input.ts'
import { authorizeQueue, type Operations, queueOf } from './operation.ts'
import type { NamedQueue, Registry } from './registry.ts'

const maxListed = 1000

export function queueOperations(registry: Registry): Operations {
  const own = (name: string) => {
    const { region, accountId } = registry.realm
    return `arn:aws:sqs:${region}:${accountId}:${name}`
  }
  return {
    CreateQueue(input, ctx) {
      const name = requiredString(input, 'QueueName')
      ctx.authorize({ action: 'sqs:CreateQueue', resource: own(name) })
      const given = optionalStructure(input, 'Attributes') ?? {}
      const existing = registry.find(name)
      if (existing !== undefined) {
        assertSameAttributes(existing, checkAttributes(given))
        return { QueueUrl: registry.urlOf(existing) }
      }
      const named = registry.create(name, given)
      const tags = textMap(optionalStructure(input, 'tags'))
      if (Object.keys(tags).length > 0) registry.setTags(named, tags)
      return { QueueUrl: registry.urlOf(named) }
    },
    DeleteQueue(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'DeleteQueue', named)
      registry.remove(named)
      return {}
    },
    GetQueueUrl(input, ctx) {
      const name = requiredString(input, 'QueueName')
      const named = registry.find(name)
      if (named === undefined) {
        ctx.authorize({ action: 'sqs:GetQueueUrl', resource: own(name) })
        throw sqsError('QueueDoesNotExist', 'The specified queue does not exist.')
      }
      authorizeQueue(registry, ctx, 'GetQueueUrl', named)
      return { QueueUrl: registry.urlOf(named) }
    },
    ListQueues(input, ctx) {
      ctx.authorize({ action: 'sqs:ListQueues', resource: '*' })
      const prefix = optionalString(input, 'QueueNamePrefix') ?? ''
      const limit = optionalInteger(input, 'MaxResults', 1, maxListed) ?? maxListed
      const token = optionalString(input, 'NextToken') ?? ''
      const after = Buffer.from(token, 'base64url').toString()
      const found = registry
        .all()
        .filter(({ name }) => name.startsWith(prefix) && name > after)
        .sort((left, right) => (left.name < right.name ? -1 : 1))
      const page = found.slice(0, limit)
      return {
        QueueUrls: page.map(named => registry.urlOf(named)),
        ...(found.length > limit
          ? { NextToken: Buffer.from(page.at(-1)?.name ?? '').toString('base64url') }
          : {}),
      }
    },
    ListDeadLetterSourceQueues(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'ListDeadLetterSourceQueues', named)
      return { queueUrls: registry.sourcesOf(named.arn).map(source => registry.urlOf(source)) }
    },
    GetQueueAttributes(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'GetQueueAttributes', named)
      const attributes = describe(named)
      const wanted = strings(input, 'AttributeNames')
      if (wanted.includes('All')) return { Attributes: attributes }
      for (const name of wanted) {
        if (!Object.hasOwn(attributes, name) && !optionalNames.has(name))
          throw sqsError('InvalidAttributeName', `Unknown Attribute ${name}.`)
      }
      const found = Object.entries(attributes).filter(([name]) => wanted.includes(name))
      return found.length === 0 ? {} : { Attributes: Object.fromEntries(found) }
    },
    SetQueueAttributes(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'SetQueueAttributes', named)
      registry.setAttributes(named, optionalStructure(input, 'Attributes') ?? {})
      return {}
    },
    PurgeQueue(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'PurgeQueue', named)
      named.queue.purge()
      return {}
    },
    TagQueue(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'TagQueue', named)
      registry.setTags(named, { ...named.tags, ...textMap(optionalStructure(input, 'Tags')) })
      return {}
    },
    UntagQueue(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'UntagQueue', named)
      const removed = new Set(strings(input, 'TagKeys'))
      registry.setTags(
        named,
        Object.fromEntries(Object.entries(named.tags).filter(([key]) => !removed.has(key))),
      )
      return {}
    },
    ListQueueTags(input: Input, ctx: CallContext) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'ListQueueTags', named)
      return Object.keys(named.tags).length === 0 ? {} : { Tags: named.tags }
    },
  }
}

/** Attributes that a queue may lack without the name being wrong. */
const optionalNames: ReadonlySet<string> = new Set([
  'Policy',
  'RedrivePolicy',
  'RedriveAllowPolicy',
  'KmsMasterKeyId',
  'KmsDataKeyReusePeriodSeconds',
])

function describe(named: NamedQueue): Readonly<Record<string, string>> {
  const { visible, inFlight, delayed } = named.queue.counts()
  return {
    QueueArn: named.arn,
    ApproximateNumberOfMessages: String(visible),
    ApproximateNumberOfMessagesNotVisible: String(inFlight),
    ApproximateNumberOfMessagesDelayed: String(delayed),
    CreatedTimestamp: String(named.created),
    LastModifiedTimestamp: String(named.modified),
    ...withDefaults(named.attributes),
  }
}

function assertSameAttributes(existing: NamedQueue, given: Readonly<Record<string, string>>): void {
  const current = withDefaults(existing.attributes)
  const different = Object.entries(given).find(([name, value]) => current[name] !== value)
  if (different !== undefined)
    throw sqsError(
      'QueueNameExists',
      `A queue already exists with the same name and a different value for attribute ${different[0]}`,
    )
}

const textMap = (input: Input = {}): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(input).map(([key, value]) => [key, String(value)]))
