import { describe, expect, it } from 'vitest'
import { readRoot, rootOf, verifyBeacon, verifyManifest } from '../../verifier/index.ts'
import {
  deploymentKey,
  json,
  modelKey,
  type RootChanges,
  rootKeys,
  rootStatement,
  signed,
  signedBeacon,
  signedManifest,
  signedRoot,
  signingKey,
  slotOf,
} from '../device/helpers.ts'
import {
  beaconCode,
  chainCode,
  chainOf,
  checks,
  code,
  fresh,
  link,
  made,
  manifestCode,
  walk,
} from './support.ts'

const [alice, bob, carol] = rootKeys
const dave = signingKey()
const second = signingKey()
const first = signedRoot()
const root = (changes: RootChanges, by = [alice, bob]) => signed(json(rootStatement(changes)), by)

type Predicate = { roles: Record<string, object>; keys: Record<string, string | undefined> }

describe('trust roots', () => {
  it('are read only when a threshold of their own keys signed them', () => {
    expect(code(() => readRoot(json(root({}, [alice, carol]))))).toBe('ok')
    expect(code(() => readRoot(json(root({}, [alice]))))).toBe('ROOT_SIGNATURE')
    expect(code(() => readRoot(json(root({}, [alice, dave]))))).toBe('ROOT_SIGNATURE')
  })

  it('follow each other when both thresholds signed, and nobody else', () => {
    const keys = [alice, carol, dave]
    const next = (by: (typeof alice)[]) => chainOf(first, root(link(2, { root: keys }), by))
    expect(rootOf(walk(made(), next([alice, carol]))).value.version).toBe(2)
    expect(rootOf(walk(made(), next([alice, bob, carol, dave]))).value.version).toBe(2)
    // Two of the new keys and one of the old; two of the old and one of the new; a stranger beside enough.
    expect(chainCode(made(), next([alice, dave]))).toBe('ROOT_SIGNATURE')
    expect(chainCode(made(), next([alice, bob]))).toBe('ROOT_SIGNATURE')
    expect(chainCode(made(), next([alice, carol, second]))).toBe('ROOT_SIGNATURE')
  })

  it('are walked after any absence, over links that have expired', () => {
    const chain = [1, 2, 3, 4, 5].map(version =>
      root(
        link(version, {
          root: version % 2 ? [alice, bob, carol] : [alice, bob, dave],
          expires: expiryOf(version),
        }),
      ),
    )
    const state = walk(made(json(chain[0])), chainOf(...chain))
    expect(rootOf(state).value.version).toBe(5)
    expect(walk(state, chainOf(...chain))).toBe(state)
    expect(rootOf(walk(walk(made(json(chain[0])), chainOf(chain[1])), chainOf(...chain))).value.version).toBe(
      5,
    )
    expect(chainCode(state, chainOf(...chain.slice(0, 4)))).toBe('ROOT_VERSION')
  })
  const expiryOf = (version: number): string =>
    version < 5 ? '2026-11-02T00:00:00.000Z' : '2099-11-01T00:00:00.000Z'

  it('may not be reordered, doubled, left out or cut', () => {
    const chain = [1, 2, 3, 4].map(version => root(link(version)))
    const given = (...versions: number[]) =>
      chainCode(made(json(chain[1])), chainOf(...versions.map(v => chain[v - 1])))
    expect(given(1, 2, 3, 4)).toBe('ok')
    expect(given(3, 4)).toBe('ok')
    for (const wrong of [[1, 3, 2, 4], [1, 2, 2, 3], [1, 2, 4], [2, 3, 4], [4], [1], [3, 3], [4, 3, 2, 1]])
      expect([wrong, given(...wrong)]).toEqual([wrong, 'ROOT_VERSION'])
    expect(given()).toBe('ROOT_MALFORMED')
  })

  it('of one version are one', () => {
    const other = root({ ...link(1), minimumRelease: { quality: 3 } })
    expect(chainCode(made(json(root(link(1)))), chainOf(other, root(link(2))))).toBe('ROOT_EQUIVOCATION')
    expect(
      chainCode(
        made(json(root(link(2)))),
        chainOf(other, root(link(2, { expires: '2098-01-01T00:00:00Z' }))),
      ),
    ).toBe('ROOT_EQUIVOCATION')
  })

  it('move the epoch by one, and never back', () => {
    const at = made(json(root(link(1, { epoch: 3 }))))
    const next = (epoch: number) => chainCode(at, chainOf(root(link(2, { epoch }))))
    expect([2, 3, 4, 5].map(next)).toEqual(['ROOT_EPOCH', 'ok', 'ok', 'ROOT_EPOCH'])
    expect(chainCode(made(), chainOf(root(link(2, { issued: '2020-01-01T00:00:00Z' }))))).toBe('ROOT_VERSION')
  })

  it('name no key twice, in two roles, or under another id', () => {
    const draft = (edit: (p: Predicate) => void) => {
      const statement = rootStatement() as unknown as { predicate: Predicate }
      edit(statement.predicate)
      return code(() => readRoot(json(signed(json(statement), [alice, bob]))))
    }
    expect(draft(() => undefined)).toBe('ok')
    expect(draft(p => Object.assign(p.roles['model']!, { keyids: [deploymentKey.hint] }))).toBe(
      'ROOT_MALFORMED',
    )
    expect(draft(p => Object.assign(p.roles['model']!, { keyids: [modelKey.hint, modelKey.hint] }))).toBe(
      'ROOT_MALFORMED',
    )
    expect(draft(p => Object.assign(p.keys, { [dave.hint]: p.keys[alice.hint] }))).toBe('ROOT_MALFORMED')
    expect(draft(p => Object.assign(p.keys, { [modelKey.hint]: p.keys[alice.hint] }))).toBe('ROOT_MALFORMED')
    expect(draft(p => Object.assign(p.roles['root']!, { threshold: 0 }))).toBe('ROOT_MALFORMED')
    expect(draft(p => Object.assign(p.roles['root']!, { threshold: 4 }))).toBe('ROOT_MALFORMED')
  })

  it('that have expired let nothing new in', () => {
    const old = made(json(root({ expires: '2026-11-10T00:00:00.000Z' })))
    expect(beaconCode(old, json(signedBeacon()))).toBe('ROOT_EXPIRED')
    const heard = verifyBeacon(
      old,
      json(signedBeacon({ issued: '2026-11-05T00:00:00Z', expires: '2026-11-09T00:00:00Z' })),
      {
        ...checks,
        clock: 0,
      },
    )
    expect(manifestCode(heard, json(signedManifest(1, [slotOf()])))).toBe('ROOT_EXPIRED')
  })
})

