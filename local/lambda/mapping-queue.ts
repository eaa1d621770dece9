/** A function that reads an SQS queue. */
import { createHash } from 'node:crypto'
import type { QueueMessage, Sqs } from '../core/services.ts'
import { type Mapping, type MappingContext, maxPayloadBytes, pollMs, reportedFailures } from './mapping.ts'

export interface QueueMappingContext extends MappingContext {
  readonly sqs: Pick<Sqs, 'receive' | 'delete' | 'release' | 'onMessage' | 'depth'>
  /** Batches at the same time, at most. */
  readonly concurrency: number
}

/**
 * Messages of a failed batch, or reported as failed, are left alone: they come back after the queue's visibility
 * timeout, as in AWS, and the queue's redrive policy ends the story.
 */
export function createQueueMapping(ctx: QueueMappingContext): Mapping {
  const { realm, config, sqs, fn } = ctx
  const queueArn = config.eventSourceArn
  const running = new Set<Promise<void>>()
  let stopped = true
  let unsubscribe: (() => void) | undefined
  let poll: NodeJS.Timeout | undefined
  let window: NodeJS.Timeout | undefined

  const wake = (): void => {
    if (stopped) return
    const { visible } = sqs.depth(queueArn)
    if (visible === 0) return
    if (config.batchingWindowSeconds === 0 || visible >= config.batchSize) drain()
    else window ??= setTimeout(drain, config.batchingWindowSeconds * 1000).unref()
  }

  const drain = (): void => {
    clearTimeout(window)
    window = undefined
    while (!stopped && running.size < ctx.concurrency) {
      const batch = withinPayload(sqs.receive(queueArn, config.batchSize))
      if (batch.length === 0) return
      const work = settle(batch).finally(() => {
        running.delete(work)
        wake()
      })
      running.add(work)
    }
  }

  /** Gives back what does not fit into one payload. */
  const withinPayload = (messages: readonly QueueMessage[]): readonly QueueMessage[] => {
    let bytes = 0
    const fits = messages.filter((message, i) => {
      bytes += Buffer.byteLength(message.body) + 2048
      return i === 0 || bytes <= maxPayloadBytes
    })
    const rest = messages.slice(fits.length)
    if (rest.length > 0)
      sqs.release(
        queueArn,
        rest.map(each => each.receiptHandle),
      )
    return fits
  }

  async function settle(batch: readonly QueueMessage[]): Promise<void> {
    try {
      const Records = batch.map(message => queueRecord(message, queueArn, realm.region))
      const outcome = await ctx.execute(Buffer.from(JSON.stringify({ Records })))
      if (outcome.fault) return
      const failed = config.reportBatchItemFailures ? reportedFailures(outcome.payload) : []
      const unknown = failed?.find(id => !batch.some(message => message.messageId === id))
      if (failed === undefined || unknown !== undefined) {
        realm.log({
          level: 'error',
          service: 'lambda',
          message: `function ${fn.name}: the batch response is not valid${unknown === undefined ? '' : ` (no message ${unknown} in this batch)`}; the whole batch counts as failed`,
          functionName: fn.name,
        })
        return
      }
      const done = batch.filter(message => !failed.includes(message.messageId))
      sqs.delete(
        queueArn,
        done.map(message => message.receiptHandle),
      )
    } catch (error) {
      // The event never reached the function. When closing nothing needs to wait; a throttled batch does.
      if (stopped)
        sqs.release(
          queueArn,
          batch.map(message => message.receiptHandle),
        )
      realm.log({
        level: 'debug',
        service: 'lambda',
        message: `batch not run, left in ${queueArn}`,
        error: String(error),
      })
    }
  }

  return {
    start() {
      stopped = false
      unsubscribe = sqs.onMessage(queueArn, wake)
      // Messages become visible again without a word.
      poll = setInterval(wake, pollMs).unref()
      wake()
    },
    async stop() {
      stopped = true
      unsubscribe?.()
      clearInterval(poll)
      clearTimeout(window)
      await Promise.all(running)
    },
  }
}

/** Shape of a record: Lambda developer guide, "Using Lambda with Amazon SQS". */
function queueRecord(message: QueueMessage, queueArn: string, region: string) {
  return {
    messageId: message.messageId,
    receiptHandle: message.receiptHandle,
    body: message.body,
    attributes: message.attributes,
    messageAttributes: lambdaAttributes(message.messageAttributes),
    md5OfBody: createHash('md5').update(message.body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: queueArn,
    awsRegion: region,
  }
}

/** The API writes `StringValue`, a record `stringValue`. */
function lambdaAttributes(attributes: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const lower = (name: string): string => name.charAt(0).toLowerCase() + name.slice(1)
  return Object.fromEntries(
    Object.entries(attributes).map(([name, value]) => {
      const fields = Object.entries(value as Readonly<Record<string, unknown>>)
      return [
        name,
        {
          ...Object.fromEntries(fields.map(([key, inner]) => [lower(key), inner])),
          stringListValues: [],
          binaryListValues: [],
        },
      ]
    }),
  )
}
