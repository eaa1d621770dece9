/**
 * A function that reads a DynamoDB stream: in order, one batch at a time, a failing batch in front of all others
 * until it passes, is split, or is given up. Reference: Lambda developer guide, "Process DynamoDB records with Lambda".
 */
import type { DynamoDb, StreamRecord } from '../core/services.ts'
import { matchesPattern } from '../events/pattern.ts'
import type { Outcome } from './execute.ts'
import { createBell, type Mapping, type MappingContext, pollMs, reportedFailures } from './mapping.ts'
import type { StreamPositions } from './stream-positions.ts'

export interface StreamMappingContext extends MappingContext {
  readonly dynamodb: Pick<DynamoDb, 'readStream' | 'onStream'>
  readonly positions: StreamPositions
  /** Delivers the record of a batch that was given up. */
  readonly onFailure: (queueArn: string, body: string) => Promise<void>
  /** Pause before retry n (from 1), in ms. */
  readonly retryDelayMs: (retry: number) => number
}

type Condition = 'RetryAttemptsExhausted' | 'RecordAgeExceeded'

export function createStreamMapping(ctx: StreamMappingContext): Mapping {
  const { realm, config, dynamodb, positions, fn } = ctx
  const streamArn = config.eventSourceArn
  const key = `${config.id} ${streamArn}`
  const bell = createBell()
  let stopped = true
  let unsubscribe: (() => void) | undefined
  let work: Promise<void> = Promise.resolve()

  const passes = (record: StreamRecord): boolean =>
    config.filters === undefined || config.filters.some(pattern => matchesPattern(pattern, record))

  async function read(): Promise<void> {
    let position = positions.get(key) ?? startOf(ctx)
    while (!stopped) {
      let batch = dynamodb.readStream(streamArn, position, config.batchSize)
      if (
        batch.records.length > 0 &&
        batch.records.length < config.batchSize &&
        config.batchingWindowSeconds > 0
      ) {
        await pause(config.batchingWindowSeconds * 1000)
        batch = dynamodb.readStream(streamArn, position, config.batchSize)
      }
      if (batch.records.length === 0) {
        position = batch.next
        await bell.wait(pollMs)
        continue
      }
      const wanted = batch.records.filter(passes)
      const last = wanted.at(-1)
      if (last) realm.measure?.('AWS/Lambda', 'IteratorAge', { FunctionName: fn.name }, ageMs(last))
      // A batch that closing interrupted is read again at the next start; one that was finished is not.
      if (wanted.length > 0 && !(await settle(wanted, 0))) return
      position = batch.next
      positions.set(key, position)
    }
  }

  /** True when every record is processed or given up, false when the mapping stops first. `tries` counts failures so far. */
  async function settle(given: readonly StreamRecord[], tries: number): Promise<boolean> {
    let batch = given
    for (let retry = 1; !stopped; retry += 1) {
      const expired = batch.filter(record => tooOld(record))
      if (expired.length > 0) {
        await giveUp(expired, 'RecordAgeExceeded', tries, undefined)
        batch = batch.filter(record => !expired.includes(record))
      }
      if (batch.length === 0) return true
      const outcome = await ctx
        .execute(Buffer.from(JSON.stringify({ Records: batch })))
        .catch(() => undefined)
      if (outcome) {
        const failed = firstFailure(outcome, batch)
        if (failed < 0) return true
        batch = batch.slice(failed)
        // Splitting does not count as a retry.
        if (config.bisectBatchOnFunctionError && batch.length > 1) {
          const middle = Math.ceil(batch.length / 2)
          return (await settle(batch.slice(0, middle), tries)) && settle(batch.slice(middle), tries)
        }
        tries += 1
        const maximum = config.maximumRetryAttempts ?? -1
        if (maximum >= 0 && tries > maximum) {
          await giveUp(batch, 'RetryAttemptsExhausted', tries, outcome)
          return true
        }
      }
      await pause(ctx.retryDelayMs(retry))
    }
    return false
  }

  /** Index from which the batch must be tried again; -1 when all is done. */
  function firstFailure(outcome: Outcome, batch: readonly StreamRecord[]): number {
    if (outcome.fault) return 0
    if (!config.reportBatchItemFailures) return -1
    const failed = reportedFailures(outcome.payload)
    if (failed === undefined) return 0
    if (failed.length === 0) return -1
    const at = failed.map(id => batch.findIndex(record => part(record, 'SequenceNumber') === id))
    return Math.max(0, Math.min(...at))
  }

  const ageMs = (record: StreamRecord): number =>
    Math.max(0, realm.now().getTime() - Number(part(record, 'ApproximateCreationDateTime')) * 1000)
  const tooOld = (record: StreamRecord): boolean => {
    const maximum = config.maximumRecordAgeSeconds ?? -1
    return maximum > 0 && ageMs(record) > maximum * 1000
  }

  async function giveUp(
    batch: readonly StreamRecord[],
    condition: Condition,
    tries: number,
    outcome: Outcome | undefined,
  ): Promise<void> {
    const queue = config.onFailureArn
    const about = { service: 'lambda', functionName: fn.name, condition, records: batch.length } as const
    const lost = (reason: string): void =>
      realm.log({
        ...about,
        level: 'error',
        message: `stream records for function ${fn.name} are lost: ${reason}`,
      })
    if (queue === undefined) return lost('no on-failure destination')
    try {
      await ctx.onFailure(queue, JSON.stringify(failureRecord(ctx, batch, condition, tries, outcome)))
      realm.log({
        ...about,
        level: 'warn',
        message: `stream records for function ${fn.name} given up, sent to ${queue}`,
      })
    } catch (error) {
      lost(`${queue} refused them: ${error instanceof Error ? error.message : String(error)}`)
    }
  }

  const pause = async (ms: number): Promise<void> => {
    const until = Date.now() + ms
    while (!stopped && Date.now() < until) await bell.wait(until - Date.now())
  }

  return {
    start() {
      stopped = false
      unsubscribe = dynamodb.onStream(streamArn, bell.ring)
      work = read().catch((error: unknown) => {
        realm.log({
          level: 'error',
          service: 'lambda',
          message: `reading ${streamArn} broke`,
          error: String(error),
        })
      })
    },
    async stop() {
      stopped = true
      unsubscribe?.()
      bell.ring()
      await work
    },
  }
}

