import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dsseEnvelope, fleetManifest } from '../../src/contracts/manifest.ts'
import { pinnedKey } from '../../verifier/key.ts'
import { type ManifestChecks, verifyManifest } from '../../verifier/manifest.ts'
import { Refusal } from '../../verifier/refusal.ts'
import {
  deploymentKey,
  EPOCH_MS,
  envelope,
  json,
  manifestStatement,
  modelKey,
  sha256,
  signedManifest,
  slotOf,
} from '../device/helpers.ts'

const checks: ManifestChecks = {
  deploymentKey: pinnedKey(deploymentKey.pem),
  fleet: 'plant',
  seen: null,
  now: EPOCH_MS,
}
const releaseOf = (name: string) => ({
  model: 'quality',
  version: 1,
  bundle: { sha256: sha256(name), length: 10 },
  package: { sha256: sha256(`${name}p`), length: 10 },
})
const full = slotOf({
  committed: releaseOf('one'),
  candidate: { rollout: 'r1', release: releaseOf('two'), seed: 's', exposure: 0.5 },
  pins: { 'cam:1': sha256('one') },
})
const outcome = (value: unknown, over: Partial<ManifestChecks> = {}): string => {
  try {
    return verifyManifest(value, { ...checks, ...over }).kind
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.code
  }
}
const signed = (statement: unknown) => envelope(json(statement), deploymentKey)

describe('fleet manifest verification', () => {
  it('accepts what the contract describes and returns it', () => {
    const statement = manifestStatement(3, [full])
    const verified = verifyManifest(signed(statement), checks)
    expect(verified).toEqual({ kind: 'new', digest: sha256(json(statement)), manifest: statement })
    expect(fleetManifest.parse(statement)).toEqual(statement)
  })

  it('orders by (epoch, counter), and knows a duplicate from an equivocation', () => {
    const statement = manifestStatement(3, [full])
    const seen = { epoch: 1, counter: 3, digest: sha256(json(statement)) }
    expect(outcome(signed(statement), { seen })).toBe('duplicate')
    expect(outcome(signedManifest(3, [slotOf()]), { seen })).toBe('MANIFEST_EQUIVOCATION')
    expect(outcome(signedManifest(2, [full]), { seen })).toBe('MANIFEST_ROLLBACK')
    expect(outcome(signedManifest(4, [full]), { seen })).toBe('new')
    expect(outcome(signedManifest(1, [full], { epoch: 2 }), { seen })).toBe('new')
    expect(outcome(signedManifest(9, [full], { epoch: 0 }), { seen })).toBe('MANIFEST_ROLLBACK')
  })

  it('refuses another fleet, an expired manifest and another type', () => {
    expect(outcome(signedManifest(1, [full], { audience: { fleet: 'other' } }))).toBe('MANIFEST_AUDIENCE')
    expect(outcome(signedManifest(1, [full]), { now: Date.parse('2027-11-21T11:00:00Z') })).toBe(
      'MANIFEST_EXPIRED',
    )
    const oms = { ...manifestStatement(1, [full]), predicateType: 'https://model_signing/signature/v1.0' }
    expect(outcome(signed(oms))).toBe('MANIFEST_TYPE')
  })

  it('refuses a signature by the model key', () => {
    expect(outcome(envelope(json(manifestStatement(1, [full])), modelKey))).toBe('MANIFEST_SIGNATURE')
  })

  it('refuses two entries for one slot and hardware', () => {
    expect(outcome(signedManifest(1, [full, slotOf()]))).toBe('MANIFEST_MALFORMED')
  })

  it('refuses a changed byte of the payload as a bad signature', () => {
    const good = signedManifest(1, [full])
    const payload = Buffer.from(good.payload, 'base64')
    void fc.assert(
      fc.property(fc.nat(payload.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bad = Buffer.from(payload)
        bad[at]! ^= mask
        expect(outcome({ ...good, payload: bad.toString('base64') })).toBe('MANIFEST_SIGNATURE')
      }),
      { numRuns: 300 },
    )
  })

  it('is as strict as the contract on signed statements that were changed in one place', () => {
    const statement = manifestStatement(1, [full])
    const paths = leaves(statement)
    const wrong = fc.constantFrom<unknown>(
      null,
      '',
      'Upper',
      -1,
      1.5,
      2,
      {},
      [],
      true,
      '2026-11-21',
      '__drop',
      '__add',
    )
    void fc.assert(
      fc.property(fc.constantFrom(...paths), wrong, (path, value) => {
        const changed = change(statement, path, value)
        const allowed = fleetManifest.safeParse(changed).success
        const code = outcome(signed(changed), { now: 0 })
        // Types are checked before the shape, and a name that is fine may still be another fleet's.
        expect(['new', 'MANIFEST_AUDIENCE'].includes(code)).toBe(allowed)
      }),
      { numRuns: 1_000 },
    )
  })

  it('takes only envelopes that the contract takes', () => {
    const good = signedManifest(1, [full])
    expect(dsseEnvelope.safeParse(good).success).toBe(true)
    for (const bad of [null, [], 'x', {}, { ...good, more: 1 }, { ...good, signatures: [] }])
      expect(outcome(bad)).toBe('MANIFEST_MALFORMED')
  })
})

function leaves(value: unknown, path: readonly string[] = []): string[][] {
  if (value === null || typeof value !== 'object') return [[...path]]
  return [[...path], ...Object.entries(value).flatMap(([key, item]) => leaves(item, [...path, key]))].filter(
    found => found.length > 0,
  )
}

function change(value: unknown, path: readonly string[], to: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>
  let target = copy
  for (const key of path.slice(0, -1)) target = target[key] as Record<string, unknown>
  const last = path.at(-1)!
  if (to === '__drop' && !Array.isArray(target)) delete target[last]
  else if (to === '__add') target['unknown'] = 1
  else target[last] = to
  return copy
}
