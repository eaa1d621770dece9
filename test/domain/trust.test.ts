import { createHash, createPublicKey, verify } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'
import { describe, expect, it } from 'vitest'
import {
  dsseEnvelope,
  type ManifestSlot,
  fleetManifest as manifestContract,
} from '../../src/contracts/manifest.ts'
import { freshnessBeacon } from '../../src/domain/trust/beacon.ts'
import { preAuthenticationEncoding, signEnvelope } from '../../src/domain/trust/dsse.ts'
import { fleetManifest } from '../../src/domain/trust/manifest.ts'
import { omsStatement, publicKeyPem, signBundle } from '../../src/domain/trust/oms.ts'
import {
  initialState,
  pinnedKey,
  Refusal,
  readRoot,
  verifyBeacon,
  verifyManifest,
  verifyOmsBundle,
} from '../../verifier/index.ts'
import { json, signedRoot } from '../device/helpers.ts'

/** The P-256 test key of RFC 6979, A.2.5; signatures are deterministic as that document describes. */
const SECRET = Buffer.from('C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721', 'hex')
const sign = async (digest: Uint8Array) =>
  p256.sign(digest, SECRET, { prehash: false, lowS: false, format: 'der' })
const point = Buffer.from(p256.getPublicKey(SECRET, false))
const publicKey = createPublicKey({
  key: {
    kty: 'EC',
    crv: 'P-256',
    x: point.subarray(1, 33).toString('base64url'),
    y: point.subarray(33).toString('base64url'),
  },
  format: 'jwk',
})
const spki = publicKey.export({ type: 'spki', format: 'der' })
const pinned = pinnedKey(publicKeyPem(spki))

/** Any outcome but a refusal or broken JSON is a hole. */
function refused(run: () => unknown): boolean {
  try {
    run()
    return false
  } catch (error) {
    if (error instanceof Refusal || error instanceof SyntaxError) return true
    throw error
  }
}
function* flips(bytes: Uint8Array): Generator<Uint8Array> {
  for (let at = 0; at < bytes.byteLength; at++) {
    for (const bit of [0x01, 0x20, 0x80]) {
      const copy = Uint8Array.from(bytes)
      copy[at] = (copy[at] as number) ^ bit
      yield copy
    }
  }
}

describe('OMS bundle', () => {
  const files = [
    { name: 'weights/w.bin', bytes: Buffer.of(0, 1, 2, 3) },
    { name: 'weights.txt', bytes: Buffer.from('w\n') },
    { name: 'config.json', bytes: Buffer.from('{"a":1}\n') },
  ]
  it('reproduces the worked example byte for byte, up to the signature', async () => {
    const statement = omsStatement('model', files)
    expect(statement.toString()).toBe(
      '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"model","digest":{"sha256":"1ce8b7d4378b910e6f7d35ddbc218bc0f885c6422a17d3e4caaaa13f4359b6d9"}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":[".git",".gitattributes",".github",".gitignore"]},"resources":[{"name":"config.json","algorithm":"sha256","digest":"e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c"},{"name":"weights.txt","algorithm":"sha256","digest":"cf945b5236e101dbe0471d5200f28b1ae64f21c1f35bf55fcf40cd0fe42cd8e7"},{"name":"weights/w.bin","algorithm":"sha256","digest":"054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"}]}}',
    )
    expect(statement.byteLength).toBe(747)
    const pae = preAuthenticationEncoding(statement)
    expect(pae.subarray(0, 44).toString()).toBe('DSSEv1 28 application/vnd.in-toto+json 747 {')
    expect(createHash('sha256').update(pae).digest('hex')).toBe(
      '0d5cc61848382c9add417895a111b4034ed5ff835c7ed8c03d376b0d8854a40d',
    )
    const bytes = await signBundle('model', files, spki, sign)
    expect(bytes.byteLength).toBe(1395)
    const bundle = JSON.parse(bytes.toString()) as {
      verificationMaterial: { publicKey: { hint: string } }
      dsseEnvelope: { signatures: [{ sig: string; keyid: string }] }
    }
    expect(bundle.verificationMaterial.publicKey.hint).toBe(
      '4975c03dd2ad43f3803bf943ca231389c41f26352bf098c930568797eff44dcc',
    )
    const [{ sig, keyid }] = bundle.dsseEnvelope.signatures
    expect(keyid).toBe('')
    expect(sig).toBe(
      'MEUCIQCN1vQm3g7owp7r0I7bm3hpPbzVzPGbRiEnFf3yw8RhjAIgAZj9fYAxhMJyhIlRHnGWxSON3f+nuHWQKsLkoFYOxgI=',
    )
    expect(verify('sha256', pae, publicKey, Buffer.from(sig, 'base64'))).toBe(true)
  })

  it('sorts names by code point, also where JavaScript would not', () => {
    const names = ['\u{1f600}', '\uffee', 'a/b', 'a.b', 'a-b', 'B']
    const made = omsStatement(
      'm',
      names.map(name => ({ name, bytes: Buffer.from(name) })),
    )
    const { predicate } = JSON.parse(made.toString()) as { predicate: { resources: { name: string }[] } }
    expect(predicate.resources.map(r => r.name)).toEqual(['B', 'a-b', 'a.b', 'a/b', '\uffee', '\u{1f600}'])
  })

  it('is accepted by the device, and refused after a change of any byte', async () => {
    const bytes = await signBundle('model', files, spki, sign)
    expect(verifyOmsBundle(bytes, pinned).map(f => f.name)).toEqual([
      'config.json',
      'weights.txt',
      'weights/w.bin',
    ])
    let tried = 0
    for (const changed of flips(bytes)) {
      tried++
      if (!refused(() => verifyOmsBundle(changed, pinned)))
        throw new Error(`accepted: ${Buffer.from(changed).toString()}`)
    }
    expect(tried).toBe(3 * 1395)
  })
})

