import { randomUUID } from 'node:crypto'
import { createMessageContext, type MessageContext } from '../sql/context.ts'
import { evaluateStatement } from '../sql/evaluate.ts'
import { basicIngest } from '../topics.ts'
import { type ActionFailure, type ActionTargets, messageOf, runAction } from './actions.ts'
import type { TopicRule } from './rule.ts'

/** A message that reached the rules engine. */
export interface RuleMessage {
  readonly topic: string
  readonly payload: Buffer
  /** MQTT client id of the publisher; absent for HTTP, for rules and for AWS IoT's own events. */
  readonly clientId?: string
  /** Certificate id or user id of the publisher. */
  readonly principal?: string
  readonly hops: number
}

export interface RulesEngine {
  /** Adds a rule or replaces the one of the same name. */
  put(rule: TopicRule): void
  get(name: string): TopicRule | undefined
  list(): readonly TopicRule[]
  /** Starts every rule that the message triggers; returns at once and never throws. */
  onMessage(message: RuleMessage): void
  /** Resolves when no action is under way. */
  idle(): Promise<void>
}

export const createRulesEngine = (targets: ActionTargets): RulesEngine => {
  const { realm } = targets
  const rules = new Map<string, TopicRule>()
  const running = new Set<Promise<void>>()
  const warn = (rule: string, message: string, more: Readonly<Record<string, unknown>>) =>
    realm.log({ level: 'warn', service: 'iot', message, rule, ...more })

  const triggered = (topic: string): readonly TopicRule[] => {
    const ingest = basicIngest(topic)
    if (!ingest) return [...rules.values()].filter(rule => !rule.disabled && rule.matches(topic))
    const rule = rules.get(ingest.ruleName)
    if (rule && !rule.disabled) return [rule]
    warn(ingest.ruleName, 'RuleNotFound: Basic Ingest to a rule that does not exist or is disabled', {
      topic,
    })
    return []
  }

  const run = async (rule: TopicRule, message: MessageContext, received: RuleMessage): Promise<void> => {
    const { hops } = received
    const failures = await execute(targets, rule, message, hops)
    if (failures.length === 0) return
    warn(rule.name, 'a rule failed', { topic: received.topic, failures })
    if (!rule.errorAction) return
    const payload = Buffer.from(JSON.stringify(errorMessage(rule, message, received.topic, failures)), 'utf8')
    const failure = await runAction(targets, rule, rule.errorAction, payload, message, hops)
    if (failure) warn(rule.name, 'the error action of a rule failed; the message is lost', { ...failure })
  }

  return {
    put: rule => void rules.set(rule.name, rule),
    get: name => rules.get(name),
    list: () => [...rules.values()],
    onMessage: received => {
      const { topic, payload, clientId, principal } = received
      const hit = triggered(topic)
      if (hit.length === 0) return
      const message = createMessageContext({
        raw: payload,
        topic: basicIngest(topic)?.topic ?? topic,
        ...(clientId === undefined ? {} : { clientId, traceId: randomUUID() }),
        ...(principal === undefined ? {} : { principal }),
        accountId: realm.accountId,
        now: realm.now().getTime(),
      })
      for (const rule of hit) {
        const task = run(rule, message, received).finally(() => running.delete(task))
        running.add(task)
      }
    },
    idle: async () => {
      while (running.size > 0) await Promise.allSettled(running)
    },
  }
}

/** Evaluates the statement and runs the actions side by side; returns what failed. */
const execute = async (
  targets: ActionTargets,
  rule: TopicRule,
  message: MessageContext,
  hops: number,
): Promise<readonly ActionFailure[]> => {
  let output: Buffer | undefined
  try {
    output = evaluateStatement(rule.statement, message)
  } catch (error) {
    // AWS's name for a failed statement is not documented; the fields are those of a failed action.
    return [{ failedAction: 'SqlStatement', failedResource: rule.name, errorMessage: messageOf(error) }]
  }
  if (output === undefined) return []
  const payload = output
  const results = await Promise.all(
    rule.actions.map(action => runAction(targets, rule, action, payload, message, hops)),
  )
  return results.filter(failure => failure !== undefined)
}

/** The message of an error action (developer guide, "Error handling"). */
const errorMessage = (
  rule: TopicRule,
  message: MessageContext,
  topic: string,
  failures: readonly ActionFailure[],
) => ({
  ruleName: rule.name,
  topic,
  cloudwatchTraceId: message.traceId ?? randomUUID(),
  clientId: message.clientId ?? 'n/a',
  base64OriginalPayload: message.raw.toString('base64'),
  failures,
})
