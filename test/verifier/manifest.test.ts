import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { dsseEnvelope, fleetManifest } from '../../src/contracts/manifest.ts'
import { verifyManifest } from '../../verifier/index.ts'
import {
  deploymentKey,
  json,
  manifestStatement,
  modelKey,
  sha256,
  signed as sign,
  signedBeacon,
  signedManifest,
  slotOf,
} from '../device/helpers.ts'
import { type Checks, checks, fresh, made, manifestCode } from './support.ts'

const releaseOf = (name: string) => ({
  model: 'quality',
  version: 1,
  runtime: 'edgeloop-wasm',
  bundle: { sha256: sha256(name), length: 10 },
  package: { sha256: sha256(`${name}p`), length: 10 },
})
const full = slotOf({
  committed: releaseOf('one'),
  candidate: {
    rollout: 'r1',
    release: releaseOf('two'),
    seed: 's',
    exposure: 0.5,
    control: 0.25,
    mode: 'active',
  },
  pins: { 'cam:1': sha256('one') },
  sampling: {
    ...{ policy: sha256('policy'), factor: 0.5, audit: 0.02 },
    hard: [
      { strategy: 'margin', below: 0.1, probability: 1 },
      { strategy: 'entropy', above: 0.9, probability: 0.5 },
      { strategy: 'outOfDistribution', surprise: 3, probability: 0.5 },
      { strategy: 'class', classes: ['bad'], probability: 0.5 },
    ],
    limits: { itemsPerHour: 60, bytesPerDay: 1_000_000 },
    burst: { id: 'b-1', things: ['cam:1'], count: 50, until: '2026-11-22T11:30:00.000Z' },
  },
})
/** The other ways to say it. */
const plain = slotOf({
  sampling: {
    ...{ policy: sha256('policy'), factor: 1, audit: 0, hard: { margin: 0.1, probability: 0.5 } },
    burst: { id: 'b-1', things: 'all', count: 50, until: '2026-11-22T11:30:00.000Z' },
  },
})
const signed = (statement: unknown) => sign(json(statement), [deploymentKey])
const state = fresh()
const outcome = (value: unknown, over: Partial<Checks> = {}) => manifestCode(state, json(value), over)
const accept = (from: typeof state, value: unknown) => {
  const verified = verifyManifest(from, json(value), checks)
  if (verified.kind !== 'new') throw new Error('a duplicate')
  return verified.state
}

describe('fleet manifest verification', () => {
  it('accepts what the contract describes and returns it', () => {
    const statement = manifestStatement(3, [full])
    const verified = verifyManifest(state, json(signed(statement)), checks)
    expect(verified).toMatchObject({ kind: 'new', manifest: statement.predicate })
    expect(verified.kind === 'new' && verified.state.manifest).toEqual({
      ...{ epoch: 1, counter: 3, digest: sha256(json(statement)) },
    })
    expect(fleetManifest.parse(statement)).toEqual(statement)
  })

  it('takes a policy in its shorter forms, and a slot without one', () => {
    for (const slot of [
      plain,
      slotOf({ sampling: { policy: sha256('p'), factor: 1, audit: 1 } }),
      slotOf(),
    ]) {
      const statement = manifestStatement(3, [slot])
      expect(verifyManifest(state, json(signed(statement)), checks)).toMatchObject({
        manifest: { slots: [slot] },
      })
      expect(fleetManifest.parse(statement)).toEqual(statement)
    }
  })

  it('orders by counter, and knows a duplicate from an equivocation', () => {
    const seen = accept(state, signedManifest(3, [full]))
    const then = (value: unknown) => manifestCode(seen, json(value))
    expect(verifyManifest(seen, json(signedManifest(3, [full])), checks).kind).toBe('duplicate')
    expect(then(signedManifest(3, [slotOf()]))).toBe('MANIFEST_EQUIVOCATION')
    expect(then(signedManifest(2, [full]))).toBe('MANIFEST_ROLLBACK')
    expect(then(signedManifest(4, [full]))).toBe('ok')
    expect(then(signedManifest(1_000_003, [full]))).toBe('ok')
    expect(then(signedManifest(1_000_004, [full]))).toBe('MANIFEST_JUMP')
    expect(then(signedManifest(9, [full], { epoch: 2 }))).toBe('MANIFEST_EPOCH')
  })

  it('refuses another fleet, another runtime, an expired manifest and another type', () => {
    expect(outcome(signedManifest(1, [full], { audience: { fleet: 'other' } }))).toBe('MANIFEST_AUDIENCE')
    expect(outcome(signedManifest(1, [full]), { runtimes: ['neo'] })).toBe('MANIFEST_RUNTIME')
    expect(outcome(signedManifest(1, [full]), { runtimes: ['neo'], hardware: 'other' })).toBe('ok')
    expect(outcome(signedManifest(1, [full]), { clock: Date.parse('2027-11-21T11:00:00Z') })).toBe(
      'MANIFEST_EXPIRED',
    )
    const oms = { ...manifestStatement(1, [full]), predicateType: 'https://model_signing/signature/v1.0' }
    expect(outcome(signed(oms))).toBe('MANIFEST_TYPE')
  })

  it('needs a fresh beacon, and a counter that it lets through', () => {
    const manifest = json(signedManifest(3, [full]))
    expect(manifestCode(made(), manifest)).toBe('MANIFEST_FROZEN')
    expect(manifestCode(state, manifest, { clock: Date.parse('2026-11-22T11:30:00Z') })).toBe(
      'MANIFEST_FROZEN',
    )
    expect(manifestCode(fresh(signedBeacon({ minimumCounter: 3 })), manifest)).toBe('ok')
    expect(manifestCode(fresh(signedBeacon({ minimumCounter: 4 })), manifest)).toBe('MANIFEST_STALE')
    expect(manifestCode(fresh(signedBeacon({ minimumRoot: 2 })), manifest)).toBe('MANIFEST_FROZEN')
  })

  it('does not take back what it barred, until a new epoch', () => {
    const bundle = sha256('one')
    const barred = accept(
      state,
      signedManifest(1, [slotOf()], { revokedBundles: [bundle], minimumRelease: { other: 7 } }),
    )
    expect(manifestCode(barred, json(signedManifest(2, [full])))).toBe('RELEASE_REVOKED')
    expect(manifestCode(barred, json(signedManifest(2, [full])), { hardware: 'other' })).toBe('ok')
    expect(outcome(signedManifest(2, [full], { revokedBundles: [bundle] }))).toBe('RELEASE_REVOKED')
    expect(outcome(signedManifest(2, [full], { minimumRelease: { quality: 2 } }))).toBe('RELEASE_TOO_OLD')
    expect(accept(barred, signedManifest(2, [slotOf()], { minimumRelease: { other: 3 } })).bars).toEqual({
      ...{ minimumRelease: { other: 7 }, revokedBundles: [bundle] },
    })
  })

  it('refuses a signature by the model key', () => {
    expect(outcome(sign(json(manifestStatement(1, [full])), [modelKey]))).toBe('MANIFEST_SIGNATURE')
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
    const statement = manifestStatement(1, [full, { ...plain, hardware: 'other' }])
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
        const found = outcome(signed(changed))
        // Types are checked before the shape, and what has the right shape may still not be for this device now.
        expect(!['MANIFEST_MALFORMED', 'MANIFEST_TYPE'].includes(found)).toBe(allowed)
      }),
      { numRuns: 2_000 },
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
