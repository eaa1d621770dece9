import type { EventEmitter } from 'node:events'
import { Readable } from 'node:stream'
import type { Aedes, Client } from 'aedes'
import type { WirePacket } from './limits.ts'
import type { RetainedStore } from './retained.ts'

// aedes 1.2 has no hook for whole packets or for retained messages; these are the fields of its objects that this
// broker reaches into, checked at start so that another version fails loudly.

/**
 * Lets `inspect` see every packet of a connection before aedes does. When it returns false, aedes never gets the
 * packet, and `inspect` must have closed the connection.
 */
export const interceptPackets = (client: Client, inspect: (packet: WirePacket) => boolean): void => {
  const parser = (client as unknown as { _parser?: EventEmitter })._parser
  const [handle, ...others] = parser?.listeners('packet') ?? []
  if (!parser || !handle || others.length > 0)
    throw new Error('aedes no longer parses packets as version 1.2 does')
  parser.removeAllListeners('packet')
  parser.on('packet', function (this: unknown, packet: WirePacket) {
    if (inspect(packet)) handle.call(this, packet)
  })
}

/**
 * Takes aedes' own duplicate check off a connection. It drops every message that was made before the newest one
 * delivered. A QoS 1 message is stored before it is sent, so a QoS 0 message made right after it overtakes it, and
 * the QoS 1 message is lost without a trace: every last will, by the disconnect event that follows it. `Delivered`
 * looks for real duplicates instead.
 */
export const disableDedupe = (aedes: Aedes, client: Client): void => {
  const { duplicates } = client as unknown as { duplicates?: object }
  if (!duplicates) throw new Error('aedes no longer remembers duplicates as version 1.2 does')
  Object.defineProperty(duplicates, aedes.id, { get: () => 0, set: () => undefined })
}

/** The live connection of a client id. */
export const liveClient = (aedes: Aedes, clientId: string): Client | undefined =>
  (aedes as unknown as { clients: Record<string, Client | undefined> }).clients[clientId]

interface Persistence {
  storeRetained(packet: { topic: string; payload: string | Buffer; qos: number }): Promise<void>
  createRetainedStreamCombi(filters: readonly string[]): Readable
  addSubscriptions(client: Client, subscriptions: readonly { topic: string }[]): Promise<void>
}

/**
 * Replaces aedes' memory of retained messages by `store`, and keeps out of a session's stored subscriptions the
 * ones that were refused: aedes stores a SUBSCRIBE whole as soon as one of its filters is granted.
 */
export const installPersistence = (
  aedes: Aedes,
  store: RetainedStore,
  isGranted: (client: Client, filter: string) => boolean,
): void => {
  const { persistence } = aedes as unknown as { persistence: Persistence }
  const addSubscriptions = persistence.addSubscriptions.bind(persistence)
  persistence.storeRetained = async ({ topic, payload, qos }) =>
    store.put(topic, Buffer.from(payload as Buffer), qos === 0 ? 0 : 1)
  // Exact topics only: on AWS IoT a subscription with wildcards never gets retained messages.
  persistence.createRetainedStreamCombi = filters =>
    Readable.from(
      filters
        .map(filter => store.get(filter))
        .filter(message => message !== undefined)
        .map(({ topic, payload, qos }) => ({ cmd: 'publish', topic, payload, qos, retain: true })),
    )
  persistence.addSubscriptions = (client, subscriptions) =>
    addSubscriptions(
      client,
      subscriptions.filter(({ topic }) => isGranted(client, topic)),
    )
}
