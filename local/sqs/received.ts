/** A received message as ReceiveMessage and event source mappings show it. */
import type { MessageAttributes } from './message.ts'
import { md5, md5OfAttributes } from './message.ts'
import type { Receipt, StoredMessage } from './queue.ts'

export const systemAttributeNames: ReadonlySet<string> = new Set([
  'All',
  'SenderId',
  'SentTimestamp',
  'ApproximateReceiveCount',
  'ApproximateFirstReceiveTimestamp',
  'AWSTraceHeader',
  'DeadLetterQueueSourceArn',
  'SequenceNumber',
  'MessageDeduplicationId',
  'MessageGroupId',
])

/** Numbers are texts; times are milliseconds since the epoch. */
export function systemAttributes(message: StoredMessage): Readonly<Record<string, string>> {
  const trace = message.systemAttributes['AWSTraceHeader']?.StringValue
  return {
    ApproximateReceiveCount: String(message.receiveCount),
    SentTimestamp: String(message.sentAt),
    SenderId: message.senderId,
    ...(message.firstReceivedAt === undefined
      ? {}
      : { ApproximateFirstReceiveTimestamp: String(message.firstReceivedAt) }),
    ...(trace === undefined ? {} : { AWSTraceHeader: trace }),
    ...(message.deadLetterSource === undefined ? {} : { DeadLetterQueueSourceArn: message.deadLetterSource }),
  }
}

/** `system` and `attributes` are the names asked for; `All`, and `prefix.*` for message attributes, select many. */
export function describeReceipt(
  { message, handle }: Receipt,
  system: readonly string[],
  attributes: readonly string[],
): object {
  const wanted = system.includes('All')
    ? systemAttributes(message)
    : pick(systemAttributes(message), name => system.includes(name))
  const selected = pick(message.attributes, name =>
    attributes.some(
      pattern =>
        pattern === 'All' ||
        pattern === name ||
        (pattern.endsWith('.*') && name.startsWith(pattern.slice(0, -2))),
    ),
  ) as MessageAttributes
  const digest = md5OfAttributes(selected)
  return {
    MessageId: message.id,
    ReceiptHandle: handle,
    MD5OfBody: md5(message.body),
    Body: message.body,
    ...(Object.keys(wanted).length > 0 ? { Attributes: wanted } : {}),
    ...(digest === undefined ? {} : { MessageAttributes: selected, MD5OfMessageAttributes: digest }),
  }
}

const pick = <T>(
  from: Readonly<Record<string, T>>,
  wanted: (name: string) => boolean,
): Readonly<Record<string, T>> => Object.fromEntries(Object.entries(from).filter(([name]) => wanted(name)))
