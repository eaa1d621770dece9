import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DescribeCertificateCommand } from '@aws-sdk/client-iot'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DeviceIdentity } from '../../device/identity.ts'
import { provisionDevices } from '../../device/provision.ts'
import { tableStore } from '../../src/adapters/table.ts'
import { eventIdPrefix } from '../../src/contracts/event-id.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import {
  type BundleRow,
  type DeviceRow,
  type EnrolmentRow,
  keys,
  type RevocationRow,
  type SampleRow,
} from '../../src/domain/entities.ts'
import type { Store } from '../../src/domain/store.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'
import { report, sample, samples } from '../inputs/devices.ts'
import { modelYaml } from '../inputs/support.ts'
import { ended, entry, eventually, FLEET, fresh, HARDWARE, hello, type Lab, startLab } from './support.ts'

const MODEL = 'probe'
const BUNDLE = 'be'.repeat(32)
let lab: Lab
let quarantine: Store
let sqs: SQSClient
let dynamodb: DynamoDBClient
beforeAll(async () => {
  lab = await startLab()
  const { h } = lab
  sqs = new SQSClient(h.client)
  dynamodb = new DynamoDBClient(h.client)
  quarantine = tableStore(String(h.cloud.outputs['QuarantineTableName']), () => new Date(), dynamodb)
  await h.drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL))
  await h.event('ModelConfigured')
  const bundle: BundleRow = {
    ...{ model: MODEL, version: 1, hardware: HARDWARE, fleet: FLEET, slot: 'state' },
    ...{ featureBins: {}, predictionBins: 1, artefact: BUNDLE },
  }
  await h.store.commit([{ kind: 'put', key: keys.bundle(BUNDLE), data: bundle, expect: 'absent' }])
})
afterAll(async () => {
  sqs?.destroy()
  dynamodb?.destroy()
  await lab?.close()
})

const revocationOf = async (thing: string) =>
  (await lab.h.store.get<RevocationRow>(keys.revocation(thing)))?.data
const deviceOf = async (thing: string) => (await lab.h.store.get<DeviceRow>(keys.device(thing)))?.data
const enrolmentOf = async (thing: string) =>
  (await lab.h.store.get<EnrolmentRow>(keys.enrolment(thing)))?.data
const storedSample = (thing: string, eventId: string) =>
  quarantine.get<SampleRow>(keys.sample(MODEL, eventId, thing))
const revoke = (thing: string, body: object = { reason: 'stolen' }) =>
  lab.command('POST', `/v1/devices/${thing}/revocation`, body)
const revoked = (thing: string) =>
  eventually(
    async () => ((await revocationOf(thing))?.status === 'REVOKED' ? revocationOf(thing) : undefined),
    () => `the certificates of ${thing} were not revoked`,
  )
async function enrolled(name: string): Promise<DeviceIdentity> {
  const thing = fresh(name)
  await lab.allow(thing)
  return lab.enrol(thing)
}
async function heard(identity: DeviceIdentity) {
  const { thing } = identity
  const client = await lab.connect(identity)
  const slots = { state: { active: BUNDLE, previous: null } }
  await client.publishAsync(topics.up(thing, 'hello'), hello(thing, 1, slots), { qos: 1 })
  await eventually(
    () => deviceOf(thing),
    () => `${thing} was not heard`,
  )
  return client
}
/** A message as the IoT rule puts it on its queue, received at a time. */
async function queued(
  thing: string,
  kind: 'samples' | 'report',
  payload: string,
  receivedAt: Date,
): Promise<void> {
  const name = kind === 'samples' ? 'samples' : 'reports'
  const QueueUrl = `${lab.h.cloud.endpoint}/${lab.h.cloud.realm.accountId}/edgeloop-dev-${name}`
  const data = Buffer.from(payload).toString('base64')
  const MessageBody = JSON.stringify({ data, thing, kind, client: thing, receivedAt: receivedAt.getTime() })
  await sqs.send(new SendMessageCommand({ QueueUrl, MessageBody }))
}

