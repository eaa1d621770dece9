/**
 * Every position of every signed document, changed, cut or doubled: refused, with the reason that fits. All positions
 * are tried, none is sampled.
 */
import { describe, expect, it } from 'vitest'
import { openChain, verifyManifest, verifyPackage, walkChain } from '../../verifier/index.ts'
import { pinnedKey } from '../../verifier/key.ts'
import {
  json,
  makePackage,
  modelKey,
  rootKeys,
  rootStatement,
  sha256,
  signed,
  signedBeacon,
  signedManifest,
  signingKey,
  slotOf,
} from '../device/helpers.ts'
import { beaconCode, chainCode, chainOf, checks, code, fresh, link, made, manifestCode } from './support.ts'

const made1 = makePackage()
const [alice, bob, carol] = rootKeys
const dave = signingKey()

const manifest = json(
  signedManifest(1, [
    slotOf({
      committed: made1.release,
      candidate: {
        ...{ rollout: 'r1', release: { ...made1.release, version: 2 }, seed: 's' },
        ...{ exposure: 0.5, control: 0.25, mode: 'shadow' as const },
      },
      pins: { 'cam:1': made1.release.bundle.sha256 },
    }),
  ]),
)
const beacon = json(signedBeacon())
const links = [
  signed(json(rootStatement(link(1))), [alice, bob]),
  signed(json(rootStatement(link(2, { root: [alice, carol, dave] }))), [alice, carol]),
  signed(json(rootStatement(link(3, { root: [alice, carol, dave] }))), [carol, dave]),
]
const chain = chainOf(...links)
const trusted = made(json(links[0]))
const young = made()
const state = fresh()
const release = made1.release
const modelKeys = new Map([[modelKey.hint, pinnedKey(modelKey.pem)]])
const packageCode = (bundle: Uint8Array, archive: Uint8Array): string =>
  code(() => verifyPackage({ bundle, archive, release, slot: 'quality', hardware: 'edge', modelKeys }))

interface Document {
  readonly bytes: Buffer
  readonly check: (bytes: Uint8Array) => string
  readonly reasons: readonly string[]
}
const documents: Readonly<Record<string, Document>> = {
  manifest: {
    bytes: manifest,
    check: bytes => manifestCode(state, bytes),
    reasons: ['MANIFEST_MALFORMED', 'MANIFEST_SIGNATURE'],
  },
  beacon: {
    bytes: beacon,
    check: bytes => beaconCode(young, bytes),
    reasons: ['BEACON_MALFORMED', 'BEACON_SIGNATURE'],
  },
  'trust chain': {
    bytes: chain,
    check: bytes => chainCode(trusted, bytes),
    // A link whose version is changed does not follow; one whose keys are changed is signed by too few.
    reasons: [
      'ROOT_MALFORMED',
      'ROOT_SIGNATURE',
      'ROOT_TYPE',
      'ROOT_VERSION',
      'ROOT_EPOCH',
      'ROOT_EQUIVOCATION',
    ],
  },
  bundle: {
    bytes: Buffer.from(made1.bundle),
    check: bytes => packageCode(bytes, made1.archive),
    reasons: ['BUNDLE_DIGEST'],
  },
  package: {
    bytes: Buffer.from(made1.archive),
    check: bytes => packageCode(made1.bundle, bytes),
    reasons: ['PACKAGE_DIGEST', 'PACKAGE_LENGTH'],
  },
}
/** What follows on a changed byte when the digest over the whole is changed with it: whoever signs manifests can. */
const renamed = (bundle: Uint8Array, archive: Uint8Array): string => {
  const digest = (bytes: Uint8Array) => ({ sha256: sha256(bytes), length: bytes.byteLength })
  const named = { ...release, bundle: digest(bundle), package: digest(archive) }
  return code(() =>
    verifyPackage({ bundle, archive, release: named, slot: 'quality', hardware: 'edge', modelKeys }),
  )
}

function everyFlip(
  bytes: Buffer,
  masks: readonly number[],
  check: (changed: Buffer, at: number) => void,
): void {
  const changed = Buffer.from(bytes)
  for (let at = 0; at < bytes.byteLength; at++) {
    for (const mask of masks) {
      changed[at] = (bytes[at] as number) ^ mask
      check(changed, at)
    }
    changed[at] = bytes[at] as number
  }
}
const BITS = [1, 2, 4, 8, 16, 32, 64, 128]