describe('fleet manifest', () => {
  const release = (version: number) => ({
    model: 'm',
    version,
    runtime: 'edgeloop-wasm',
    bundle: { sha256: String(version).repeat(64), length: 10 },
    package: { sha256: 'b'.repeat(64), length: 20 },
  })
  const slots: ManifestSlot[] = [
    {
      slot: 's',
      hardware: 'board',
      committed: release(1),
      candidate: {
        rollout: 'm-v2',
        release: release(2),
        seed: 'seed',
        exposure: 0.125,
        control: 0.125,
        mode: 'active',
      },
      pins: { 'thing:1': '1'.repeat(64) },
    },
  ]
  const issued = new Date('2026-11-21T12:00:00Z')
  const bars = { minimumRelease: { m: 1 }, revokedBundles: [] }
  const make = (counter: number, list = slots) =>
    fleetManifest({ fleet: 'plant', epoch: 1, counter, issued, slots: list, bars })
  const checks = {
    ...{ fleet: 'plant', hardware: 'board', runtimes: ['edgeloop-wasm'], slots: ['s'] },
    clock: issued.getTime(),
  }
  const beacon = async (minimumCounter: number) =>
    json(
      await signEnvelope(
        json(freshnessBeacon({ fleet: 'plant', epoch: 1, minimumCounter, minimumRoot: 1, issued })),
        sign,
        pinned.hint,
      ),
    )
  const key = { privateKey: publicKey, pem: '', hint: pinned.hint }
  const made = initialState(readRoot(json(signedRoot({ deployment: [key] }))))

  it('fits its contract, names every bundle once, and has a subject even when nothing is released', () => {
    const manifest = make(4, [...slots, { ...(slots[0] as ManifestSlot), hardware: 'tablet' }])
    expect(manifestContract.parse(manifest)).toEqual(manifest)
    expect(manifest.subject.map(s => s.name)).toEqual(['fleet/plant', 'm@1', 'm@2'])
    expect(manifest.predicate.expires).toBe('2027-11-21T12:00:00.000Z')
    const bare: ManifestSlot = { slot: 's', hardware: 'board', committed: null, candidate: null, pins: {} }
    expect(make(1, [bare]).subject).toHaveLength(1)
  })

  it('is accepted by the device once, behind its beacon, and refused when it is for others or without a key id', async () => {
    const bytes = json(make(7))
    const envelope = await signEnvelope(bytes, sign, pinned.hint)
    expect(dsseEnvelope.parse(envelope)).toEqual(envelope)
    const fresh = verifyBeacon(made, await beacon(7), checks)
    const first = verifyManifest(fresh, json(envelope), checks)
    if (first.kind !== 'new') throw new Error('not new')
    expect(first.manifest).toEqual(make(7).predicate)
    expect(verifyManifest(first.state, json(envelope), checks).kind).toBe('duplicate')
    const code = (value: unknown, over: object = {}) => {
      try {
        return verifyManifest(fresh, json(value), { ...checks, ...over }).kind
      } catch (error) {
        return (error as Refusal).code
      }
    }
    expect(code(envelope, { fleet: 'other' })).toBe('MANIFEST_AUDIENCE')
    expect(code(envelope, { clock: issued.getTime() + 366 * 86_400_000 })).toBe('MANIFEST_EXPIRED')
    expect(code(await signEnvelope(json(make(6)), sign, pinned.hint))).toBe('MANIFEST_STALE')
    expect(code(await signEnvelope(bytes, sign))).toBe('MANIFEST_MALFORMED')
  })
})
