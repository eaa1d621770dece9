import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DescribeThingCommand } from '@aws-sdk/client-iot'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createKeyAndCsr } from '../../device/csr.ts'
import { EnrolmentRefused, enrolDevices } from '../../device/enroll.ts'
import { type Enrolment, type IdentityStore, identityStore, memoryIdentities } from '../../device/identity.ts'
import { revokeClaim } from '../../scripts/lib/claim.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { type DeviceRow, type EnrolmentRow, keys } from '../../src/domain/entities.ts'
import { rawEnrolment } from './raw-claim.ts'
import { entry, eventually, FLEET, fresh, HARDWARE, hello, type Lab, startLab } from './support.ts'

let lab: Lab
beforeAll(async () => {
  lab = await startLab()
})
afterAll(() => lab?.close())

const row = async (serial: string) => (await lab.h.store.get<EnrolmentRow>(keys.enrolment(serial)))?.data
const refusal = (run: Promise<unknown>): Promise<EnrolmentRefused> =>
  run.then(
    () => Promise.reject(new Error('it was allowed')),
    (error: unknown) => {
      expect(error).toBeInstanceOf(EnrolmentRefused)
      return error as EnrolmentRefused
    },
  )
const refusedAs = (code: string, thing: string) => lab.h.refused(r => r.code === code && r.thing === thing)

describe('a device that enrols by claim', () => {
  it('becomes the thing of its serial, with the fleet and hardware of the list, and is heard', async () => {
    const thing = fresh('unit:1_a')
    await lab.allow(thing)
    const identity = await lab.enrol(thing)
    const { attributes } = await lab.iot.send(new DescribeThingCommand({ thingName: thing }))
    expect(attributes).toEqual({ fleet: FLEET, hardware: HARDWARE })
    expect(await row(thing)).toMatchObject({ status: 'USED', claim: lab.claimId, allowedBy: 'operator' })
    const client = await lab.connect(identity)
    await client.publishAsync(topics.up(thing, 'hello'), hello(thing), { qos: 1 })
    const device = await eventually(
      () => lab.h.store.get<DeviceRow>(keys.device(thing)),
      () => 'the hello was not taken',
    )
    expect(device.data).toMatchObject({ fleet: FLEET, hardware: HARDWARE })
  })

  it('makes its key itself, and the claim’s key is no part of its identity', async () => {
    const thing = fresh('own-key')
    await lab.allow(thing)
    const { keyPem, certPem } = await lab.enrol(thing)
    expect(keyPem).not.toBe(lab.claim.keyPem)
    expect(certPem).not.toBe(lab.claim.certPem)
    expect(new X509Certificate(certPem).subject).toContain(thing)
  })

  it('is refused when its serial is not on the list, and that is on record', async () => {
    const thing = fresh('stranger')
    expect((await refusal(lab.enrol(thing))).code).toBe('AccessDenied')
    const { record } = await refusedAs('NOT_ALLOWED', thing)
    expect(record).toMatchObject({ channel: 'mqtt', field: 'SerialNumber' })
    expect(record.subject).toContain(lab.claimId)
  })

  it('has a serial for one key only: a clone is refused and on record, the first device stays', async () => {
    const thing = fresh('cloned')
    await lab.allow(thing)
    const first = await lab.enrol(thing)
    const before = await row(thing)
    expect((await refusal(lab.enrol(thing))).code).toBe('AccessDenied')
    const { record } = await refusedAs('ALREADY_USED', thing)
    expect(record.reason).toContain(before?.certificateId)
    expect(await row(thing)).toEqual(before)
    expect((await lab.connect(first)).connected).toBe(true)
  })

  it('of two that come at once with one serial, one gets it', async () => {
    const thing = fresh('race')
    await lab.allow(thing)
    const both = await Promise.allSettled([lab.enrol(thing), lab.enrol(thing)])
    expect(both.map(r => r.status).sort()).toEqual(['fulfilled', 'rejected'])
    await refusedAs('ALREADY_USED', thing)
  })

  it('cannot say what it is: fleet and hardware in its own words are refused', async () => {
    const thing = fresh('liar')
    await lab.allow(thing)
    const raw = await rawEnrolment(lab)
    const { token } = await raw.certificate(createKeyAndCsr(thing).csrPem)
    const parameters = { SerialNumber: thing, Fleet: 'another', Hardware: 'gold' }
    expect(await raw.provision(token, parameters)).toMatchObject({ errorCode: 'AccessDenied' })
    await lab.h.refused(r => r.code === 'SCHEMA' && r.subject.includes(lab.claimId) && r.field === 'Fleet')
    expect((await row(thing))?.status).toBe('ALLOWED')
    await raw.close()
  })

  it('is refused when the claim certificate was revoked', async () => {
    const thing = fresh('late')
    await lab.allow(thing)
    const claim = await lab.newClaim()
    await revokeClaim(lab.iot, claim.certificateId)
    await expect(lab.enrol(thing, { claim })).rejects.toThrow(`enrolling ${thing} failed`)
    expect((await row(thing))?.status).toBe('ALLOWED')
  })

  it('is told when the template is another', async () => {
    const claim = { ...lab.claim, template: 'nobody' }
    await expect(lab.enrol(fresh('lost'), { claim })).rejects.toThrow(/nobody/)
  })
})

