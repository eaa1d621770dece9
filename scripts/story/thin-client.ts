/** A device without a model runtime: it asks the cloud for one prediction over MQTT. */
import { connectAsync } from 'mqtt'
import type { DeviceIdentity } from '../../device/identity.ts'
import { topics } from '../../src/contracts/mqtt.ts'

const ANSWER_MS = 20_000

export async function askCloud(
  mqtt: { readonly host: string; readonly port: number; readonly caPem: string },
  { thing, keyPem, certPem }: DeviceIdentity,
  slot: string,
  row: readonly (number | null)[],
): Promise<{ kind: string; prediction?: number; version?: number; message?: string }> {
  const client = await connectAsync({
    protocol: 'mqtts',
    host: mqtt.host,
    port: mqtt.port,
    ca: mqtt.caPem,
    key: keyPem,
    cert: certPem,
    clientId: thing,
    protocolVersion: 4,
    reconnectPeriod: 0,
  })
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
