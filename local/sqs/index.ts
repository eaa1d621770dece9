import type { ServiceOptions, Sqs } from '../core/services.ts'
import type { PolicyDocument, Realm } from '../core/types.ts'
import type { Waiting } from './long-poll.ts'
import type { MessageAttributes } from './message.ts'
import { messageOperations } from './message-operations.ts'
import { createMoves } from './move-operations.ts'
import { wireOperations } from './operation.ts'
import { queueOperations } from './queue-operations.ts'
import { systemAttributes } from './received.ts'
import { openRegistry, type Registry } from './registry.ts'

export { queryErrorHeader } from './errors.ts'

/**
 * SQS with standard queues. Queues, sent and deleted messages are in `dir/sqs/journal.jsonl` before the call is
 * answered; receive counts and timeouts are saved on `close()`.
 */
export function createSqs({ realm, iam }: ServiceOptions): Sqs {
  const registry = openRegistry(realm)
  const waiting: Waiting = new Set()
  const moves = createMoves(registry)
  return {
    service: {
      kind: 'json',
      name: 'sqs',
      targetPrefix: 'AmazonSQS',
      jsonVersion: '1.0',
      operations: wireOperations({
        ...queueOperations(registry),
        ...messageOperations(registry, waiting),
        ...moves.operations,
      }),
    },
    createQueue(properties) {
      const named = deployQueue(registry, properties)
      return { arn: named.arn, url: registry.urlOf(named) }
    },
    setQueuePolicy(queueUrl: string, policy: PolicyDocument) {
      registry.setAttributes(registry.byUrl(queueUrl), { Policy: policy })
    },
    async send(queueArn, body, as, options = {}) {
      const named = registry.byArn(queueArn)
      iam.authorize(as, [
        {
          action: 'sqs:SendMessage',
          resource: named.arn,
          resourcePolicies: registry.policies(named),
          context: sourceContext(realm, options.sourceArn),
        },
      ])
      const attributes: MessageAttributes = Object.fromEntries(
        Object.entries(options.attributes ?? {}).map(([name, StringValue]) => [
          name,
          { DataType: 'String', StringValue },
        ]),
      )
      registry.send(named, { body, attributes, systemAttributes: {} }, as.arn)
    },
    receive: (queueArn, max) =>
      registry
        .byArn(queueArn)
        .queue.receive(Math.min(max, maxHandleBatch))
        .map(({ message, handle }) => ({
          messageId: message.id,
          receiptHandle: handle,
          body: message.body,
          attributes: systemAttributes(message),
          messageAttributes: message.attributes,
        })),
    delete(queueArn, receiptHandles) {
      const { queue } = registry.byArn(queueArn)
      for (const handle of receiptHandles) queue.delete(handle)
    },
    release(queueArn, receiptHandles) {
      const { queue } = registry.byArn(queueArn)
      for (const handle of receiptHandles) queue.release(handle)
    },
    onMessage: (queueArn, listener) => registry.byArn(queueArn).queue.listen(listener),
    vitals() {
      const now = realm.now().getTime()
      return registry.all().map(({ name, queue }) => ({
        name,
        visible: queue.counts().visible,
        oldestSeconds: queue.messages().reduce((age, { sentAt }) => Math.max(age, (now - sentAt) / 1000), 0),
      }))
    },
    depth: queueArn => registry.byArn(queueArn).queue.counts(),
    visibilityTimeoutSeconds: queueArn => registry.byArn(queueArn).queue.settings.visibilityTimeout,
    async close() {
      moves.close()
      for (const end of [...waiting]) end()
      registry.close()
    },
  }
}

const maxHandleBatch = 10_000

/** AWS::SQS::Queue: properties that are queue attributes are taken over, tags set, a queue in the folder kept. */
function deployQueue(
  registry: Registry,
  properties: { readonly QueueName: string; readonly [other: string]: unknown },
) {
  const { QueueName: name, Tags, FifoQueue, ...rest } = properties
  const attributes = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== undefined))
  const fifo = FifoQueue === true || FifoQueue === 'true' ? `${name.replace(/\.fifo$/, '')}.fifo` : name
  const existing = registry.find(name)
  const named = existing ?? registry.create(fifo, attributes)
  if (existing !== undefined) registry.replaceAttributes(existing, attributes)
  if (Array.isArray(Tags))
    registry.setTags(
      named,
      Object.fromEntries((Tags as { Key: string; Value: string }[]).map(({ Key, Value }) => [Key, Value])),
    )
  return named
}

const sourceContext = (realm: Realm, sourceArn: string | undefined): Readonly<Record<string, string>> =>
  sourceArn === undefined ? {} : { 'aws:SourceArn': sourceArn, 'aws:SourceAccount': realm.accountId }