describe('power cuts', () => {
  /** A store that loses power right after, or right before, its k-th write. */
  const failing = (store: IdentityStore, at: number, after: boolean): IdentityStore & { writes: number } => {
    const cut = (write: () => void): void => {
      wrapped.writes++
      if (wrapped.writes === at && !after) throw new Error('power cut')
      write()
      if (wrapped.writes === at) throw new Error('power cut')
    }
    const wrapped = {
      ...store,
      writes: 0,
      save: (identity: Parameters<IdentityStore['save']>[0]) => cut(() => store.save(identity)),
      keep: (enrolment: Parameters<IdentityStore['keep']>[0]) => cut(() => store.keep(enrolment)),
    }
    return wrapped
  }
  it.each([1, 2, 3].flatMap(at => [true, false].map(after => ({ at, after }))))(
    'at write $at (after it: $after): the next start goes on with the same key',
    async ({ at, after }) => {
      const thing = fresh('cut')
      await lab.allow(thing)
      const dir = mkdtempSync(join(tmpdir(), 'enrol-'))
      try {
        const store = identityStore(dir)
        await expect(lab.enrol(thing, { store: failing(store, at, after) })).rejects.toThrow('power cut')
        const identity = await lab.enrol(thing, { store: identityStore(dir) })
        expect((await lab.connect(identity)).connected).toBe(true)
        expect(identityStore(dir).enrolment(thing)).toBeNull()
        expect(await lab.enrol(thing, { store: identityStore(dir) })).toEqual(identity)
      } finally {
        rmSync(dir, { recursive: true })
      }
    },
  )

  it('with a token that is worth nothing any more: another certificate for the same key', async () => {
    const thing = fresh('stale')
    await lab.allow(thing)
    const store = memoryIdentities()
    await expect(lab.enrol(thing, { store: failing(store, 3, false) })).rejects.toThrow('power cut')
    const kept = store.enrolment(thing)
    const used = await row(thing)
    // Neither the token nor the certificate is good any more, as after an hour without power.
    store.keep({ ...(kept as Enrolment), certificate: { pem: lab.claim.certPem, token: 'expired' } })
    const identity = await lab.enrol(thing, { store })
    expect(identity.keyPem).toBe(kept?.keyPem)
    expect((await row(thing))?.publicKey).toBe(used?.publicKey)
    expect((await row(thing))?.certificateId).not.toBe(used?.certificateId)
  })
})

