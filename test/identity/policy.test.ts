/** The device policy of the packaged template, as the local broker enforces it on real connections. */
import {
  AttachPolicyCommand,
  CreateCertificateFromCsrCommand,
  DetachThingPrincipalCommand,
} from '@aws-sdk/client-iot'
import type { MqttClient } from 'mqtt'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyAndCsr } from '../../device/csr.ts'
import type { DeviceIdentity } from '../../device/identity.ts'
import { provisionDevices } from '../../device/provision.ts'
import { topics, uplinkKinds } from '../../src/contracts/mqtt.ts'
import { ended, FLEET, fresh, HARDWARE, type Lab, startLab } from './support.ts'

const LONG = 'n'.repeat(128)
const THINGS = ['p-1', 'p-10', 'p:1', '-', 'down', LONG] as const
let lab: Lab
const identities = new Map<string, DeviceIdentity>()
beforeAll(async () => {
  lab = await startLab()
  const made = await provisionDevices({
    ...{ iot: lab.iot, things: THINGS, fleet: FLEET, hardware: HARDWARE },
    policyName: String(lab.h.cloud.outputs['DevicePolicyName']),
  })
  for (const identity of made) identities.set(identity.thing, identity)
})
afterAll(() => lab?.close())

const as = (thing: string): Promise<MqttClient> => lab.connect(identities.get(thing) as DeviceIdentity)
const granted = (client: MqttClient, filter: string): Promise<boolean> =>
  new Promise(resolve => {
    client.subscribe(filter, { qos: 1 }, (error, grants) =>
      resolve(!error && grants?.every(g => (g.qos as number) !== 128) === true),
    )
  })
/** The broker says nothing to a publish that it refuses: it ends the connection. */
async function publishes(client: MqttClient, topic: string, retain = false): Promise<boolean> {
  client.publish(topic, '{}', { qos: 1, retain }, () => undefined)
  const outcome = new Promise<boolean>(resolve => {
    client.once('close', () => resolve(false))
    client.once('packetreceive', packet => {
      if (packet.cmd === 'puback') resolve(true)
    })
  })
  return outcome
}

describe.each(THINGS)('thing %s', thing => {
  it('publishes every kind of its own messages and hears what is for it', async () => {
    const client = await as(thing)
    for (const kind of uplinkKinds) expect(await publishes(client, topics.up(thing, kind))).toBe(true)
    for (const filter of [topics.down(thing), topics.manifest(FLEET), topics.beacon(FLEET), topics.trust])
      expect(await granted(client, filter)).toBe(true)
  })
  it.each(THINGS.filter(other => other !== thing).slice(0, 3))('is not thing %s', async other => {
    const own = identities.get(thing) as DeviceIdentity
    await expect(lab.connect(own, other)).rejects.toThrow()
    const client = await as(thing)
    for (const filter of [topics.down(other), `edgeloop/v1/${other}/up/#`, topics.answer(other, 'c')])
      expect(await granted(client, filter)).toBe(false)
    expect(await publishes(client, topics.up(other, 'hello'))).toBe(false)
    expect(await publishes(await as(thing), topics.answer(other, 'c'))).toBe(false)
  })
})

