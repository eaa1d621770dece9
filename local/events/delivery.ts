/**
 * Delivery of one event to one target: at least once, retried with back-off, and at the end the target's
 * dead-letter queue. Reference: EventBridge user guide, "Retrying event delivery" and "Using dead-letter queues".
 */
import type { Iam } from '../core/services.ts'
import { AwsError, type InvokeAsync, type Principal, type Realm, type SendToQueue } from '../core/types.ts'
import type { Destinations } from './destinations.ts'
import { HttpFailure } from './http-target.ts'
import { isJson, targetInput } from './input.ts'
import { type Json, number, record } from './read.ts'
import { isApiDestination, roleNameOf } from './rules.ts'

export interface DeliveryOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'authorize' | 'principalFor'>
  readonly destinations: Pick<Destinations, 'invoke' | 'reserve'>
  readonly invokeAsync: InvokeAsync
  readonly sendToQueue: SendToQueue
  /**
   * Pause before retry n (from 1), in ms. AWS spreads 185 tries over a day; the default is the same shape at a
   * scale for one machine: 200 ms doubling up to 30 s, with jitter. The number of tries is the target's own.
   */
  readonly retryDelayMs?: (retry: number) => number
}
export interface RuleRef {
  readonly name: string
  readonly arn: string
  readonly busName: string
}
/** As AWS: rules of the default bus by their name alone. */
const dimensionsOf = ({ name, busName }: RuleRef): Readonly<Record<string, string>> =>
  busName === 'default' ? { RuleName: name } : { EventBusName: busName, RuleName: name }

const EVENTS: Principal = { kind: 'service', arn: 'events.amazonaws.com' }
const DEFAULT_RETRIES = 185
const DEFAULT_AGE_SECONDS = 86_400
const backOff = (retry: number): number =>
  Math.min(30_000, 200 * 2 ** Math.min(retry - 1, 10)) * (0.75 + Math.random() / 2)