describe('many devices', () => {
  it('enrol together by one claim', async () => {
    const claim = await lab.newClaim()
    const things = Array.from({ length: 50 }, (_, i) => fresh(`many-${i}`))
    await lab.allow(...things)
    const identities = await enrolDevices({ endpoint: lab.h.cloud.mqtt, claim, things }, 10)
    expect(identities.map(i => i.thing)).toEqual(things)
    expect(new Set(identities.map(i => i.certPem)).size).toBe(50)
  })

  it('are held to a rate per claim certificate, with one record of it; other claims go on', async () => {
    const claim = await lab.newClaim()
    const thing = fresh('over')
    await lab.allow(thing)
    const at = new Date().toISOString()
    // So empty that it has none for two minutes, however slow the machine is.
    const bucket = { key: keys.claim(claim.certificateId), data: { tokens: -60, at } }
    await lab.h.store.commit([{ kind: 'put', ...bucket, expect: 'absent' }])
    expect((await refusal(lab.enrol(thing, { claim }))).code).toBe('AccessDenied')
    const { record } = await lab.h.refused(r => r.code === 'RATE_LIMITED')
    expect(record.subject).toContain(claim.certificateId)
    expect((await row(thing))?.status).toBe('ALLOWED')
    await lab.enrol(thing)
  })
})

