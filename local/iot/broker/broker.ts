import type { AddressInfo } from 'node:net'
import { createServer, type Server, type TLSSocket } from 'node:tls'
import { Aedes, type Client } from 'aedes'
import type { Realm } from '../../core/types.ts'
import type { Authority } from '../ca/authority.ts'
import type { DeviceRequest } from '../provisioning/index.ts'
import { isProvisioningTopic } from '../provisioning/topics.ts'
import type { Registry } from '../registry.ts'
import type { RuleMessage } from '../rules/engine.ts'
import { isSubscribed, mayReceive, publishRefusal, subscribeRefusal } from './access.ts'
import { disableDedupe, installPersistence, interceptPackets, liveClient } from './aedes-internals.ts'
import { connectedThing } from './identity.ts'
import { keepAliveSeconds, packetFault, type WirePacket } from './limits.ts'
import { createPresence, type DisconnectReason } from './presence.ts'
import type { RetainedStore } from './retained.ts'
import { isRefusal, openSession, type Peer, peerOf, type Session } from './session.ts'

export interface BrokerOptions {
  readonly realm: Realm
  readonly registry: Registry
  readonly authority: Authority
  readonly retained: RetainedStore
  readonly host: string
  /** 0 for any free one. */
  readonly port: number
  /** Receives every message, whoever published it. */
  readonly onMessage: (message: RuleMessage) => void
  /** Receives what devices publish on the topics of the device provisioning API; `onMessage` does not. */
  readonly onRequest: (request: DeviceRequest) => void
}

export interface BrokerMessage {
  readonly topic: string
  readonly payload: Buffer
  readonly qos: 0 | 1
  readonly retain: boolean
}

export interface Broker {
  readonly port: number
  /** Delivers a message to subscribers; does not call `onMessage`. */
  publish(message: BrokerMessage): void
  close(): Promise<void>
}