describe('no device', () => {
  const TARGETS = [
    ...['edgeloop/v1/p-1/up/other', 'edgeloop/v1/p-1/up/hello/more', 'edgeloop/v1/p-1/up', 'edgeloop/v1/p-1'],
    ...[topics.manifest(FLEET), topics.beacon(FLEET), topics.trust, 'edgeloop/v1/p-1/down/hint', 'other'],
    ...['$aws/things/p-1/shadow/update', '$aws/rules/edgeloop_dev_hello/edgeloop/v1/p-1/up/hello'],
    ...['$aws/certificates/create-from-csr/json', '$aws/certificates/create/json'],
    ...[
      '$aws/provisioning-templates/edgeloop-dev-device/provision/json',
      '$aws/events/presence/connected/p-1',
    ],
  ]
  it.each(TARGETS)('publishes to %s', async topic => {
    expect(await publishes(await as('p-1'), topic)).toBe(false)
  })
  it.each(['hello', 'report'] as const)('publishes %s retained', async kind => {
    expect(await publishes(await as('p-1'), topics.up('p-1', kind), true)).toBe(false)
  })
  it.each([
    ...['#', '+/#', '+', 'edgeloop/#', 'edgeloop/v1/#', 'edgeloop/v1/+/down/#', 'edgeloop/v1/+/up/+'],
    ...['edgeloop/v1/p-1/#', 'edgeloop/v1/p-1/+/#', 'edgeloop/v1/fleet/#', 'edgeloop/v1/fleet/+/manifest'],
    ...['edgeloop/v1/fleet/another/manifest', 'edgeloop/v1/fleet/another/beacon', 'edgeloop/+/trust'],
    ...[
      '$aws/#',
      '$aws/events/#',
      '$aws/things/p-1/shadow/#',
      '$aws/certificates/create-from-csr/json/accepted',
    ],
    ...['$SYS/#', '$share/g/edgeloop/v1/p-1/down/#'],
  ])('subscribes to %s', async filter => {
    expect(await granted(await as('p-1'), filter)).toBe(false)
  })
})

describe('a certificate', () => {
  async function certificate(): Promise<{ identity: DeviceIdentity; arn: string }> {
    const thing = fresh('loose')
    const { keyPem, csrPem } = createKeyAndCsr(thing)
    const made = await lab.iot.send(
      new CreateCertificateFromCsrCommand({ certificateSigningRequest: csrPem, setAsActive: true }),
    )
    const arn = made.certificateArn ?? ''
    return { identity: { thing, keyPem, certPem: made.certificatePem ?? '' }, arn }
  }
  it('with the policy and no thing does not connect, under any name', async () => {
    const { identity, arn } = await certificate()
    const policyName = String(lab.h.cloud.outputs['DevicePolicyName'])
    await lab.iot.send(new AttachPolicyCommand({ policyName, target: arn }))
    for (const clientId of [identity.thing, 'p-1', '', '*', 'enrol.x'])
      await expect(lab.connect(identity, clientId)).rejects.toThrow()
  })
  it('without a policy does not connect', async () => {
    const { identity } = await certificate()
    await expect(lab.connect(identity)).rejects.toThrow()
  })
  it('that is detached from its thing may do nothing more', async () => {
    const thing = fresh('detached')
    const [identity] = await provisionDevices({
      ...{ iot: lab.iot, things: [thing], fleet: FLEET, hardware: HARDWARE },
      policyName: String(lab.h.cloud.outputs['DevicePolicyName']),
    })
    const own = identity as DeviceIdentity
    const client = await lab.connect(own)
    const principal = own.certificateArn ?? ''
    await lab.iot.send(new DetachThingPrincipalCommand({ thingName: thing, principal }))
    expect(await publishes(client, topics.up(thing, 'hello'))).toBe(false)
    await expect(lab.connect(own)).rejects.toThrow()
  })
  it('of a claim is no device, and of a device is no claim', async () => {
    const asDevice = { thing: 'p-1', certPem: lab.claim.certPem, keyPem: lab.claim.keyPem }
    await expect(lab.connect(asDevice)).rejects.toThrow()
    await expect(lab.connect(identities.get('p-1') as DeviceIdentity, 'enrol.abc')).rejects.toThrow()
    const claim = await lab.connect(asDevice, 'enrol.abc')
    expect(await granted(claim, topics.down('p-1'))).toBe(false)
    expect(await granted(claim, '$aws/#')).toBe(false)
    expect(await publishes(claim, topics.up('p-1', 'hello'))).toBe(false)
    const again = await lab.connect(asDevice, 'enrol.abc')
    expect(await publishes(again, '$aws/certificates/create/json')).toBe(false)
    await ended(again)
  })
})
