/**
 * Asynchronous invocation: events are accepted at once, run when there is room, retried, and at last sent to the
 * on-failure destination. Reference: Lambda developer guide, "How Lambda handles errors and retries with
 * asynchronous invocation".
 */
import type { Iam } from '../core/services.ts'
import type { Realm, SendToQueue } from '../core/types.ts'
import type { Outcome } from './execute.ts'
import type { EventInvokeConfig, FunctionConfig } from './types.ts'

export interface AsyncOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'principalFor'>
  readonly send: SendToQueue
  readonly execute: (fn: FunctionConfig, payload: Buffer, requestId: string) => Promise<Outcome>
  readonly configOf: (fn: FunctionConfig) => EventInvokeConfig
  /** Pause before retry n, in ms; the last one repeats. */
  readonly retryDelaysMs: readonly number[]
}
export interface AsyncInvoker {
  /** Takes an event; what becomes of it shows in the destination, the dead-letter queue or the log. */
  accept(fn: FunctionConfig, payload: Buffer, requestId: string): void
  pending(): number
  /** Ends waits for retries; events that are not finished are dropped, and the log says how many. */
  close(): Promise<void>
}

type Condition = 'RetriesExhausted' | 'EventAgeExceeded'

export function createAsyncInvoker(options: AsyncOptions): AsyncInvoker {
  const { realm, retryDelaysMs } = options
  const underWay = new Set<Promise<void>>()
  const pauses = new Map<NodeJS.Timeout, () => void>()
  let closed = false
  let dropped = 0

  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      if (closed) return resolve()
      const timer = setTimeout(() => {
        pauses.delete(timer)
        resolve()
      }, ms).unref()
      pauses.set(timer, resolve)
    })

  async function run(fn: FunctionConfig, payload: Buffer, requestId: string): Promise<void> {
    const { maximumRetryAttempts, maximumEventAgeSeconds } = options.configOf(fn)
    const accepted = realm.now().getTime()
    const expired = (): boolean => realm.now().getTime() - accepted > maximumEventAgeSeconds * 1000
    let last: Outcome | undefined
    for (let attempts = 0, waits = 0; !closed; waits += 1) {
      if (waits > 0 && expired()) return bury(fn, payload, requestId, 'EventAgeExceeded', attempts, last)
      // Throttling and the like are not the function's failure: they are retried for as long as the event may age.
      const outcome = await options.execute(fn, payload, requestId).catch(() => undefined)
      if (outcome) {
        attempts += 1
        last = outcome
        if (!outcome.fault) return
        if (attempts > maximumRetryAttempts)
          return bury(fn, payload, requestId, 'RetriesExhausted', attempts, last)
      }
      await pause(retryDelaysMs[Math.min(waits, retryDelaysMs.length - 1)] ?? 0)
    }
    dropped += 1
  }

  async function bury(
    fn: FunctionConfig,
    payload: Buffer,
    requestId: string,
    condition: Condition,
    attempts: number,
    last: Outcome | undefined,
  ): Promise<void> {
    const destination = options.configOf(fn).onFailureArn
    const about = { service: 'lambda', functionName: fn.name, requestId, condition, attempts }
    const deliver = async (arn: string, body: string, attributes?: Readonly<Record<string, string>>) => {
      try {
        const role = options.iam.principalFor(fn.roleName, fn.name)
        await options.send(arn, body, role, attributes === undefined ? {} : { attributes })
        realm.log({ ...about, level: 'warn', message: `event of function ${fn.name} failed, sent to ${arn}` })
      } catch (error) {
        realm.measure?.('AWS/Lambda', 'DestinationDeliveryFailures', {}, 1)
        const reason = error instanceof Error ? error.message : String(error)
        realm.log({
          ...about,
          level: 'error',
          message: `event of function ${fn.name} is lost: ${arn} refused it: ${reason}`,
        })
      }
    }
    if (destination !== undefined)
      await deliver(
        destination,
        JSON.stringify(failureRecord(realm, fn, payload, requestId, condition, attempts, last)),
      )
    if (fn.deadLetterArn !== undefined)
      await deliver(fn.deadLetterArn, payload.toString('utf8'), {
        RequestID: requestId,
        ErrorCode: '200',
        ErrorMessage: (last?.fault?.errorMessage ?? condition).slice(0, 1024) || condition,
      })
    if (destination === undefined && fn.deadLetterArn === undefined)
      realm.log({
        ...about,
        level: 'error',
        message: `event of function ${fn.name} is lost: it failed and there is neither on-failure destination nor dead-letter queue`,
      })
  }

  return {
    accept(fn, payload, requestId) {
      const work = run(fn, payload, requestId)
      underWay.add(work)
      void work.finally(() => underWay.delete(work))
    },
    pending: () => underWay.size,
    async close() {
      closed = true
      for (const [timer, resolve] of pauses) {
        clearTimeout(timer)
        resolve()
      }
      pauses.clear()
      await Promise.all(underWay)
      if (dropped > 0)
        realm.log({
          level: 'warn',
          service: 'lambda',
          message: `${dropped} asynchronous event(s) were dropped by closing; Lambda would have kept them`,
        })
    },
  }
}

/** The record of an on-failure destination. Reference: Lambda developer guide, "Invocation record". */
function failureRecord(
  realm: Realm,
  fn: FunctionConfig,
  payload: Buffer,
  requestId: string,
  condition: Condition,
  attempts: number,
  last: Outcome | undefined,
) {
  return {
    version: '1.0',
    timestamp: realm.now().toISOString(),
    requestContext: {
      requestId,
      functionArn: `${fn.arn}:$LATEST`,
      condition,
      approximateInvokeCount: attempts,
    },
    requestPayload: parsed(payload),
    ...(last && {
      responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
      responsePayload: parsed(last.payload),
    }),
  }
}

function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString('utf8')) as unknown
  } catch {
    return payload.toString('utf8')
  }
}