describe('a new epoch', () => {
  const thief = deploymentKey
  const opened = root(link(2, { epoch: 2, deployment: [second] }))
  /** The thief bars everything, uses up the counters and turns the clock to the year 2500. */
  const poisoned = () => {
    const late = { issued: '2500-01-01T00:00:00Z', expires: '2500-01-02T00:00:00Z' }
    const beacon = verifyBeacon(made(), json(signedBeacon({ minimumCounter: 900_000, ...late })), checks)
    const verified = verifyManifest(
      beacon,
      json(signedManifest(1_800_000, [slotOf()], { ...late, minimumRelease: { quality: 999_999 } })),
      checks,
    )
    if (verified.kind !== 'new') throw new Error('a duplicate')
    return verified.state
  }

  it('voids the stolen key, its counters, its bars and its clock', () => {
    const before = poisoned()
    expect(beaconCode(before, json(signedBeacon()))).toBe('BEACON_ROLLBACK')
    const after = walk(before, chainOf(first, opened))
    const beacon = signed(Buffer.from(signedBeacon({ epoch: 2, minimumCounter: 4 }).payload, 'base64'), [
      second,
    ])
    const freshAgain = verifyBeacon(after, json(beacon), checks)
    const manifest = signed(Buffer.from(signedManifest(4, [slotOf()], { epoch: 2 }).payload, 'base64'), [
      second,
    ])
    expect(manifestCode(freshAgain, json(manifest))).toBe('ok')
    expect(freshAgain.bars).toEqual({ minimumRelease: {}, revokedBundles: [] })
    for (const key of [thief]) {
      expect(manifestCode(freshAgain, json(signed(Buffer.from(manifest.payload, 'base64'), [key])))).toBe(
        'MANIFEST_SIGNATURE',
      )
      expect(
        beaconCode(freshAgain, json(signedBeacon({ epoch: 2, issued: '2026-11-21T11:59:00Z' }, key))),
      ).toBe('BEACON_SIGNATURE')
    }
  })

  it('keeps the bars of the offline keys', () => {
    const barring = root(link(2, { epoch: 2, deployment: [second], minimumRelease: { quality: 2 } }))
    const after = verifyBeacon(
      walk(fresh(), chainOf(first, barring)),
      json(signed(Buffer.from(signedBeacon({ epoch: 2 }).payload, 'base64'), [second])),
      checks,
    )
    const committed = {
      ...{ model: 'quality', version: 1, runtime: 'edgeloop-wasm' },
      ...{ bundle: { sha256: 'a'.repeat(64), length: 1 }, package: { sha256: 'b'.repeat(64), length: 1 } },
    }
    const manifest = signedManifest(4, [slotOf({ committed })], { epoch: 2 })
    expect(manifestCode(after, json(signed(Buffer.from(manifest.payload, 'base64'), [second])))).toBe(
      'RELEASE_TOO_OLD',
    )
  })
})