describe('a revoked device', () => {
  it('is cut off and stays out; its earlier samples stay, its later ones are refused and kept on record', async () => {
    const identity = await enrolled('stolen')
    const { thing } = identity
    const client = await heard(identity)
    const eventId = (n: number) => `${eventIdPrefix(thing, 0, sha256Hex)}${n}`
    const message = (n: number) => samples(BUNDLE, [sample(eventId(n), [10, 1])], { thing, seq: 10 + n })
    await client.publishAsync(topics.up(thing, 'samples'), message(1), { qos: 1 })
    await eventually(
      () => storedSample(thing, eventId(1)),
      () => 'the first sample was lost',
    )

    const answer = await revoke(thing)
    expect(answer).toMatchObject({
      status: 202,
      body: { thing, fleet: FLEET, status: 'REVOKING', by: 'operator' },
    })
    const since = String(answer.body['since'])
    await ended(client)
    await revoked(thing)
    await expect(lab.connect(identity)).rejects.toThrow()

    // What was under way: one received before, one after.
    await queued(thing, 'samples', message(2), new Date(Date.parse(since) - 1))
    await queued(thing, 'samples', message(3), new Date(Date.parse(since)))
    const { record, event } = await lab.h.refused(r => r.thing === thing && r.code === 'DEVICE_REVOKED')
    expect(record).toMatchObject({ channel: 'mqtt', field: 'thing', subject: topics.up(thing, 'samples') })
    expect(Buffer.from(record.excerpt ?? '', 'base64').toString()).toContain(thing)
    expect(event).toMatchObject({ code: 'DEVICE_REVOKED', thing })
    await eventually(
      () => storedSample(thing, eventId(2)),
      () => 'a sample from before the revocation was lost',
    )
    expect(await storedSample(thing, eventId(1))).toBeDefined()
    expect(await storedSample(thing, eventId(3))).toBeUndefined()

    await queued(thing, 'report', report({ thing, seq: 99 }), new Date())
    await lab.h.refused(r => r.thing === thing && r.subject === topics.up(thing, 'report'))
    expect(lab.h.events.some(e => e.type === 'DeviceReported' && e.data['thing'] === thing)).toBe(false)
  })

  it('is on record: certificate, device, enrolment, event, audit', async () => {
    const identity = await enrolled('recorded')
    const { thing } = identity
    await heard(identity)
    const { certificateId } = (await enrolmentOf(thing)) as EnrolmentRow
    expect(await lab.h.store.get(keys.running(MODEL, 1, thing))).toBeDefined()
    const since = new Date(Date.now() - 60_000).toISOString()
    await revoke(thing, { reason: 'left the depot', since })
    expect(await lab.h.store.get(keys.running(MODEL, 1, thing))).toBeUndefined()
    expect((await revoked(thing))?.certificates).toEqual([certificateId])
    const { certificateDescription } = await lab.iot.send(new DescribeCertificateCommand({ certificateId }))
    expect(certificateDescription?.status).toBe('REVOKED')
    expect(await enrolmentOf(thing)).toMatchObject({ status: 'BLOCKED', reason: 'left the depot' })
    const view = (await lab.get(`/v1/devices/${thing}`)).body
    expect(view).toMatchObject({ revokedAt: since, revocation: { status: 'REVOKED', by: 'operator' } })
    expect(await lab.h.event('DeviceRevoked', d => d['thing'] === thing)).toEqual({
      ...{ thing, fleet: FLEET, since, reason: 'left the depot', by: 'operator' },
    })
    const { audit } = (await lab.get('/v1/audit?limit=500')).body as { audit: { subject: string }[] }
    expect(audit.find(a => a.subject === thing)).toMatchObject({
      ...{ action: 'REVOKE_DEVICE', by: 'operator', change: { reason: 'left the depot', since } },
      before: { device: { thing }, enrolment: { status: 'USED' } },
    })
  })

  it('was never heard of: its certificate is revoked all the same', async () => {
    const identity = await enrolled('unheard')
    expect((await revoke(identity.thing)).status).toBe(202)
    await revoked(identity.thing)
    await expect(lab.connect(identity)).rejects.toThrow()
    const again = await lab.enrol(identity.thing).catch((error: Error) => error)
    expect(String(again)).toContain('AccessDenied')
  })

  it('that was registered directly and never heard of is revoked as well', async () => {
    const thing = fresh('direct')
    const [identity] = await provisionDevices({
      ...{ iot: lab.iot, things: [thing], fleet: FLEET, hardware: HARDWARE },
      policyName: String(lab.h.cloud.outputs['DevicePolicyName']),
    })
    expect((await revoke(thing)).status).toBe(202)
    await revoked(thing)
    await expect(lab.connect(identity as DeviceIdentity)).rejects.toThrow()
    expect((await lab.command('POST', '/v1/enrolments', [entry(thing)])).body['refused']).toMatchObject([
      { code: 'BLOCKED' },
    ])
    await lab.command('PUT', `/v1/enrolments/${thing}`, { status: 'ALLOWED', reason: 'found' })
    await lab.connect(await lab.enrol(thing))
    await expect(lab.connect(identity as DeviceIdentity)).rejects.toThrow()
  })

  it('revoked again changes nothing, unless from an earlier time', async () => {
    const { thing } = await enrolled('again')
    const first = await revoke(thing)
    await revoked(thing)
    const second = await revoke(thing, { reason: 'once more' })
    expect(second.body['since']).toBe(first.body['since'])
    expect(second.body['reason']).toBe('stolen')
    const since = '2026-01-01T00:00:00.000Z'
    expect((await revoke(thing, { reason: 'long ago', since })).body['since']).toBe(since)
    expect((await deviceOf(thing))?.revokedAt).toBe(since)
    await revoked(thing)
  })

  it('enrols anew once it is allowed again, with a new certificate, and is heard from then on', async () => {
    const old = await enrolled('reborn')
    const { thing } = old
    await heard(old)
    await revoke(thing)
    const { since } = (await revoked(thing)) as RevocationRow
    expect(
      (await lab.command('PUT', `/v1/enrolments/${thing}`, { status: 'ALLOWED', reason: 'repaired' })).status,
    ).toBe(200)
    const device = await deviceOf(thing)
    expect(device?.revokedAt).toBe(since)
    expect(Date.parse(device?.reinstatedAt ?? '')).toBeGreaterThan(Date.parse(since))
    const identity = await lab.enrol(thing)
    expect(identity.certPem).not.toBe(old.certPem)
    await expect(lab.connect(old)).rejects.toThrow()
    const client = await lab.connect(identity)
    await client.publishAsync(topics.up(thing, 'hello'), hello(thing, 500), { qos: 1 })
    await eventually(
      async () => (await deviceOf(thing))?.seq === 500 || undefined,
      () => 'the reinstated device was not heard',
    )
    // What it sent while it was revoked does not count, however late it comes.
    await queued(thing, 'report', report({ thing, seq: 501 }), new Date(Date.parse(since) + 1))
    await lab.h.refused(r => r.thing === thing && r.code === 'DEVICE_REVOKED')
    // And the event of the old revocation, delivered again, does not touch the new certificate.
    expect((await revocationOf(thing))?.status).toBe('LIFTED')
    expect((await revoke(thing, { reason: 'for good' })).body['status']).toBe('REVOKING')
    await revoked(thing)
    await ended(client)
  })
})

