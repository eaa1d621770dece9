/** A device without a model runtime: it asks the cloud over MQTT, and shows what happens to one that cheats. */
import { connectAsync } from 'mqtt'
import type { DeviceIdentity } from '../../device/identity.ts'
import { topics } from '../../src/contracts/mqtt.ts'

type Mqtt = { readonly host: string; readonly port: number; readonly caPem: string }

const ANSWER_MS = 20_000

const connect = ({ host, port, caPem }: Mqtt, { thing, keyPem, certPem }: DeviceIdentity) =>
  connectAsync({
    protocol: 'mqtts',
    host,
    port,
    ca: caPem,
    key: keyPem,
    cert: certPem,
    clientId: thing,
    protocolVersion: 4,
    reconnectPeriod: 0,
  })

export async function askCloud(
  mqtt: Mqtt,
  identity: DeviceIdentity,
  slot: string,
  row: readonly (number | null)[],
): Promise<{ kind: string; prediction?: number; version?: number; message?: string }> {
  const { thing } = identity
  const client = await connect(mqtt, identity)
  try {
    const answered = new Promise<string>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`the cloud did not answer within ${ANSWER_MS / 1000} s`)),
        ANSWER_MS,
      )
      client.once('message', (_topic, payload) => {
        clearTimeout(timer)
        resolve(payload.toString())
      })
    })
    await client.subscribeAsync(topics.down(thing), { qos: 1 })
    const message = {
      v: 1,
      thing,
      epoch: 0,
      seq: Date.now(),
      t: Date.now(),
      kind: 'predict',
      body: { corr: 'first', slot, row },
    }
    await client.publishAsync(topics.up(thing, 'predict'), JSON.stringify(message), { qos: 1 })
    return JSON.parse(await answered)
  } finally {
    await client.endAsync(true)
  }
}

/** Publishes as another device, which the policy forbids: resolves when the broker has closed the connection. */
export async function impersonate(mqtt: Mqtt, identity: DeviceIdentity, victim: string): Promise<void> {
  const client = await connect(mqtt, identity)
  client.on('error', () => {})
  const closed = new Promise<void>(resolve => client.once('close', resolve))
  const message = { v: 1, thing: victim, epoch: 0, seq: 1, t: Date.now(), kind: 'report', body: {} }
  client.publish(topics.up(victim, 'report'), JSON.stringify(message), { qos: 1 }, () => {})
  await closed
  await client.endAsync(true)
}