describe.each(Object.entries(documents))('%s', (_, { bytes, check, reasons }) => {
  it('holds as it is', () => {
    expect(check(bytes)).toBe('ok')
  })

  it('is refused with any byte changed', () => {
    const wrong: string[] = []
    // All eight bits of the small ones; of the large ones one bit of each byte, another one from byte to byte.
    const every = bytes.byteLength < 4_096
    everyFlip(bytes, every ? BITS : [0], (changed, at) => {
      if (!every) changed[at] = (bytes[at] as number) ^ (BITS[at % 8] as number)
      const found = check(changed)
      if (!reasons.includes(found)) wrong.push(`byte ${at}: ${found}`)
    })
    expect(wrong).toEqual([])
  })

  it('is refused when cut anywhere, doubled, or with anything behind it', () => {
    const wrong: string[] = []
    const step = bytes.byteLength < 4_096 ? 1 : 7
    for (let length = 0; length < bytes.byteLength; length += step) {
      const found = check(bytes.subarray(0, length))
      if (found === 'ok' || !/_(MALFORMED|LENGTH|DIGEST)$/.test(found))
        wrong.push(`${length} bytes: ${found}`)
    }
    expect(wrong).toEqual([])
    for (const more of [bytes, Buffer.from('x'), Buffer.from('{}'), Buffer.alloc(1)])
      expect(check(Buffer.concat([bytes, more]))).toMatch(/_(MALFORMED|LENGTH|DIGEST)$/)
  })
})

describe('a package of whoever holds the deployment key alone', () => {
  it('is refused with any byte of the bundle changed', () => {
    const wrong: string[] = []
    everyFlip(Buffer.from(made1.bundle), BITS, (changed, at) => {
      const found = renamed(changed, made1.archive)
      if (!/^BUNDLE_(MALFORMED|SIGNATURE|CONTENT)$/.test(found)) wrong.push(`byte ${at}: ${found}`)
    })
    expect(wrong).toEqual([])
  })

  it('is refused with any byte of the archive changed', () => {
    const wrong: string[] = []
    const accepted: number[] = []
    const good = Buffer.from(made1.archive)
    everyFlip(good, [0], (changed, at) => {
      changed[at] = (good[at] as number) ^ (BITS[at % 8] as number)
      const found = renamed(made1.bundle, changed)
      if (found === 'ok') accepted.push(at)
      else if (!/^PACKAGE_(ARCHIVE|CONTENT|CONTRACT)$/.test(found)) wrong.push(`byte ${at}: ${found}`)
    })
    expect(wrong).toEqual([])
    expect(accepted).toEqual([])
  })
})

describe('documents that are mixed', () => {
  const inner = (bytes: Buffer) => JSON.parse(bytes.toString()) as { payload: string; signatures: unknown[] }

  it('do not lend each other their signatures', () => {
    const [m, b] = [inner(manifest), inner(beacon)]
    const other = inner(json(signedManifest(2, [slotOf()])))
    expect(manifestCode(state, json({ ...m, signatures: b.signatures }))).toBe('MANIFEST_SIGNATURE')
    expect(manifestCode(state, json({ ...m, signatures: other.signatures }))).toBe('MANIFEST_SIGNATURE')
    expect(beaconCode(made(), json({ ...b, signatures: m.signatures }))).toBe('BEACON_SIGNATURE')
    expect(manifestCode(state, json({ ...m, signatures: [...m.signatures, ...m.signatures] }))).toBe(
      'MANIFEST_MALFORMED',
    )
  })

  it('do not stand in for each other', () => {
    expect(manifestCode(state, beacon)).toBe('MANIFEST_TYPE')
    expect(beaconCode(made(), manifest)).toBe('BEACON_TYPE')
    expect(manifestCode(state, json(links[1]))).toBe('MANIFEST_MALFORMED')
    expect(manifestCode(state, json(signed(json(rootStatement()), [alice])))).toBe('MANIFEST_SIGNATURE')
    const bundle = JSON.parse(made1.bundle.toString()) as { dsseEnvelope: object }
    // An OMS envelope names no key; given one, it is still by the wrong one.
    expect(manifestCode(state, json(bundle.dsseEnvelope))).toBe('MANIFEST_MALFORMED')
    expect(chainCode(trusted, manifest)).toBe('ROOT_MALFORMED')
    expect(code(() => walkChain(trusted, [manifest]))).toBe('ROOT_TYPE')
    expect(manifestCode(state, chain)).toBe('MANIFEST_MALFORMED')
    expect(openChain(chain)).toHaveLength(3)
    expect(verifyManifest(state, manifest, checks).kind).toBe('new')
  })

  it('of two packages do not make a third', () => {
    const two = makePackage({ version: 2, lift: 0.5 })
    expect(packageCode(two.bundle, made1.archive)).toBe('BUNDLE_DIGEST')
    expect(packageCode(made1.bundle, two.archive)).toMatch(/^PACKAGE_/)
    expect(renamed(made1.bundle, two.archive)).toBe('PACKAGE_CONTENT')
    expect(renamed(two.bundle, two.archive)).toBe('PACKAGE_CONTRACT')
  })
})