describe('the allow-list', () => {
  it('takes the good entries of a list and refuses the bad ones by place', async () => {
    const [good, twice] = [fresh('good'), fresh('twice')]
    const list = [
      entry(good),
      { serial: 'a/b', fleet: FLEET, hardware: HARDWARE },
      entry(twice),
      entry(twice),
      { ...entry(fresh('more')), colour: 'red' },
      'nonsense',
    ]
    const { status, body } = await lab.command('POST', '/v1/enrolments', list)
    expect(status).toBe(200)
    expect(body).toMatchObject({ allowed: 2, unchanged: 0 })
    expect(body['refused']).toMatchObject([
      { index: 1, code: 'SCHEMA', field: 'serial' },
      { index: 3, code: 'DUPLICATE_SERIAL', field: 'serial' },
      { index: 4, code: 'SCHEMA', field: 'colour' },
      { index: 5, code: 'SCHEMA' },
    ])
    await lab.h.refused(r => r.channel === 'api' && r.code === 'DUPLICATE_SERIAL')
    const again = await lab.command('POST', '/v1/enrolments', [entry(good), entry(twice)])
    expect(again.body).toEqual({ allowed: 0, unchanged: 2, refused: [] })
    expect((await lab.get(`/v1/enrolments/${good}`)).body).toMatchObject({ serial: good, status: 'ALLOWED' })
  })

  it('is dropped as a file too; a bad line is refused alone', async () => {
    const serial = fresh('dropped')
    const key = `devices/${fresh('batch')}.csv`
    await lab.h.drop(key, `hardware,serial,fleet\n${HARDWARE},${serial},${FLEET}\nboard,no spaces,x\n`)
    const { record } = await lab.h.refused(r => r.subject === key)
    expect(record).toMatchObject({ channel: 's3', code: 'SCHEMA', field: 'serial' })
    expect(record.reason).toMatch(/^line 3: /)
    await eventually(
      async () => row(serial),
      () => 'the good line was lost',
    )
    expect((await row(serial))?.allowedBy).toContain(key)
    await lab.enrol(serial)
  })

  it.each([
    ['devices/list.txt', 'serial,fleet,hardware\n', 'BAD_KEY'],
    ['devices/a/b.csv', 'serial,fleet,hardware\n', 'BAD_KEY'],
    ['devices/head.csv', 'serial,fleet\na,b\n', 'BAD_HEADER'],
    ['devices/empty.csv', 'serial,fleet,hardware\n', 'NO_ROWS'],
    ['devices/quotes.csv', 'serial,fleet,hardware\n"a,b\n', 'NOT_CSV'],
  ])('refuses %s (%j) as a whole: %s', async (key, text, code) => {
    await lab.h.drop(key, text)
    const { record } = await lab.h.refused(r => r.subject === key)
    expect(record.code).toBe(code)
  })

  it.each([
    ['POST', '/v1/enrolments', '[]', 400, /Too small|>=1|at least/i],
    ['POST', '/v1/enrolments', '{', 400, /JSON/],
    ['POST', '/v1/enrolments', '{"a":1}', 400, /array/],
    ['POST', '/v1/enrolments', JSON.stringify(Array.from({ length: 501 }, () => 1)), 400, /500/],
    ['PUT', '/v1/enrolments/nobody', '{"status":"ALLOWED","reason":"x"}', 404, /nobody/],
    ['PUT', '/v1/enrolments/nobody', '{"status":"USED","reason":"x"}', 400, /status/],
    ['PUT', '/v1/enrolments/no%20body', '{"status":"ALLOWED","reason":"x"}', 400, /serial/],
    ['PUT', '/v1/enrolments/nobody', '{"status":"ALLOWED"}', 400, /reason/],
  ])('%s %s %s is answered with %d', async (method, path, body, status, message) => {
    const answer = await lab.command(method, path, body)
    expect(answer.status).toBe(status)
    expect(answer.body['detail']).toMatch(message)
  })

  it('asks for the scope devices:write', async () => {
    for (const scope of ['fleet:read', 'rollouts:write'])
      expect((await lab.command('POST', '/v1/enrolments', [entry(fresh('x'))], scope)).status).toBe(403)
    expect((await lab.command('POST', '/v1/enrolments', [entry(fresh('x'))], 'devices:write')).status).toBe(
      200,
    )
  })

  it('a used serial does not change hands by a list; a blocked one does not enrol', async () => {
    const thing = fresh('held')
    await lab.allow(thing)
    await lab.enrol(thing)
    const other = await lab.command('POST', '/v1/enrolments', [{ ...entry(thing), fleet: 'another' }])
    expect(other.body['refused']).toMatchObject([{ code: 'ALREADY_USED' }])
    const allowed = await lab.command('PUT', `/v1/enrolments/${thing}`, {
      status: 'ALLOWED',
      reason: 'again',
    })
    expect(allowed).toMatchObject({
      status: 409,
      body: { detail: expect.stringContaining('revoke the device first') },
    })

    const blocked = fresh('blocked')
    await lab.allow(blocked)
    const answer = await lab.command('PUT', `/v1/enrolments/${blocked}`, {
      status: 'BLOCKED',
      reason: 'lost',
    })
    expect(answer).toMatchObject({ status: 200, body: { status: 'BLOCKED' } })
    expect((await refusal(lab.enrol(blocked))).code).toBe('AccessDenied')
    await refusedAs('BLOCKED', blocked)
    expect((await lab.command('POST', '/v1/enrolments', [entry(blocked)])).body['refused']).toMatchObject([
      { code: 'BLOCKED' },
    ])
    await lab.command('PUT', `/v1/enrolments/${blocked}`, { status: 'ALLOWED', reason: 'found' })
    await lab.enrol(blocked)
  })

  it('keeps who did what', async () => {
    const { audit } = (await lab.get('/v1/audit?limit=500')).body as {
      audit: { action: string; by: string }[]
    }
    expect(audit.some(a => a.action === 'ALLOW_DEVICES' && a.by === 'operator')).toBe(true)
    expect(audit.some(a => a.action === 'ALLOW_DEVICES' && a.by.startsWith('s3:devices/'))).toBe(true)
    expect(audit.some(a => a.action === 'CHANGE_ENROLMENT' && a.by === 'operator')).toBe(true)
  })
})

it('nothing was denied by IAM and nothing is left in a dead-letter queue', () => {
  expect(lab.h.cloud.denials).toEqual([])
  expect(lab.h.deadLetters()).toEqual({})
})
