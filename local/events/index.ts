/**
 * EventBridge on one machine: buses and rules from the template, patterns and schedules, asynchronous delivery
 * to Lambda functions, SQS queues and API destinations with retries and dead-letter queues.
 */
import type { EventBridge, ServiceOptions } from '../core/services.ts'
import { AwsError } from '../core/types.ts'
import { createDelivery, type DeliveryOptions } from './delivery.ts'
import { createDestinations } from './destinations.ts'
import { readOperations } from './operations.ts'
import { envelope, putEvents } from './put-events.ts'
import { type Json, text } from './read.ts'
import { isApiDestination, makeRule, type Rule, roleNameOf } from './rules.ts'
import { createScheduler } from './schedule.ts'

export { matchesPattern, validatePattern } from './pattern.ts'

export interface EventBridgeOptions
  extends ServiceOptions,
    Pick<DeliveryOptions, 'invokeAsync' | 'sendToQueue' | 'retryDelayMs'> {
  /** How long an API destination may take for its answer, in ms; AWS's five seconds by default. */
  readonly destinationTimeoutMs?: number
  /** How often schedules look at the clock, in ms. */
  readonly tickMs?: number
  /** How long a minute of a rate lasts, in ms; default 60 000. */
  readonly minuteMs?: number
}
const FIRST_RATE_MS = 5_000

type Listener = (event: Json, busName: string) => void

/** Makes the service with its `default` bus. */
export function createEventBridge(options: EventBridgeOptions): EventBridge {
  const { realm, iam } = options
  const destinations = createDestinations(realm, options.destinationTimeoutMs)
  const delivery = createDelivery({ ...options, destinations })
  const scheduler = createScheduler(realm.now, options.tickMs)
  const buses = new Map<string, string>()
  const rules = new Map<string, Map<string, Rule>>()
  const listeners = new Set<Listener>()
  const unschedule = new Map<Rule, () => void>()
  let closed = false

  const createBus: EventBridge['createBus'] = ({ Name }) => {
    if (typeof Name !== 'string' || !/^[/.\-_A-Za-z0-9]{1,256}$/.test(Name))
      throw new AwsError('ValidationException', `Event bus name "${String(Name)}" is not allowed.`)
    if (buses.has(Name))
      throw new AwsError('ResourceAlreadyExistsException', `Event bus ${Name} already exists.`)
    const arn = `arn:aws:events:${realm.region}:${realm.accountId}:event-bus/${Name}`
    buses.set(Name, arn)
    rules.set(Name, new Map())
    return { arn }
  }
  createBus({ Name: 'default' })

  /** A bus is named by its name or by its ARN. */
  const findBus = (nameOrArn: string): { name: string; arn: string } | undefined => {
    for (const [name, arn] of buses) if (nameOrArn === name || nameOrArn === arn) return { name, arn }
    return undefined
  }

  const trigger = (rule: Rule, event: Json): void => {
    for (const target of rule.targets) delivery.start(target, event, rule)
  }

  const publish = (event: Json, busName: string): void => {
    setImmediate(() => {
      if (closed) return
      for (const listener of listeners) {
        try {
          listener(event, busName)
        } catch (error) {
          realm.log({
            level: 'warn',
            service: 'events',
            message: 'an event listener failed',
            error: String(error),
          })
        }
      }
      for (const rule of rules.get(busName)?.values() ?? [])
        if (rule.enabled && rule.matches(event)) trigger(rule, event)
    })
  }

  const fire = (rule: Rule, at: Date): void => {
    const event = envelope(realm, {
      source: 'aws.events',
      detailType: 'Scheduled Event',
      resources: [rule.arn],
      detail: {},
      time: at,
    })
    // A schedule reaches its own targets only; it is not put on the bus for other rules' patterns.
    trigger(rule, event)
  }

  /** What AWS refuses when a target is put: a destination that is not there, a role that EventBridge may not assume. */
  const checkDestination = (rule: Rule, target: Json): void => {
    const arn = String(target['Arn'])
    if (!isApiDestination(arn)) return
    if (!destinations.has(arn))
      throw new AwsError(
        'ResourceNotFoundException',
        `Rule ${rule.name}: there is no API destination ${arn}.`,
      )
    iam.assertAssumable(roleNameOf(target) ?? '', 'events.amazonaws.com')
  }

  const setEnabled = (rule: Rule, enabled: boolean): void => {
    rule.enabled = enabled
    unschedule.get(rule)?.()
    unschedule.delete(rule)
    if (enabled && rule.schedule)
      unschedule.set(
        rule,
        // AWS does not say when a new rate rule fires first; here it does soon, so that short runs see it at all.
        scheduler.add(rule.schedule, at => fire(rule, at), rule.rate ? FIRST_RATE_MS : undefined),
      )
  }

  return {
    service: {
      kind: 'json',
      name: 'events',
      targetPrefix: 'AWSEvents',
      jsonVersion: '1.1',
      operations: {
        PutEvents: (input, ctx) => putEvents(input, ctx, { realm, busArn: findBus, publish }),
        ...readOperations({
          realm,
          buses,
          rulesOf: busName => [...(rules.get(busName)?.values() ?? [])],
          setEnabled,
        }),
      },
    },
    createBus,
    createConnection: destinations.createConnection,
    createApiDestination: destinations.createApiDestination,
    createRule(properties) {
      const given = text(properties.EventBusName) ?? 'default'
      const bus = findBus(given)
      if (!bus)
        throw new AwsError(
          'ResourceNotFoundException',
          `Rule ${properties.Name}: event bus ${given} does not exist.`,
        )
      const rule = makeRule(realm, bus.name, properties, options.minuteMs)
      const onBus = rules.get(bus.name)
      if (onBus?.has(rule.name))
        throw new AwsError(
          'ResourceAlreadyExistsException',
          `Rule ${rule.name} already exists on ${bus.name}.`,
        )
      for (const target of rule.targets) checkDestination(rule, target)
      onBus?.set(rule.name, rule)
      setEnabled(rule, rule.enabled)
      return { arn: rule.arn }
    },
    emit(event) {
      publish(envelope(realm, { ...event, detail: event.detail }), 'default')
    },
    onEvent(listener) {
      listeners.add(listener)
      return () => listeners.delete(listener)
    },
    async close() {
      closed = true
      scheduler.close()
      await delivery.close()
    },
  }
}