/** LATEST means after everything that is there when the mapping first starts. */
function startOf({ config, dynamodb, positions }: StreamMappingContext): number {
  let position = 0
  if (config.startingPosition !== 'LATEST') return position
  for (;;) {
    const { records, next } = dynamodb.readStream(config.eventSourceArn, position, 10_000)
    position = next
    if (records.length === 0) break
  }
  positions.set(`${config.id} ${config.eventSourceArn}`, position)
  return position
}

const part = (record: StreamRecord, name: string): unknown =>
  (record['dynamodb'] as Readonly<Record<string, unknown>> | undefined)?.[name]

function failureRecord(
  { realm, fn, config }: MappingContext,
  batch: readonly StreamRecord[],
  condition: Condition,
  tries: number,
  outcome: Outcome | undefined,
) {
  const [first, last] = [batch[0], batch.at(-1)] as [StreamRecord, StreamRecord]
  const arrival = (record: StreamRecord): string =>
    new Date(Number(part(record, 'ApproximateCreationDateTime') ?? 0) * 1000).toISOString()
  return {
    version: '1.0',
    timestamp: realm.now().toISOString(),
    requestContext: {
      requestId: first.eventID,
      functionArn: fn.arn,
      condition,
      approximateInvokeCount: tries,
    },
    ...(outcome && {
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
    }),
    DDBStreamBatchInfo: {
      shardId: 'shardId-00000000000000000000-00000000',
      startSequenceNumber: part(first, 'SequenceNumber'),
      endSequenceNumber: part(last, 'SequenceNumber'),
      approximateArrivalOfFirstRecord: arrival(first),
      approximateArrivalOfLastRecord: arrival(last),
      batchSize: batch.length,
      streamArn: config.eventSourceArn,
    },
  }
}