export function createDelivery(options: DeliveryOptions) {
  const { realm, iam, destinations, invokeAsync, sendToQueue, retryDelayMs = backOff } = options
  const waiting = new Map<NodeJS.Timeout, () => void>()
  const running = new Set<Promise<void>>()
  let closed = false

  async function attempt(target: Json, event: Json, rule: RuleRef, ingestionTime: string): Promise<void> {
    const arn = String(target['Arn'])
    const body = targetInput(target, event, { ruleName: rule.name, ruleArn: rule.arn, ingestionTime })
    if (arn.includes(':sqs:')) return sendToQueue(arn, body, EVENTS, { sourceArn: rule.arn })
    if (!isJson(body)) throw new AwsError('INVALID_JSON', 'The input for the target is not valid JSON.')
    if (!isApiDestination(arn))
      return invokeAsync(arn, Buffer.from(body), { service: EVENTS.arn, sourceArn: rule.arn })
    const as = iam.principalFor(roleNameOf(target) ?? '', rule.name)
    iam.authorize(as, [{ action: 'events:InvokeApiDestination', resource: arn }])
    await pause(destinations.reserve(arn))
    if (closed) throw new Error('the bus was closed before its turn came')
    return destinations.invoke(arn, body)
  }

  async function deliver(target: Json, event: Json, rule: RuleRef): Promise<void> {
    const policy = record(target['RetryPolicy'])
    const maximumRetries = number(policy['MaximumRetryAttempts']) ?? DEFAULT_RETRIES
    const maximumAgeMs = (number(policy['MaximumEventAgeInSeconds']) ?? DEFAULT_AGE_SECONDS) * 1000
    const taken = realm.now()
    for (let retry = 0; !closed; ) {
      try {
        return await attempt(target, event, rule, taken.toISOString())
      } catch (error) {
        const { code, permanent } = classify(error)
        const exhausted =
          retry >= maximumRetries
            ? 'MaximumRetryAttempts'
            : realm.now().getTime() - taken.getTime() >= maximumAgeMs
              ? 'MaximumEventAgeInSeconds'
              : undefined
        if (permanent || exhausted)
          return bury(target, event, rule, {
            code,
            message: message(error),
            retries: retry,
            exhausted: permanent ? undefined : exhausted,
          })
        retry++
        realm.log({
          level: 'debug',
          service: 'events',
          message: 'delivery failed, will retry',
          rule: rule.name,
          target: target['Arn'],
          retry,
          error: message(error),
        })
        const asked = error instanceof HttpFailure ? error.retryAfterMs : 0
        // Whichever is longer, as in AWS; past the maximum age there is nothing to wait for.
        await pause(Math.max(retryDelayMs(retry), Math.min(asked, maximumAgeMs)))
      }
    }
    realm.log({
      level: 'warn',
      service: 'events',
      message: 'event dropped: the bus was closed before it was delivered',
      rule: rule.name,
      target: target['Arn'],
      eventId: event['id'],
    })
  }

  interface Failure {
    readonly code: string
    readonly message: string
    readonly retries: number
    readonly exhausted: string | undefined
  }
  async function bury(target: Json, event: Json, rule: RuleRef, failure: Failure): Promise<void> {
    const about = {
      rule: rule.name,
      target: target['Arn'],
      eventId: event['id'],
      error: failure.message,
      code: failure.code,
    }
    const queue = record(target['DeadLetterConfig'])['Arn']
    if (typeof queue !== 'string') {
      realm.log({
        level: 'error',
        service: 'events',
        message: 'event lost: delivery failed and the target has no DeadLetterConfig',
        ...about,
      })
      return
    }
    const attributes = {
      RULE_ARN: rule.arn,
      TARGET_ARN: String(target['Arn']),
      ERROR_CODE: failure.code,
      ERROR_MESSAGE: failure.message,
      ...(failure.exhausted && {
        EXHAUSTED_RETRY_CONDITION: failure.exhausted,
        RETRY_ATTEMPTS: String(failure.retries),
      }),
    }
    try {
      await sendToQueue(queue, JSON.stringify(event), EVENTS, { attributes, sourceArn: rule.arn })
      realm.log({
        level: 'warn',
        service: 'events',
        message: 'delivery failed, event sent to the dead-letter queue',
        queue,
        ...about,
      })
    } catch (error) {
      realm.measure?.('AWS/Events', 'InvocationsFailedToBeSentToDlq', dimensionsOf(rule), 1)
      // As in AWS: without a queue policy for events.amazonaws.com the event is gone for good.
      realm.log({
        level: 'error',
        service: 'events',
        message: `event lost: the dead-letter queue refused it (${message(error)}); its queue policy must allow events.amazonaws.com to sqs:SendMessage for rule ${rule.arn}`,
        queue,
        ...about,
      })
    }
  }

  const pause = (ms: number): Promise<void> =>
    new Promise(resolve => {
      if (closed) return resolve()
      const timer = setTimeout(() => {
        waiting.delete(timer)
        resolve()
      }, ms).unref()
      waiting.set(timer, resolve)
    })

  return {
    /** Hands the event over without waiting; failures end in the dead-letter queue or in the log, never here. */
    start(target: Json, event: Json, rule: RuleRef): void {
      const work = deliver(target, event, rule).catch((error: unknown) => {
        realm.log({
          level: 'error',
          service: 'events',
          message: 'delivery broke',
          rule: rule.name,
          error: message(error),
        })
      })
      running.add(work)
      void work.finally(() => running.delete(work))
    },
    /** Ends waits for retries and waits for attempts under way. */
    async close(): Promise<void> {
      closed = true
      for (const [timer, resolve] of waiting) {
        clearTimeout(timer)
        resolve()
      }
      waiting.clear()
      await Promise.all(running)
    },
  }
}

/** AWS's ERROR_CODE values; permanent ones are never retried. */
function classify(error: unknown): { code: string; permanent: boolean } {
  if (error instanceof HttpFailure) return { code: 'SDK_CLIENT_ERROR', permanent: error.permanent }
  const code = error instanceof AwsError ? error.code : ''
  if (/AccessDenied|NotAuthorized/.test(code)) return { code: 'NO_PERMISSIONS', permanent: true }
  if (/NotFound|NonExistentQueue|QueueDoesNotExist/.test(code))
    return { code: 'NO_RESOURCE', permanent: true }
  if (code === 'INVALID_JSON') return { code, permanent: true }
  if (/TooManyRequests|Throttl/.test(code)) return { code: 'THROTTLING', permanent: false }
  if (error instanceof AwsError && error.status < 500) return { code: 'SDK_CLIENT_ERROR', permanent: true }
  return { code: 'ERROR_FROM_TARGET', permanent: false }
}

const message = (error: unknown): string => (error instanceof Error ? error.message : String(error))
