import { randomBytes } from 'node:crypto'
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt'

/** SUBACK's return code for a refused subscription. */
const REFUSED = 128

export interface Broker {
  readonly host: string
  readonly port: number
  /** Certificate authority of the broker, PEM. */
  readonly caPem: string
}
export interface KeyPair {
  readonly certPem: string
  readonly keyPem: string
}

/** AWS IoT's answer on a `rejected` topic. */
export class EnrolmentRefused extends Error {
  readonly statusCode: number
  readonly code: string
  constructor(statusCode: number, code: string, message: string) {
    super(message)
    this.name = 'EnrolmentRefused'
    this.statusCode = statusCode
    this.code = code
  }
}

export interface ClaimConnection {
  /** Publishes a request and resolves with the JSON object on its `accepted` topic. */
  request(topic: string, payload: unknown): Promise<Readonly<Record<string, unknown>>>
  close(): Promise<void>
}

/** The claim policy lets in no other client ids; two devices under one of them would put each other out. */
const clientId = (): string => `enrol.${randomBytes(8).toString('hex')}`

/** A connection for the device provisioning MQTT API, subscribed to the answers of these requests. */
export async function connectByClaim(
  broker: Broker,
  claim: KeyPair,
  topics: readonly string[],
  answerMs: number,
): Promise<ClaimConnection> {
  const client = await connectAsync(mqttOptions(broker, claim, clientId(), answerMs))
  // 'close' follows and ends what waits; without a listener an error would end the process.
  client.on('error', () => undefined)
  try {
    await listen(
      client,
      topics.flatMap(topic => [`${topic}/accepted`, `${topic}/rejected`]),
    )
  } catch (error) {
    await client.endAsync(true)
    throw error
  }
  return {
    request: (topic, payload) => request(client, topic, payload, answerMs),
    close: () => client.endAsync(true),
  }
}

/** The library's error for a refused subscription does not say which one. */
const listen = (client: MqttClient, topics: string[]): Promise<void> =>
  new Promise((resolve, reject) => {
    client.subscribe(topics, { qos: 1 }, (error, _granted, packet) => {
      const codes = (packet?.cmd === 'suback' ? packet.granted : []) as readonly number[]
      const topic = topics[codes.indexOf(REFUSED)]
      if (topic !== undefined) {
        const message = `the claim's policy does not allow ${topic}; is it this template's?`
        reject(new EnrolmentRefused(403, 'SubscriptionRefused', message))
      } else if (error) reject(error)
      else resolve()
    })
  })

/** Whether the broker lets this certificate in under this name. */
export async function mayConnect(
  broker: Broker,
  own: KeyPair,
  thing: string,
  waitMs: number,
): Promise<boolean> {
  try {
    const client = await connectAsync(mqttOptions(broker, own, thing, waitMs))
    client.on('error', () => undefined)
    await client.endAsync(true)
    return true
  } catch {
    return false
  }
}

function request(
  client: MqttClient,
  topic: string,
  payload: unknown,
  answerMs: number,
): Promise<Readonly<Record<string, unknown>>> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => end(new Error(`no answer to ${topic} within ${answerMs} ms`)), answerMs)
    const end = (error: Error | null, answer: Readonly<Record<string, unknown>> = {}): void => {
      clearTimeout(timer)
      client.off('message', onMessage)
      client.off('close', onClose)
      if (error) reject(error)
      else resolve(answer)
    }
    const onClose = (): void => end(new Error(`the broker closed the connection before it answered ${topic}`))
    const onMessage = (on: string, bytes: Buffer): void => {
      if (on !== `${topic}/accepted` && on !== `${topic}/rejected`) return
      const answer = parse(bytes)
      if (answer === null) end(new Error(`${on}: the answer is not a JSON object`))
      else if (on === `${topic}/accepted`) end(null, answer)
      else end(refusal(answer))
    }
    client.on('message', onMessage)
    client.on('close', onClose)
    client.publish(topic, JSON.stringify(payload), { qos: 1 }, error => {
      if (error) end(error)
    })
  })
}

const refusal = (answer: Readonly<Record<string, unknown>>): EnrolmentRefused =>
  new EnrolmentRefused(
    Number(answer['statusCode']),
    String(answer['errorCode']),
    String(answer['errorMessage']),
  )

function parse(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'))
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

const mqttOptions = (
  { host, port, caPem }: Broker,
  { certPem, keyPem }: KeyPair,
  id: string,
  connectTimeout: number,
): IClientOptions => ({
  ...{ host, port, protocol: 'mqtts', protocolVersion: 4, clientId: id, clean: true, reconnectPeriod: 0 },
  ...{ ca: caPem, cert: certPem, key: keyPem, rejectUnauthorized: true, connectTimeout },
  // AWS IoT tells MQTT with a client certificate from HTTPS on port 443 by this name.
  ...(port === 443 ? { ALPNProtocols: ['x-amzn-mqtt-ca'] } : {}),
})
