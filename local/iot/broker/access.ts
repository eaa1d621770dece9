import type { AedesPublishPacket, Subscription } from 'aedes'
import { compileTopicFilter } from '../topics.ts'
import { MAX_SUBSCRIPTIONS, publishFault } from './limits.ts'
import type { DisconnectReason } from './presence.ts'
import type { Session } from './session.ts'

/** The parts of a PUBLISH that decide whether it is allowed. */
interface Publication {
  readonly topic: string
  readonly payload: string | Buffer
  readonly qos: number
  readonly retain: boolean
}

/** Why a publish is refused, with the reason that the disconnect event gives; undefined when it is allowed. */
export const publishRefusal = (
  { authorize }: Session,
  { topic, payload, qos, retain }: Publication,
): { readonly reason: DisconnectReason; readonly message: string } | undefined => {
  const fault = publishFault(topic, payload, qos)
  if (fault) return { reason: 'CLIENT_ERROR', message: fault }
  // Topics that start with $ belong to AWS IoT; its events cannot be forged by a device.
  if (topic.startsWith('$') && (!topic.startsWith('$aws/') || topic.startsWith('$aws/events/')))
    return { reason: 'CLIENT_ERROR', message: `clients cannot publish to the reserved topic ${topic}` }
  if (!authorize('iot:Publish', topic))
    return { reason: 'AUTH_ERROR', message: `iot:Publish is denied on ${topic}` }
  if (retain && !authorize('iot:RetainPublish', topic))
    return { reason: 'AUTH_ERROR', message: `iot:RetainPublish is denied on ${topic}` }
  return undefined
}

/** Why a subscription gets 0x80 in the SUBACK; undefined when it is granted. */
export const subscribeRefusal = (
  { authorize, filters }: Session,
  { topic }: Pick<Subscription, 'topic'>,
): string | undefined => {
  if (topic.startsWith('$share/')) return 'shared subscriptions are not implemented by the local cloud'
  if (topic.startsWith('$aws/rules/')) return 'nobody can subscribe to Basic Ingest topics'
  if (topic.startsWith('$') && !topic.startsWith('$aws/')) return 'the topic is reserved'
  if (!authorize('iot:Subscribe', topic)) return 'iot:Subscribe is denied'
  if (!filters.has(topic) && filters.size >= MAX_SUBSCRIPTIONS)
    return `a connection has at most ${MAX_SUBSCRIPTIONS} subscriptions`
  return undefined
}

/** Whether some subscription of a session takes a topic. */
export const isSubscribed = ({ filters }: Session, topic: string): boolean =>
  [...filters].some(filter => compileTopicFilter(filter)(topic))

/** Whether a message may be delivered to a session. */
export const mayReceive = ({ authorize }: Session, { topic }: Pick<AedesPublishPacket, 'topic'>): boolean =>
  !topic.startsWith('$aws/rules/') && authorize('iot:Receive', topic)
