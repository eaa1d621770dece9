import { connect, type IClientOptions, type MqttClient } from 'mqtt'
import { fullJitter } from './backoff.ts'
import type { Clock, Logger, Random, Transport } from './ports.ts'

export interface MqttOptions {
  readonly host: string
  readonly port: number
  /** Certificate authority of the broker, PEM. */
  readonly caPem: string
  readonly certPem: string
  readonly keyPem: string
  /** Client id, which AWS IoT policies bind to the certificate's thing. */
  readonly thing: string
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** Spreads the first connections of many devices. */
  readonly startAfterMs?: number
  readonly reconnect?: { readonly baseMs: number; readonly capMs: number }
}

const KEEPALIVE_SECONDS = 60
const CONNECT_TIMEOUT_MS = 30_000
/** SUBACK's return code for a refused subscription. */
const REFUSED = 128

/**
 * MQTT 3.1.1 over mutual TLS, QoS 1, clean session. Each connection is a client of its own: the library would
 * re-send by itself what the device's queue re-sends anyway, and waits a fixed time between its attempts.
 */
export function mqttTransport(options: MqttOptions): Transport {
  const { thing, clock, random, log } = options
  const { baseMs, capMs } = options.reconnect ?? { baseMs: 1_000, capMs: 120_000 }
  const heard = {
    message: [] as ((t: string, p: Uint8Array) => void)[],
    up: [] as (() => void)[],
    down: [] as (() => void)[],
  }
  const pending = new Set<(error: Error) => void>()
  let client: MqttClient | null = null
  let attempt = 0
  let closed = false
  let cancelRetry = (): void => undefined

  const open = (): void => {
    const mine = connect(clientOptions(options))
    let up = false
    client = mine
    mine.on('connect', () => {
      up = true
      attempt = 0
      for (const listener of heard.up) listener()
    })
    mine.on('message', (topic, payload) => {
      for (const listener of heard.message) listener(topic, payload)
    })
    // 'close' follows and does the work; without a listener an error would end the process.
    mine.on('error', error => log.info('CONNECTION_ERROR', { thing, reason: error.message }))
    mine.on('close', () => {
      if (client !== mine) return
      client = null
      mine.end(true)
      for (const reject of pending) reject(new Error('the connection was closed'))
      pending.clear()
      if (up) for (const listener of heard.down) listener()
      if (!closed) cancelRetry = clock.after(fullJitter(random, attempt++, baseMs, capMs), open)
    })
  }
  const whileConnected = <T>(
    call: (mine: MqttClient, done: (error?: Error | null, value?: T) => void) => void,
  ) =>
    new Promise<T>((resolve, reject) => {
      if (client === null || !client.connected) {
        reject(new Error('not connected'))
        return
      }
      pending.add(reject)
      call(client, (error, value) => {
        pending.delete(reject)
        if (error) reject(error)
        else resolve(value as T)
      })
    })

  // After this turn at the earliest, so that the listeners are there.
  cancelRetry = clock.after(options.startAfterMs ?? 0, open)
  return {
    publish: (topic, payload) =>
      whileConnected<void>((mine, done) =>
        mine.publish(
          topic,
          Buffer.from(payload.buffer, payload.byteOffset, payload.byteLength),
          { qos: 1 },
          e => done(e),
        ),
      ),
    subscribe: topics =>
      whileConnected<void>((mine, done) =>
        mine.subscribe([...topics], { qos: 1 }, (error, granted) => {
          const refused = granted?.find(grant => grant.qos === REFUSED)
          done(
            error ?? (refused ? new Error(`the broker refuses the subscription to ${refused.topic}`) : null),
          )
        }),
      ),
    onMessage: listener => heard.message.push(listener),
    onConnect: listener => heard.up.push(listener),
    onDisconnect: listener => heard.down.push(listener),
    async close() {
      closed = true
      cancelRetry()
      await client?.endAsync(true)
    },
  }
}

function clientOptions(options: MqttOptions): IClientOptions {
  const { host, port, caPem, certPem, keyPem, thing } = options
  return {
    ...{ host, port, protocol: 'mqtts', protocolVersion: 4, clientId: thing, clean: true },
    ...{ ca: caPem, cert: certPem, key: keyPem, rejectUnauthorized: true },
    // AWS IoT tells MQTT with a client certificate from HTTPS on port 443 by this name.
    ...(port === 443 ? { ALPNProtocols: ['x-amzn-mqtt-ca'] } : {}),
    ...{ reconnectPeriod: 0, keepalive: KEEPALIVE_SECONDS, connectTimeout: CONNECT_TIMEOUT_MS },
    queueQoSZero: false,
  }
}
