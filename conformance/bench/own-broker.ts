import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer, type TLSSocket } from 'node:tls'
import { Aedes, type Client } from 'aedes'
import type { Connected, Seen, Wire } from '../ports.ts'
import type { KeyPair } from './certificates.ts'

/** An MQTT broker with mutual TLS for one device, on a free port of 127.0.0.1, that does as a scenario wants. */
export async function openOwnBroker(server: KeyPair, caPem: string): Promise<Wire> {
  const heard = {
    publish: [] as ((seen: Seen) => void)[],
    connect: [] as ((connected: Connected) => void)[],
    disconnect: [] as (() => void)[],
    subscribe: [] as ((filters: readonly { filter: string; qos: number }[]) => void)[],
  }
  let client: Client | null = null
  let admits = true
  let stalls = false
  let attempts = 0
  let sending = Promise.resolve()

  const aedes = await Aedes.createBroker({
    concurrency: 0,
    preConnect(connecting, packet, done) {
      const socket = connecting.conn as unknown as TLSSocket
      const seen: Connected = {
        clientId: packet.clientId,
        cleanSession: packet.clean === true,
        protocolVersion: packet.protocolVersion ?? 0,
        certificate: socket.getPeerCertificate().subject?.CN?.toString() ?? null,
        lastWill: packet.will !== undefined,
      }
      done(null, true)
      client = connecting
      for (const listener of heard.connect) listener(seen)
    },
    authorizePublish(from, packet, done) {
      // Without an answer there is no PUBACK.
      if (stalls && from !== null) return
      const { topic, qos, retain } = packet
      const payload = Buffer.from(packet.payload as Buffer)
      if (from !== null) for (const listener of heard.publish) listener({ topic, payload, qos, retain })
      done(null)
    },
    authorizeSubscribe(_, subscription, done) {
      for (const listener of heard.subscribe)
        listener([{ filter: subscription.topic, qos: subscription.qos }])
      done(null, subscription)
    },
  })
  aedes.on('clientDisconnect', gone => {
    if (gone !== client) return
    client = null
    for (const listener of heard.disconnect) listener()
  })
  const sockets = new Set<Socket>()
  const listener = createServer(
    {
      ...{ cert: server.certPem, key: server.keyPem, ca: caPem },
      ...{ requestCert: true, rejectUnauthorized: true },
    },
    socket => {
      socket.on('error', () => undefined)
      aedes.handle(socket)
    },
  )
  listener.on('connection', (socket: Socket) => {
    attempts++
    sockets.add(socket)
    socket.on('error', () => undefined).on('close', () => sockets.delete(socket))
    if (!admits) socket.destroy()
  })
  listener.on('tlsClientError', () => undefined)
  listener.listen(0, '127.0.0.1')
  await once(listener, 'listening')

  const drop = (): void => {
    for (const socket of sockets) socket.destroy()
  }
  return {
    endpoint: `127.0.0.1:${(listener.address() as AddressInfo).port}`,
    onPublish: heard.publish.push.bind(heard.publish),
    onConnect: heard.connect.push.bind(heard.connect),
    onDisconnect: heard.disconnect.push.bind(heard.disconnect),
    onSubscribe: heard.subscribe.push.bind(heard.subscribe),
    send(topic, payload, retain = false) {
      const content = { topic, payload: Buffer.from(payload), retain }
      const packet = { cmd: 'publish', qos: 1, dup: false, ...content } as const
      // One by one: aedes takes a message for a duplicate when a younger one overtakes it on its way to the client.
      sending = sending.then(() => new Promise<void>(done => aedes.publish(packet, () => done())))
    },
    drop,
    admit(yes) {
      admits = yes
    },
    stall(yes) {
      stalls = yes
    },
    attempts: () => attempts,
    async close() {
      const closed = new Promise<void>(resolve => listener.close(() => resolve()))
      drop()
      await new Promise<void>(resolve => aedes.close(() => resolve()))
      await closed
    },
  }
}