describe('the command', () => {
  it.each([
    ['nobody', { reason: 'x' }, 404, /nobody/],
    ['nobody', {}, 400, /reason/],
    ['nobody', { reason: 'x', since: 'yesterday' }, 400, /since/],
    ['nobody', { reason: 'x', since: '2999-01-01T00:00:00Z' }, 400, /after now/],
    ['no%20body', { reason: 'x' }, 400, /thing/],
  ])('POST /v1/devices/%s/revocation %j is answered with %d', async (thing, body, status, message) => {
    const answer = await revoke(thing, body)
    expect(answer.status).toBe(status)
    expect(answer.body['detail']).toMatch(message)
  })

  it('asks for the scope devices:write', async () => {
    const path = '/v1/devices/nobody/revocation'
    expect((await lab.command('POST', path, { reason: 'x' }, 'fleet:read rollouts:write')).status).toBe(403)
  })
})

describe('a bar', () => {
  const bars = (body: unknown, model = MODEL, scope?: string) =>
    lab.command('POST', `/v1/models/${model}/bars`, body, scope)
  it('is committed with its event and its record', async () => {
    const body = { revokedBundle: BUNDLE, reason: 'leaks' }
    expect(await bars(body)).toMatchObject({ status: 202, body: { model: MODEL, bundle: BUNDLE } })
    expect(await lab.h.event('ReleaseBarred')).toEqual({
      ...{ model: MODEL, bundle: BUNDLE, reason: 'leaks', by: 'operator' },
    })
    const { audit } = (await lab.get('/v1/audit')).body as { audit: { action: string }[] }
    expect(audit.find(a => a.action === 'BAR_RELEASE')).toMatchObject({ subject: MODEL, by: 'operator' })
  })
  it.each([
    [{ reason: 'x' }, 400, /minimumRelease or revokedBundle/],
    [{ minimumRelease: 0, reason: 'x' }, 400, /minimumRelease/],
    [{ minimumRelease: 1, reason: 'x' }, 400, /versions up to 0/],
    [{ revokedBundle: 'ab', reason: 'x' }, 400, /revokedBundle/],
    [{ revokedBundle: 'cd'.repeat(32), reason: 'x' }, 400, /no package/],
    [{ revokedBundle: BUNDLE, reason: ' ' }, 400, /reason/],
  ])('%j is answered with %d', async (body, status, message) => {
    const answer = await bars(body)
    expect(answer.status).toBe(status)
    expect(answer.body['detail']).toMatch(message)
  })
  it('of an unknown model is 404; without the scope rollouts:write it is 403', async () => {
    expect((await bars({ revokedBundle: BUNDLE, reason: 'x' }, 'nobody')).status).toBe(404)
    expect((await bars({ revokedBundle: BUNDLE, reason: 'x' }, MODEL, 'devices:write')).status).toBe(403)
  })
})

it('nothing was denied by IAM and nothing is left in a dead-letter queue', () => {
  expect(lab.h.cloud.denials).toEqual([])
  expect(lab.h.deadLetters()).toEqual({})
})
