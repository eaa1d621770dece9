import type { Iam } from '../../core/services.ts'
import type { InvokeAsync, Realm, SendToQueue } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import type { MessageContext } from '../sql/context.ts'
import { topicFault } from '../topics.ts'
import type { RuleAction } from './action-config.ts'
import type { TopicRule } from './rule.ts'
import { renderTemplate } from './template.ts'

/** What rule actions act on. */
export interface ActionTargets {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'assertAssumable' | 'principalFor' | 'authorize'>
  readonly invokeAsync: InvokeAsync
  readonly sendToQueue: SendToQueue
  /** Publishes for a rule; `hops` counts how many rules the message has come through. */
  readonly republish: (message: {
    readonly topic: string
    readonly payload: Buffer
    readonly qos: 0 | 1
    readonly hops: number
  }) => void
}

/** One entry of `failures` in an error action's message. */
export interface ActionFailure {
  readonly failedAction: string
  readonly failedResource: string
  readonly errorMessage: string
}

const FAILED_ACTION = { lambda: 'LambdaAction', sqs: 'SqsAction', republish: 'RepublishAction' } as const

/** Rules that republish to each other would go round for ever; AWS stops them too, without saying when. */
const MAX_HOPS = 16

/** Runs one action with the statement's result; returns how it failed, never throws. */
export const runAction = async (
  targets: ActionTargets,
  rule: TopicRule,
  action: RuleAction,
  payload: Buffer,
  message: MessageContext,
  hops: number,
): Promise<ActionFailure | undefined> => {
  let resource = resourceOf(action).source
  try {
    resource = renderTemplate(resourceOf(action), message)
    await perform(targets, rule, action, resource, payload, hops)
    return undefined
  } catch (error) {
    return {
      failedAction: FAILED_ACTION[action.kind],
      failedResource: resource,
      errorMessage: messageOf(error),
    }
  }
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const resourceOf = (action: RuleAction) => {
  switch (action.kind) {
    case 'lambda':
      return action.functionArn
    case 'sqs':
      return action.queueUrl
    case 'republish':
      return action.topic
  }
}

const perform = async (
  { realm, iam, invokeAsync, sendToQueue, republish }: ActionTargets,
  rule: TopicRule,
  action: RuleAction,
  resource: string,
  payload: Buffer,
  hops: number,
): Promise<void> => {
  if (action.kind === 'lambda') {
    checkJson(payload)
    return invokeAsync(resource, payload, { service: 'iot.amazonaws.com', sourceArn: rule.arn })
  }
  iam.assertAssumable(action.roleName, 'iot.amazonaws.com')
  const principal = iam.principalFor(action.roleName, rule.name)
  if (action.kind === 'sqs') {
    const body = payload.toString(action.useBase64 ? 'base64' : 'utf8')
    return sendToQueue(queueArnOf(resource, realm.region), body, principal)
  }
  const topic = republishTopic(resource)
  iam.authorize(principal, [{ action: 'iot:Publish', resource: iotArn(realm, 'topic', topic) }])
  if (hops >= MAX_HOPS)
    throw new Error(`the message has been republished ${hops} times; rules republish in a circle`)
  republish({ topic, payload, qos: action.qos, hops: hops + 1 })
}

const checkJson = (payload: Buffer): void => {
  try {
    JSON.parse(payload.toString('utf8'))
  } catch {
    throw new Error("the Lambda action takes JSON only; select encode(*, 'base64') for binary payloads")
  }
}

/** `$$aws/…` stands for the reserved topic `$aws/…`. */
const republishTopic = (written: string): string => {
  if (written.startsWith('$') && !written.startsWith('$$'))
    throw new Error(`the reserved topic ${written} must be written with $$ to republish to it`)
  const topic = written.startsWith('$$') ? written.slice(1) : written
  const fault = topicFault(topic)
  if (fault) throw new Error(`cannot republish to ${JSON.stringify(topic)}: ${fault}`)
  return topic
}

const QUEUE_URL = /^https?:\/\/[^/]+\/(\d+)\/([^/]+)$/
const queueArnOf = (queueUrl: string, region: string): string => {
  const [, account, name] = QUEUE_URL.exec(queueUrl) ?? []
  if (account === undefined || name === undefined)
    throw new Error(`queueUrl must end in /ACCOUNT/NAME; got ${JSON.stringify(queueUrl)}`)
  return `arn:aws:sqs:${region}:${account}:${name}`
}
