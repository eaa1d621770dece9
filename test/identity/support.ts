/** The packaged template on the local cloud, with operators who give commands and devices that enrol by claim. */
import { randomUUID } from 'node:crypto'
import { IoTClient } from '@aws-sdk/client-iot'
import { connectAsync, type MqttClient } from 'mqtt'
import { type Claim, type EnrolOptions, enrol } from '../../device/enroll.ts'
import { type DeviceIdentity, memoryIdentities } from '../../device/identity.ts'
import { createClaim } from '../../scripts/lib/claim.ts'
import { mintToken, operatorToken } from '../../scripts/lib/local-cloud.ts'
import { eventually, type Harness, startHarness } from '../inputs/support.ts'

export { eventually } from '../inputs/support.ts'

export interface Answer {
  readonly status: number
  readonly body: Readonly<Record<string, unknown>>
}
export interface Lab {
  readonly h: Harness
  readonly iot: IoTClient
  readonly claim: Claim
  readonly claimId: string
  command(method: string, path: string, body: unknown, scope?: string): Promise<Answer>
  get(path: string): Promise<Answer>
  allow(...serials: string[]): Promise<void>
  enrol(thing: string, options?: Partial<EnrolOptions>): Promise<DeviceIdentity>
  newClaim(): Promise<Claim & { readonly certificateId: string }>
  connect(identity: DeviceIdentity, clientId?: string): Promise<MqttClient>
  close(): Promise<void>
}

export async function startLab(): Promise<Lab> {
  const h = await startHarness()
  const iot = new IoTClient(h.client)
  const { outputs, mqtt } = h.cloud
  const template = String(outputs['ProvisioningTemplateName'])
  const newClaim = async () => ({ ...(await createClaim(iot, String(outputs['ClaimPolicyName']))), template })
  const claim = await newClaim()
  const token = await operatorToken(h.cloud)
  const open: MqttClient[] = []
  const command: Lab['command'] = async (method, path, body, scope) => {
    const as = scope === undefined ? token : await mintToken(h.cloud, { sub: 'other', scope })
    const answer = await fetch(`${outputs['ApiUrl']}${path}`, {
      method,
      headers: { authorization: `Bearer ${as}`, 'content-type': 'application/json' },
      body: typeof body === 'string' ? body : JSON.stringify(body),
    })
    return { status: answer.status, body: (await answer.json()) as Answer['body'] }
  }
  return {
    h,
    iot,
    claim,
    claimId: claim.certificateId,
    command,
    get: async path => (await h.api(path, token)) as Answer,
    async allow(...serials) {
      const { status, body } = await command('POST', '/v1/enrolments', serials.map(entry))
      if (status !== 200) throw new Error(`the allow-list answered ${status}: ${JSON.stringify(body)}`)
    },
    enrol: (thing, options = {}) =>
      enrol({
        ...{ endpoint: mqtt, claim, thing, store: memoryIdentities(), attempts: 1, answerMs: 10_000 },
        ...options,
      }),
    newClaim,
    async connect({ thing, keyPem, certPem }, clientId = thing) {
      const client = await connectAsync({
        ...{
          protocol: 'mqtts',
          host: mqtt.host,
          port: mqtt.port,
          ca: mqtt.caPem,
          key: keyPem,
          cert: certPem,
        },
        ...{ clientId, protocolVersion: 4, reconnectPeriod: 0, connectTimeout: 10_000 },
      })
      client.on('error', () => undefined)
      open.push(client)
      return client
    },
    async close() {
      await Promise.all(open.map(client => client.endAsync(true)))
      iot.destroy()
      await h.close()
    },
  }
}

export const FLEET = 'probes'
export const HARDWARE = 'board'
export const entry = (serial: string) => ({ serial, fleet: FLEET, hardware: HARDWARE })

export const hello = (thing: string, seq = 1, slots: object = {}): string =>
  JSON.stringify({
    ...{ v: 1, thing, epoch: 0, seq, t: Date.now(), kind: 'hello' },
    body: {
      ...{ hardware: HARDWARE, runtime: 'test', manifest: null, slots },
      outbox: { queued: 0, dropped: 0 },
    },
  })

/** Resolves when the broker has ended the connection. */
export const ended = (client: MqttClient): Promise<boolean> =>
  eventually(
    async () => !client.connected || undefined,
    () => 'the connection is still open',
  )

export const fresh = (name: string): string => `${name}-${randomUUID().slice(0, 8)}`
