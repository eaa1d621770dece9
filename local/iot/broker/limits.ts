import { topicFault, topicFilterFault } from '../topics.ts'

/** Bytes of a client id. */
export const MAX_CLIENT_ID_BYTES = 128
/** Bytes of a message. */
export const MAX_PAYLOAD_BYTES = 128 * 1024
const MAX_FILTERS_PER_SUBSCRIBE = 8
export const MAX_SUBSCRIPTIONS = 50
const MIN_KEEP_ALIVE = 30
const MAX_KEEP_ALIVE = 1200

/** The parts of an MQTT packet that AWS IoT Core's limits are about. */
export interface WirePacket {
  readonly cmd: string
  readonly topic?: string
  readonly payload?: string | Buffer
  readonly qos?: number
  readonly subscriptions?: readonly { readonly topic: string; readonly qos: number }[]
}

/**
 * Why AWS IoT Core closes the connection on this packet, or undefined: QoS 2, too large a payload, a malformed or
 * too long topic, too many filters in one SUBSCRIBE.
 */
export const packetFault = (packet: WirePacket): string | undefined => {
  switch (packet.cmd) {
    case 'publish':
      return publishFault(packet.topic ?? '', packet.payload ?? '', packet.qos ?? 0)
    case 'pubrel':
    case 'pubrec':
    case 'pubcomp':
      return 'QoS 2 is not supported'
    case 'subscribe':
      return subscribeFault(packet.subscriptions ?? [])
    default:
      return undefined
  }
}

export const publishFault = (topic: string, payload: string | Buffer, qos: number): string | undefined => {
  if (qos > 1) return 'QoS 2 is not supported'
  const bytes = Buffer.byteLength(payload)
  if (bytes > MAX_PAYLOAD_BYTES)
    return `the payload has ${bytes} bytes; at most ${MAX_PAYLOAD_BYTES} (128 KB) are allowed`
  return topicFault(topic)
}

const subscribeFault = (
  subscriptions: readonly { readonly topic: string; readonly qos: number }[],
): string | undefined => {
  if (subscriptions.length > MAX_FILTERS_PER_SUBSCRIBE)
    return `a SUBSCRIBE has at most ${MAX_FILTERS_PER_SUBSCRIBE} topic filters; got ${subscriptions.length}`
  for (const { topic, qos } of subscriptions) {
    if (qos > 1) return 'QoS 2 is not supported'
    // A shared subscription is well-formed MQTT: it is refused in the SUBACK, without closing the connection.
    const fault = topic.startsWith('$share/') ? undefined : topicFilterFault(topic)
    if (fault) return `topic filter ${JSON.stringify(topic)}: ${fault}`
  }
  return undefined
}

/** Seconds that AWS IoT Core takes for a requested keep-alive; none (0) and too long mean 1200. */
export const keepAliveSeconds = (requested: number): number =>
  requested === 0 ? MAX_KEEP_ALIVE : Math.min(Math.max(requested, MIN_KEEP_ALIVE), MAX_KEEP_ALIVE)
