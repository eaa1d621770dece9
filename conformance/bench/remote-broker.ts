import { connect, type MqttClient } from 'mqtt'
import { contract } from '../contract.ts'
import type { Seen, Wire } from '../ports.ts'

export interface RemoteBroker {
  /** host:port */
  readonly endpoint: string
  readonly caPem: string
  /** Of the kit, which acts as the cloud: may read every `up` and write every `down` topic. */
  readonly certPem: string
  readonly keyPem: string
}
const CONNECT_MS = 30_000

/** One connection to a broker that is there already. @throws Error when it does not let the kit in */
export async function connectRemote(broker: RemoteBroker): Promise<MqttClient> {
  const [, host = '', port = ''] = /^(?:mqtts:\/\/)?(.+):(\d+)$/.exec(broker.endpoint) ?? []
  if (host === '') throw new Error(`--mqtt: must be host:port, not ${broker.endpoint}`)
  const client = connect({
    ...{ host, port: Number(port), protocol: 'mqtts', protocolVersion: 4, clean: true },
    ...{ ca: broker.caPem, cert: broker.certPem, key: broker.keyPem, connectTimeout: CONNECT_MS },
    ...(port === '443' ? { ALPNProtocols: ['x-amzn-mqtt-ca'] } : {}),
    ...{ clientId: `device-test-${process.pid}`, reconnectPeriod: 0 },
  })
  await new Promise<void>((resolve, reject) => {
    client.once('connect', () => resolve())
    client.once('error', reject)
    client.once('close', () => reject(new Error(`--mqtt: ${broker.endpoint} closed the connection`)))
  })
  client.on('error', () => undefined)
  return client
}

/**
 * The topics of one device on somebody else's broker. The kit is a client there: it cannot cut connections, and sees
 * neither subscriptions nor qualities of service.
 */
export async function openRemoteBroker(client: MqttClient, endpoint: string, thing: string): Promise<Wire> {
  const listeners: ((seen: Seen) => void)[] = []
  const retained = new Set<string>()
  const up = `edgeloop/v1/${thing}/up/#`
  const take = (topic: string, payload: Uint8Array): void => {
    if (!topic.startsWith(up.slice(0, -1))) return
    for (const listener of listeners) listener({ topic, payload, qos: null, retain: false })
  }
  client.on('message', take)
  await client.subscribeAsync(up, { qos: 1 })
  const send = (topic: string, payload: Uint8Array, retain = false): void => {
    // The chain's topic belongs to all fleets: nothing of a test is left on it.
    const keep = retain && topic !== contract.topic('trust')
    if (keep) retained.add(topic)
    client.publish(topic, Buffer.from(payload), { qos: 1, retain: keep })
  }
  return {
    endpoint,
    onPublish: listener => void listeners.push(listener),
    onConnect: () => undefined,
    onDisconnect: () => undefined,
    onSubscribe: () => undefined,
    send,
    drop: () => undefined,
    admit: () => undefined,
    stall: () => undefined,
    attempts: () => 0,
    async close() {
      client.off('message', take)
      await client.unsubscribeAsync(up)
      for (const topic of retained)
        await client.publishAsync(topic, Buffer.alloc(0), { qos: 1, retain: true })
    },
  }
}