/** Starts the mTLS listener: aedes with AWS IoT Core's identities, policies, limits and lifecycle events on top. */
export const startBroker = async (options: BrokerOptions): Promise<Broker> => {
  const { realm, registry, onMessage, onRequest } = options
  const sessions = new WeakMap<Client, Session>()
  const open = new Set<Session>()
  const peers = new WeakMap<Client, Peer>()
  const wills = new WeakMap<Client, WirePacket>()
  let closing = false
  /** The connection that an answer is being written to: `authorizeForward` is called in the course of it. */
  let answered: Client | undefined

  const warn = (session: Session | undefined, message: string) =>
    realm.log({ level: 'warn', service: 'iot', message, clientId: session?.identity.clientId })
  /** Notes why the connection ends, unless something else ended it before. */
  const note = (client: Client, reason: DisconnectReason) => {
    const session = sessions.get(client)
    if (session) session.reason ??= reason
  }

  const aedes = new Aedes({
    // Unlimited: with a limit, one subscriber that reads slowly holds up everybody's messages.
    concurrency: 0,
    queueLimit: 100,
    preConnect: (client, packet, done) => {
      packet.keepalive = keepAliveSeconds(packet.keepalive ?? 0)
      if (packet.will) wills.set(client, packet.will as WirePacket)
      done(null, true)
    },
    authenticate: (client, _username, _password, done) => {
      const result = openSession(realm, registry, client, peers.get(client) ?? NOBODY, wills.get(client))
      if (isRefusal(result)) {
        realm.log({
          level: 'warn',
          service: 'iot',
          message: `CONNECT refused: ${result.message}`,
          clientId: client.id,
        })
        done(Object.assign(new Error(result.message), { returnCode: result.returnCode }), null)
        return
      }
      sessions.set(client, result)
      const older = liveClient(aedes, client.id)
      if (older) note(older, 'DUPLICATE_CLIENTID')
      done(null, true)
    },
    authorizePublish: (client, packet, done) => {
      const session = client ? sessions.get(client) : undefined
      if (!session || closing) return done(new Error('the connection is gone'))
      const refusal = publishRefusal(session, packet)
      if (refusal) {
        warn(session, refusal.message)
        // A last will comes through here too, when the connection is closed already.
        if (client && !client.closed) note(client, refusal.reason)
        return done(new Error(refusal.message))
      }
      // Nothing is retained on reserved topics.
      if (packet.topic.startsWith('$')) packet.retain = false
      return done(null)
    },
    authorizeSubscribe: (client, subscription, done) => {
      const session = sessions.get(client)
      const refusal = session ? subscribeRefusal(session, subscription) : 'the connection is gone'
      if (refusal !== undefined) {
        warn(session, `subscription to ${subscription.topic} refused: ${refusal}`)
        return done(null, null)
      }
      session?.filters.add(subscription.topic)
      return done(null, subscription)
    },
    authorizeForward: (client, packet) => {
      const session = sessions.get(client)
      if (!session || !mayReceive(session, packet)) return null
      if (isProvisioningTopic(packet.topic) && client !== answered) return null
      return session.delivered.isNew(packet) ? packet : null
    },
    published: (packet, client, done) => {
      const session = client ? sessions.get(client) : undefined
      if (client && session && !closing) {
        const message = ruleMessage(session, packet.topic, packet.payload)
        if (!isProvisioningTopic(packet.topic)) onMessage(message)
        // A last will asks for nothing: there is nobody to answer.
        else if (!client.closed) onRequest(deviceRequest(client, session, message))
      }
      done(null)
    },
  })
  /** The answer goes out on the connection that asked, whoever else subscribes to its topic. */
  const deviceRequest = (
    client: Client,
    session: Session,
    { topic, payload }: RuleMessage,
  ): DeviceRequest => ({
    topic,
    payload,
    clientId: session.identity.clientId,
    certificateId: session.identity.certificateId,
    answer: (to, content) => {
      if (closing || client.closed || !isSubscribed(session, to)) return
      answered = client
      try {
        const packet = {
          cmd: 'publish',
          topic: to,
          payload: content,
          qos: 0,
          retain: false,
          dup: false,
        } as const
        // aedes calls back without looking, though its types make the callback optional.
        client.publish(packet, () => undefined)
      } finally {
        answered = undefined
      }
    },
  })
  await aedes.listen()
  installPersistence(
    aedes,
    options.retained,
    (client, filter) => sessions.get(client)?.filters.has(filter) ?? false,
  )

  const publish = ({ topic, payload, qos, retain }: BrokerMessage) =>
    aedes.publish({ cmd: 'publish', topic, payload, qos, retain, dup: false }, () => undefined)
  const presence = createPresence(realm, (topic, payload) => {
    if (closing) return
    publish({ topic, payload, qos: 0, retain: false })
    onMessage({ topic, payload, hops: 0 })
  })

  aedes.on('client', client => {
    const session = sessions.get(client)
    if (!session) return
    open.add(session)
    const { certificateId, clientId, sourceIp } = session.identity
    const thing = connectedThing(registry, session.identity)
    session.stay = presence.connected({
      clientId,
      principalIdentifier: certificateId,
      ipAddress: sourceIp,
      ...(thing?.exclusive ? { thingName: thing.thing.thingName } : {}),
    })
  })
  aedes.on('clientDisconnect', client => {
    const session = sessions.get(client)
    if (!session) return
    open.delete(session)
    session.stay?.disconnected(session.reason ?? 'CONNECTION_LOST')
  })
  aedes.on('clientError', (client, error) => {
    // Errors of the socket have a code; those without one are packets that cannot be parsed or are not allowed.
    if ((error as NodeJS.ErrnoException).code === undefined) note(client, 'CLIENT_ERROR')
  })
  aedes.on('keepaliveTimeout', client => note(client, 'MQTT_KEEP_ALIVE_TIMEOUT'))
  aedes.on('unsubscribe', (filters, client) => {
    for (const filter of filters) sessions.get(client)?.filters.delete(filter)
  })
  // An emitter without an error listener would take the process down.
  ;(aedes as NodeJS.EventEmitter).on('error', (error: unknown) =>
    realm.log({ level: 'error', service: 'iot', message: `broker: ${String(error)}` }),
  )
  registry.onCertificateDisabled(certificateId => {
    for (const session of open) {
      if (session.identity.certificateId !== certificateId) continue
      note(session.client, 'AUTH_ERROR')
      session.client.close()
    }
  })

  const inspect = (client: Client, packet: WirePacket): boolean => {
    if (packet.cmd === 'disconnect') note(client, 'CLIENT_INITIATED_DISCONNECT')
    const fault =
      packet.cmd === 'connect' && sessions.has(client)
        ? 'a second CONNECT on one connection'
        : packetFault(packet)
    if (fault === undefined) return true
    warn(sessions.get(client), `connection closed: ${fault}`)
    note(client, 'CLIENT_ERROR')
    client.close()
    return false
  }
  const sockets = new Set<TLSSocket>()
  const server = createServer(
    {
      cert: options.authority.server.certificatePem,
      key: options.authority.server.privateKeyPem,
      ca: options.authority.caPem,
      // The certificate is asked for and checked against the registry at CONNECT, where a refusal can be told.
      requestCert: true,
      rejectUnauthorized: false,
      minVersion: 'TLSv1.2',
      ALPNProtocols: ['mqtt', 'x-amzn-mqtt-ca'],
    },
    socket => {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
      socket.setNoDelay(true)
      const peer = peerOf(socket)
      const client = aedes.handle(socket)
      peers.set(client, peer)
      disableDedupe(aedes, client)
      interceptPackets(client, packet => inspect(client, packet))
    },
  )
  try {
    await listen(server, options.host, options.port)
  } catch (error) {
    aedes.close()
    throw error
  }
  server.on('error', error =>
    realm.log({ level: 'error', service: 'iot', message: `listener: ${error.message}` }),
  )

  return {
    port: (server.address() as AddressInfo).port,
    publish,
    close: async () => {
      closing = true
      const closed = new Promise<void>(resolve => server.close(() => resolve()))
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

const NOBODY: Peer = { certificateId: undefined, sourceIp: '' }

const ruleMessage = ({ identity }: Session, topic: string, payload: string | Buffer): RuleMessage => ({
  topic,
  payload: Buffer.from(payload as Buffer),
  clientId: identity.clientId,
  principal: identity.certificateId,
  hops: 0,
})

const listen = (server: Server, host: string, port: number): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve()
    })
  })
