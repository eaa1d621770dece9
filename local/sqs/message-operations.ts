/** Sending, receiving and deleting messages. */
import { AwsError } from '../core/types.ts'
import { maxMessageBytes } from './attributes.ts'
import { invalidParameter, sqsError } from './errors.ts'
import {
  type Input,
  list,
  optionalInteger,
  optionalString,
  requiredString,
  strings,
  structure,
} from './input.ts'
import { receiveWaiting, type Waiting } from './long-poll.ts'
import { md5, md5OfAttributes, messageBytes, readMessage } from './message.ts'
import { authorizeQueue, type Operations, queueOf } from './operation.ts'
import { describeReceipt, systemAttributeNames } from './received.ts'
import type { NamedQueue, Registry } from './registry.ts'

const maxBatch = 10
const maxVisibilitySeconds = 43_200

export function messageOperations(registry: Registry, waiting: Waiting): Operations {
  const send = (named: NamedQueue, input: Input, senderId: string) => {
    const message = readMessage(input, named.queue.settings.maximumMessageSize)
    const delay = optionalInteger(input, 'DelaySeconds', 0, 900)
    const stored = registry.send(named, message, senderId, delay)
    const ofAttributes = md5OfAttributes(message.attributes)
    const ofSystem = md5OfAttributes(message.systemAttributes)
    return {
      MessageId: stored.id,
      MD5OfMessageBody: md5(message.body),
      ...(ofAttributes === undefined ? {} : { MD5OfMessageAttributes: ofAttributes }),
      ...(ofSystem === undefined ? {} : { MD5OfMessageSystemAttributes: ofSystem }),
    }
  }
  const changeVisibility = (named: NamedQueue, input: Input) => {
    const seconds = optionalInteger(input, 'VisibilityTimeout', 0, maxVisibilitySeconds)
    if (seconds === undefined)
      throw sqsError('MissingParameter', 'The request must contain VisibilityTimeout.')
    named.queue.changeVisibility(requiredString(input, 'ReceiptHandle'), seconds)
  }
  return {
    SendMessage(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'SendMessage', named)
      return send(named, input, ctx.principal.arn)
    },
    SendMessageBatch(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'SendMessage', named)
      const entries = readEntries(input)
      const bytes = entries.reduce((sum, entry) => sum + entryBytes(entry), 0)
      if (bytes > maxMessageBytes)
        throw sqsError(
          'BatchRequestTooLong',
          `Batch requests cannot be longer than ${maxMessageBytes} bytes. You have sent ${bytes} bytes.`,
        )
      return runBatch(entries, entry => send(named, entry, ctx.principal.arn))
    },
    async ReceiveMessage(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'ReceiveMessage', named)
      const max = optionalInteger(input, 'MaxNumberOfMessages', 1, 10) ?? 1
      const visibility = optionalInteger(input, 'VisibilityTimeout', 0, maxVisibilitySeconds)
      const wait = optionalInteger(input, 'WaitTimeSeconds', 0, 20) ?? named.queue.settings.receiveWait
      const system = [...strings(input, 'AttributeNames'), ...strings(input, 'MessageSystemAttributeNames')]
      const unknown = system.find(name => !systemAttributeNames.has(name))
      if (unknown !== undefined) throw invalidParameter(`Unknown Attribute ${unknown}.`)
      const attributes = strings(input, 'MessageAttributeNames')
      const receipts = await receiveWaiting(named.queue, max, visibility, wait * 1000, waiting)
      if (receipts.length === 0) return {}
      return { Messages: receipts.map(receipt => describeReceipt(receipt, system, attributes)) }
    },
    DeleteMessage(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'DeleteMessage', named)
      named.queue.delete(requiredString(input, 'ReceiptHandle'))
      return {}
    },
    DeleteMessageBatch(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'DeleteMessage', named)
      return runBatch(readEntries(input), entry => {
        named.queue.delete(requiredString(entry, 'ReceiptHandle'))
        return {}
      })
    },
    ChangeMessageVisibility(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'ChangeMessageVisibility', named)
      changeVisibility(named, input)
      return {}
    },
    ChangeMessageVisibilityBatch(input, ctx) {
      const named = queueOf(registry, input)
      authorizeQueue(registry, ctx, 'ChangeMessageVisibility', named)
      return runBatch(readEntries(input), entry => {
        changeVisibility(named, entry)
        return {}
      })
    },
  }
}

/** Entries of a batch with their ids checked. Throws what SQS throws for the batch as a whole. */
function readEntries(input: Input): readonly Input[] {
  const entries = list(input, 'Entries').map(entry => structure(entry, 'Entries'))
  if (entries.length === 0)
    throw sqsError('EmptyBatchRequest', 'There should be at least one entry in the request.')
  if (entries.length > maxBatch)
    throw sqsError(
      'TooManyEntriesInBatchRequest',
      `Maximum number of entries per request are ${maxBatch}. You have sent ${entries.length}.`,
    )
  const ids = entries.map(entry => requiredString(entry, 'Id'))
  if (ids.some(id => !/^[A-Za-z0-9_-]{1,80}$/.test(id)))
    throw sqsError(
      'InvalidBatchEntryId',
      'A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long.',
    )
  const repeated = ids.find((id, at) => ids.indexOf(id) !== at)
  if (repeated !== undefined) throw sqsError('BatchEntryIdsNotDistinct', `Id ${repeated} repeated.`)
  return entries
}

/** Runs each entry by itself: what fails is reported beside what succeeded. */
function runBatch(entries: readonly Input[], run: (entry: Input) => object): object {
  const Successful: object[] = []
  const Failed: object[] = []
  for (const entry of entries) {
    const Id = optionalString(entry, 'Id')
    try {
      Successful.push({ Id, ...run(entry) })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      Failed.push({ Id, SenderFault: true, Code: error.code.replace(/^.*#/, ''), Message: error.message })
    }
  }
  return { Successful, Failed }
}

const entryBytes = (entry: Input): number => {
  try {
    return messageBytes(readMessage(entry, Number.POSITIVE_INFINITY))
  } catch (error) {
    // The entry fails by itself later; its size does not count against the others.
    if (error instanceof AwsError) return 0
    throw error
  }
}
