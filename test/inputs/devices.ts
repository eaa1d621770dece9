/** Devices with real certificates, at the level of bytes: they send what a well-behaved device never would. */
import { IoTClient } from '@aws-sdk/client-iot'
import { connectAsync, type MqttClient } from 'mqtt'
import { provisionDevices } from '../../device/provision.ts'
import { ackCorr, topics, type UplinkKind } from '../../src/contracts/mqtt.ts'
import { eventually, type Harness } from './support.ts'

export interface RawDevice {
  readonly thing: string
  /** Topics of everything that came down. */
  readonly heard: string[]
  readonly connected: () => boolean
  send(kind: UplinkKind, payload: string | Uint8Array): Promise<void>
  /** Does not wait for an acknowledgement, which a refused publish never gets. */
  sendTo(topic: string, payload: string | Uint8Array): void
  /** Waits for the acknowledgement of a terminal report. */
  acknowledged(seq: number, epoch?: number): Promise<void>
  disconnected(): Promise<void>
  close(): Promise<void>
}

export async function rawDevices(h: Harness, things: readonly string[]): Promise<RawDevice[]> {
  const iot = new IoTClient(h.client)
  const identities = await provisionDevices({
    iot,
    things,
    fleet: 'probes',
    hardware: 'board',
    policyName: String(h.cloud.outputs['DevicePolicyName']),
  })
  iot.destroy()
  const { host, port, caPem } = h.cloud.mqtt
  return Promise.all(
    identities.map(async ({ thing, keyPem, certPem }) => {
      const client = await connectAsync({
        ...{ protocol: 'mqtts', host, port, ca: caPem, key: keyPem, cert: certPem },
        ...{ clientId: thing, protocolVersion: 4, reconnectPeriod: 0 },
      })
      const device = rawDevice(thing, client)
      await client.subscribeAsync(topics.down(thing), { qos: 1 })
      return device
    }),
  )
}

function rawDevice(thing: string, client: MqttClient): RawDevice {
  const heard: string[] = []
  client.on('message', topic => heard.push(topic))
  client.on('error', () => undefined)
  return {
    thing,
    heard,
    connected: () => client.connected,
    async send(kind, payload) {
      await client.publishAsync(topics.up(thing, kind), Buffer.from(payload as Uint8Array), { qos: 1 })
    },
    sendTo(topic, payload) {
      client.publish(topic, Buffer.from(payload as Uint8Array), { qos: 1 }, () => undefined)
    },
    async acknowledged(seq, epoch = 0) {
      const topic = topics.answer(thing, ackCorr(epoch, seq))
      await eventually(
        async () => heard.includes(topic) || undefined,
        () => `no acknowledgement of ${epoch}-${seq}`,
      )
    },
    async disconnected() {
      await eventually(
        async () => !client.connected || undefined,
        () => `${thing} is still connected`,
      )
    },
    async close() {
      await client.endAsync(true)
    },
  }
}

const DIGEST = 'ab'.repeat(32)
export interface Message {
  readonly seq: number
  readonly thing: string
  readonly epoch?: number
  readonly body?: Readonly<Record<string, unknown>>
  readonly [other: string]: unknown
}
const message = (kind: UplinkKind, body: unknown, { thing, seq, epoch = 0, ...more }: Message): string =>
  JSON.stringify({ v: 1, thing, epoch, seq, t: 1_700_000_000_000, kind, ...more, body })

/** A terminal report about a package that nobody made, so that nothing but the report itself follows. */
export const report = ({ body, ...rest }: Message): string =>
  message(
    'report',
    {
      slot: 'state',
      manifest: { epoch: 0, counter: 1 },
      bundle: DIGEST,
      step: 'REFUSED',
      code: 'PACKAGE_DIGEST',
      ...body,
    },
    rest,
  )
export const samples = (bundle: string, rows: readonly object[], { body, ...rest }: Message): string =>
  message('samples', { slot: 'state', bundle, samples: rows, ...body }, rest)
export const sample = (eventId: string, row: readonly (number | null)[], more: object = {}): object => ({
  eventId,
  t: 1_700_000_000_000,
  lane: 'audit',
  pi: 0.5,
  row,
  margins: [0.25],
  prediction: 1,
  ...more,
})
export const metrics = (bundle: string, { body, ...rest }: Message): string =>
  message(
    'metrics',
    { slot: 'state', bundle, latency: {}, confidence: 0, errors: 0, resets: 0, historical: false, ...body },
    rest,
  )
