/** The decisions behind enrolment, over every order of attempts. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { enrolmentEntry } from '../../src/contracts/enrolment.ts'
import { allow } from '../../src/domain/device/allow-list.ts'
import { readEnrolmentCsv } from '../../src/domain/device/enrolment-csv.ts'
import { isRevoked, standsRevoked } from '../../src/domain/device/revoked.ts'
import { takeToken } from '../../src/domain/device/token-bucket.ts'
import { vet } from '../../src/domain/device/vet.ts'
import { type BucketRow, type EnrolmentRow, keys } from '../../src/domain/entities.ts'
import { InputError } from '../../src/domain/errors.ts'
import type { Core } from '../../src/domain/ports.ts'
import { vetDevice } from '../../src/handlers/vet-device.ts'
import { cloneCertificate, firstCertificate } from '../loop/certificates.ts'
import { vetting } from '../loop/identity.ts'
import { MemoryStore } from '../loop/memory-store.ts'

const at = (seconds: number): Date => new Date(Date.parse('2026-03-01T00:00:00Z') + seconds * 1000)
const code = (run: () => unknown): string => {
  try {
    run()
    return 'ALLOWED'
  } catch (error) {
    if (error instanceof InputError) return error.reason
    throw error
  }
}
const allowed: EnrolmentRow = {
  ...{ serial: 's', fleet: 'f', hardware: 'h', status: 'ALLOWED' },
  ...{ allowedBy: 'operator', allowedAt: at(0).toISOString() },
}

describe('a serial', () => {
  const attempt = fc.record({
    publicKey: fc.constantFrom('a', 'b', 'c'),
    certificateId: fc.string({ minLength: 1 }),
  })
  it('is for the first key that comes, in any order and number of attempts', () => {
    fc.assert(
      fc.property(fc.array(attempt, { minLength: 1, maxLength: 20 }), attempts => {
        let row = allowed
        for (const one of attempts) {
          const outcome = code(() => {
            row = vet(row, { serial: 's', claim: 'c', ...one }, at(1))
          })
          expect(outcome).toBe(one.publicKey === attempts[0]?.publicKey ? 'ALLOWED' : 'ALREADY_USED')
        }
        expect(row.publicKey).toBe(attempts[0]?.publicKey)
        expect(row).toMatchObject({ fleet: 'f', hardware: 'h', status: 'USED' })
      }),
    )
  })
  it('that is unknown or blocked is for nobody', () => {
    const candidate = { serial: 's', claim: 'c', publicKey: 'a', certificateId: '1' }
    expect(code(() => vet(undefined, candidate, at(0)))).toBe('NOT_ALLOWED')
    const used = vet(allowed, candidate, at(0))
    expect(code(() => vet({ ...used, status: 'BLOCKED' }, candidate, at(0)))).toBe('BLOCKED')
  })
  it.each(['fleet', 'trust', '', 'a/b', 'a b', '+', '#', 'ü', 'x'.repeat(129)])('cannot be %j', serial => {
    expect(enrolmentEntry.safeParse({ serial, fleet: 'f', hardware: 'h' }).success).toBe(false)
  })
})

describe('the token bucket', () => {
  const limits = { perMinute: 60, burst: 10 }
  it('never lets through more than its burst and what came back', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 30, noNaN: true }), { maxLength: 80 }), pauses => {
        let bucket: BucketRow | undefined
        let now = 0
        let taken = 0
        for (const pause of [0, ...pauses]) {
          now += pause
          const next = takeToken(bucket, at(now), limits)
          if (next) taken++
          bucket = next ?? bucket
          expect(taken).toBeLessThanOrEqual(limits.burst + (now * limits.perMinute) / 60 + 0.01)
        }
      }),
    )
  })
  it('is full at first, empty after its burst, and fills again with time', () => {
    let bucket: BucketRow | undefined
    for (let i = 0; i < limits.burst; i++) bucket = takeToken(bucket, at(0), limits)
    expect(takeToken(bucket, at(0), limits)).toBeUndefined()
    expect(takeToken(bucket, at(-60), limits)).toBeUndefined()
    expect(takeToken(bucket, at(1.1), limits)).toBeDefined()
  })
})

describe('a revocation', () => {
  it('covers from its time until the device is enrolled anew', () => {
    const row = { revokedAt: at(10).toISOString() }
    expect([9.999, 10, 1e6].map(s => isRevoked(row, at(s)))).toEqual([false, true, true])
    const again = { ...row, reinstatedAt: at(20).toISOString() }
    expect([9, 10, 19.999, 20].map(s => isRevoked(again, at(s)))).toEqual([false, true, true, false])
    expect([{}, row, again].map(standsRevoked)).toEqual([false, true, false])
  })
})

const core = (store = new MemoryStore(() => at(0))): Core & { store: MemoryStore } => ({
  store,
  now: () => at(0),
  count: () => undefined,
  measure: () => undefined,
  log: { info: () => undefined, warn: () => undefined, error: () => undefined },
})
const commander = { by: 'operator', request: 'r1' }

describe('the allow-list', () => {
  it('takes 500 devices in commits that fit, each once, with a record', async () => {
    const deps = core()
    const entries = Array.from({ length: 500 }, (_, i) => ({ serial: `s${i}`, fleet: 'f', hardware: 'h' }))
    expect(new Set(await allow(deps, entries, commander))).toEqual(new Set(['ALLOWED']))
    const written = deps.store.rows.size
    // The same request again has done it; another finds it done.
    expect(new Set(await allow(deps, entries, commander))).toEqual(new Set(['ALLOWED']))
    const other = { ...commander, request: 'r2' }
    expect(new Set(await allow(deps, entries, other))).toEqual(new Set(['UNCHANGED']))
    expect(deps.store.rows.size).toBe(written)
    const rows = [...deps.store.rows.values()]
    expect(rows.filter(r => r.key.pk.startsWith('ENROLMENT#'))).toHaveLength(500)
    const recorded = rows.filter(r => r.key.pk.startsWith('AUDIT#')).flatMap(r => JSON.parse(r.data).change)
    expect(recorded).toHaveLength(500)
  })
  it('may correct a device that has not enrolled, and says what was there', async () => {
    const deps = core()
    await allow(deps, [{ serial: 's', fleet: 'f', hardware: 'h' }], commander)
    expect(
      await allow(deps, [{ serial: 's', fleet: 'g', hardware: 'h' }], { by: 'other', request: 'r2' }),
    ).toEqual(['ALLOWED'])
    expect((await deps.store.get<EnrolmentRow>(keys.enrolment('s')))?.data).toMatchObject({
      fleet: 'g',
      allowedBy: 'other',
    })
    const audits = [...deps.store.rows.values()]
      .filter(r => r.key.pk.startsWith('AUDIT#'))
      .map(r => JSON.parse(r.data))
    expect(audits.find(a => a.by === 'other').before).toMatchObject([{ fleet: 'f' }])
  })
})

describe('a list as CSV', () => {
  it('is read with its line numbers, whatever the order of its columns', () => {
    const csv = '\ufefffleet,serial,hardware\r\n\r\nf,"a",h\r\nf,b,h,extra\r\nf\r\n'
    const lines = readEnrolmentCsv(Buffer.from(csv))
    expect(lines.map(l => l.line)).toEqual([3, 4, 5])
    expect(lines.map(l => enrolmentEntry.safeParse(l.entry).success)).toEqual([true, false, false])
  })
  it('never throws anything but a refusal', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), bytes => {
        code(() => readEnrolmentCsv(bytes))
        code(() => readEnrolmentCsv(Buffer.concat([Buffer.from('serial,fleet,hardware\n'), bytes])))
      }),
    )
  })
})

describe('the hook', () => {
  const deps = () => ({ ...core(), perMinute: 60, burst: 100 })
  const enrolled = (event: unknown) => vetDevice(deps())(event)
  it('refuses whatever is no request, and never throws for it', async () => {
    const base = vetting('s', 1, firstCertificate) as Record<string, unknown>
    for (const bad of [
      null,
      1,
      'x',
      [],
      {},
      { ...base, parameters: { SerialNumber: 7 } },
      { ...base, certificatePem: 1 },
    ])
      expect(await enrolled(bad)).toEqual({ allowProvisioning: false })
    for (const parameters of [{}, { SerialNumber: '' }, { SerialNumber: 's', Fleet: 'x' }, { serial: 's' }])
      expect(await enrolled({ ...base, parameters })).toEqual({ allowProvisioning: false })
  })
  it('refuses any text for a certificate', async () => {
    await fc.assert(
      fc.asyncProperty(fc.string(), async pem => {
        const d = deps()
        await allow(d, [{ serial: 's', fleet: 'f', hardware: 'h' }], commander)
        expect(await vetDevice(d)(vetting('s', 1, pem))).toEqual({ allowProvisioning: false })
      }),
      { numRuns: 50 },
    )
  })
  it('takes fleet and hardware from the list, allows a retry, refuses a clone, and charges each', async () => {
    const d = deps()
    await allow(d, [{ serial: 's', fleet: 'f', hardware: 'h' }], commander)
    const yes = {
      allowProvisioning: true,
      parameterOverrides: { SerialNumber: 's', Fleet: 'f', Hardware: 'h' },
    }
    expect(await vetDevice(d)(vetting('s', 1, firstCertificate))).toEqual(yes)
    expect(await vetDevice(d)(vetting('s', 1, firstCertificate))).toEqual(yes)
    expect(await vetDevice(d)(vetting('s', 2, cloneCertificate))).toEqual({ allowProvisioning: false })
    // The same key with another certificate: the device lost the first before it was registered.
    expect(await vetDevice(d)(vetting('s', 3, firstCertificate))).toEqual(yes)
    const claim = (vetting('s', 1, '') as { claimCertificateId: string }).claimCertificateId
    expect((await d.store.get<BucketRow>(keys.claim(claim)))?.data.tokens).toBe(96)
  })
})
