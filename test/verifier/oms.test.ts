import { createPublicKey, generateKeyPairSync } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { pae } from '../../verifier/dsse.ts'
import { pinnedKey } from '../../verifier/key.ts'
import { verifyOmsBundle } from '../../verifier/oms.ts'
import { Refusal } from '../../verifier/refusal.ts'
import {
  envelope,
  json,
  modelKey,
  omsBundle,
  omsStatement,
  rootDigest,
  sha256,
  signingKey,
} from '../device/helpers.ts'

const pinned = pinnedKey(modelKey.pem)
const files = [
  { name: 'baseline.json', bytes: Buffer.from('{}') },
  { name: 'contract.json', bytes: Buffer.from('{"a":1}') },
  { name: 'model.wasm', bytes: Buffer.from([0, 97, 115, 109]) },
]
type Statement = ReturnType<typeof omsStatement>
const codeOf = (bytes: Uint8Array, key = pinned): string => {
  try {
    verifyOmsBundle(bytes, key)
    return 'accepted'
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    return error.code
  }
}
const withStatement = (edit: (statement: Statement & Record<string, unknown>) => void): Uint8Array => {
  const statement = structuredClone(omsStatement(files))
  edit(statement as Statement & Record<string, unknown>)
  return json(omsBundle(statement))
}
const withBundle = (edit: (bundle: Record<string, unknown>) => void): Uint8Array => {
  const bundle = omsBundle(omsStatement(files)) as unknown as Record<string, unknown>
  edit(bundle)
  return json(bundle)
}
const reroot = (statement: Statement): void => {
  statement.subject[0]!.digest.sha256 = rootDigest(statement.predicate.resources)
}

describe('OMS bundle verification', () => {
  it('verifies the worked example, whose signature is by the P-256 test key of RFC 6979 A.2.5', () => {
    const x = '60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6'
    const y = '7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299'
    const b64 = (hex: string) => Buffer.from(hex, 'hex').toString('base64url')
    const key = pinnedKey(
      createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: b64(x), y: b64(y) }, format: 'jwk' })
        .export({ type: 'spki', format: 'pem' })
        .toString(),
    )
    const payload = Buffer.from(
      '{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"model","digest":{"sha256":"1ce8b7d4378b910e6f7d35ddbc218bc0f885c6422a17d3e4caaaa13f4359b6d9"}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"files","hash_type":"sha256","allow_symlinks":false,"ignore_paths":[".git",".gitattributes",".github",".gitignore"]},"resources":[{"name":"config.json","algorithm":"sha256","digest":"e346432021b04179518d9614f3560ccd71354a4ee101ddcb893d6959a9d6301c"},{"name":"weights.txt","algorithm":"sha256","digest":"cf945b5236e101dbe0471d5200f28b1ae64f21c1f35bf55fcf40cd0fe42cd8e7"},{"name":"weights/w.bin","algorithm":"sha256","digest":"054edec1d0211f624fed0cbca9d4f9400b0e491c43742af2c5b0abebf0c990d8"}]}}',
    )
    const payloadType = 'application/vnd.in-toto+json'
    expect(payload.byteLength).toBe(747)
    expect(sha256(pae(payloadType, payload))).toBe(
      '0d5cc61848382c9add417895a111b4034ed5ff835c7ed8c03d376b0d8854a40d',
    )
    expect(key.hint).toBe('4975c03dd2ad43f3803bf943ca231389c41f26352bf098c930568797eff44dcc')
    const bundle = json({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: key.hint }, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType,
        signatures: [
          {
            sig: 'MEUCIQCN1vQm3g7owp7r0I7bm3hpPbzVzPGbRiEnFf3yw8RhjAIgAZj9fYAxhMJyhIlRHnGWxSON3f+nuHWQKsLkoFYOxgI=',
            keyid: '',
          },
        ],
      },
    })
    expect(bundle.byteLength).toBe(1395)
    expect(verifyOmsBundle(bundle, key).map(file => file.name)).toEqual([
      'config.json',
      'weights.txt',
      'weights/w.bin',
    ])
    expect(codeOf(bundle, pinned)).toBe('BUNDLE_SIGNATURE')
  })

  it('accepts the spellings that the format allows', () => {
    expect(codeOf(withStatement(() => undefined))).toBe('accepted')
    expect(codeOf(Buffer.from(JSON.stringify(omsBundle(omsStatement(files)), null, 2)))).toBe('accepted')
    expect(
      codeOf(
        withBundle(b => {
          b['verificationMaterial'] = { publicKey: {}, timestampVerificationData: {} }
        }),
      ),
    ).toBe('accepted')
    expect(
      codeOf(
        withBundle(b => {
          const { signatures } = b['dsseEnvelope'] as { signatures: { keyid?: unknown }[] }
          signatures[0]!.keyid = null
        }),
      ),
    ).toBe('accepted')
  })

  it.each<[string, string, (statement: Statement & Record<string, unknown>) => void]>([
    [
      'another predicate type',
      'BUNDLE_CONTENT',
      s => {
        s.predicateType = 'https://edgeloop.dev/fleet-manifest/v1'
      },
    ],
    ['two subjects', 'BUNDLE_CONTENT', s => void s.subject.push(s.subject[0]!)],
    [
      'no subject',
      'BUNDLE_CONTENT',
      s => {
        s.subject = []
      },
    ],
    [
      'a wrong root digest',
      'BUNDLE_CONTENT',
      s => {
        s.subject[0]!.digest.sha256 = '0'.repeat(64)
      },
    ],
    [
      'unsorted names',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.resources.reverse()
        reroot(s)
      },
    ],
    [
      'a name twice',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.resources.push(s.predicate.resources[2]!)
        reroot(s)
      },
    ],
    [
      'no resources',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.resources = []
        reroot(s)
      },
    ],
    [
      'an ignored folder',
      'BUNDLE_CONTENT',
      s => void s.predicate.serialization.ignore_paths.splice(0, 1, 'hidden'),
    ],
    [
      'symlinks',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.serialization.allow_symlinks = true
      },
    ],
    [
      'shards',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.serialization.method = 'shards'
      },
    ],
    [
      'another hash',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.serialization.hash_type = 'blake2b'
      },
    ],
    [
      'another file hash',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.resources[0]!.algorithm = 'blake3'
      },
    ],
    [
      'upper-case hex',
      'BUNDLE_CONTENT',
      s => {
        s.predicate.resources[0]!.digest = 'A'.repeat(64)
      },
    ],
    [
      'an unknown statement key',
      'BUNDLE_CONTENT',
      s => {
        s['more'] = 1
      },
    ],
    ['an unknown predicate key', 'BUNDLE_CONTENT', s => void Object.assign(s.predicate, { more: 1 })],
    [
      'an unknown resource key',
      'BUNDLE_CONTENT',
      s => void Object.assign(s.predicate.resources[0]!, { more: 1 }),
    ],
  ])('refuses %s, although it is signed', (_, code, edit) => {
    expect(codeOf(withStatement(edit))).toBe(code)
  })

  it.each(['../a', 'a/../b', '/a', './a', 'a//b', 'a/', '.', '', 'a\\b', 'a\0b'])(
    'refuses the file name %j',
    name => {
      const only = { name, bytes: Buffer.from('x') }
      expect(codeOf(json(omsBundle(omsStatement([only]))))).toBe('BUNDLE_CONTENT')
    },
  )

  it('orders names by code point, not by UTF-16 unit', () => {
    const high = { name: '\u{1F600}', bytes: Buffer.from('1') }
    const low = { name: '\uFF61', bytes: Buffer.from('2') }
    expect(codeOf(json(omsBundle(omsStatement([low, high]))))).toBe('accepted')
    expect(codeOf(json(omsBundle(omsStatement([high, low]))))).toBe('BUNDLE_CONTENT')
  })

  it.each<[string, string, (bundle: Record<string, unknown>) => void]>([
    [
      'another media type',
      'BUNDLE_MALFORMED',
      b => {
        b['mediaType'] = 'application/vnd.dev.sigstore.bundle+json;version=0.3'
      },
    ],
    [
      'an unknown key',
      'BUNDLE_MALFORMED',
      b => {
        b['more'] = 1
      },
    ],
    [
      'a hint of another key',
      'BUNDLE_SIGNATURE',
      b => {
        b['verificationMaterial'] = { publicKey: { hint: 'a'.repeat(64) } }
      },
    ],
    [
      'a certificate',
      'BUNDLE_MALFORMED',
      b => {
        b['verificationMaterial'] = { certificate: { rawBytes: '' } }
      },
    ],
    [
      'another payload type',
      'BUNDLE_MALFORMED',
      b => void Object.assign(b['dsseEnvelope'] as object, { payloadType: 'text/plain' }),
    ],
    [
      'two signatures',
      'BUNDLE_MALFORMED',
      b => {
        const e = b['dsseEnvelope'] as { signatures: unknown[] }
        e.signatures.push(e.signatures[0])
      },
    ],
    [
      'no signature',
      'BUNDLE_MALFORMED',
      b => void Object.assign(b['dsseEnvelope'] as object, { signatures: [] }),
    ],
  ])('refuses a bundle with %s', (_, code, edit) => {
    expect(codeOf(withBundle(edit))).toBe(code)
  })

  it('refuses a raw r‖s signature and a signature by another key', () => {
    const raw = omsBundle(omsStatement(files))
    const der = Buffer.from(raw.dsseEnvelope.signatures[0]!.sig, 'base64')
    raw.dsseEnvelope.signatures[0]!.sig = der.subarray(6, 70).toString('base64')
    expect(codeOf(json(raw))).toBe('BUNDLE_SIGNATURE')
    const other = signingKey()
    const forged = {
      ...omsBundle(omsStatement(files)),
      dsseEnvelope: envelope(json(omsStatement(files)), other),
    }
    expect(codeOf(json(forged))).toBe('BUNDLE_SIGNATURE')
  })

  it('refuses a bundle with any one byte changed', () => {
    const good = json(omsBundle(omsStatement(files)))
    void fc.assert(
      fc.property(fc.nat(good.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bad = Buffer.from(good)
        bad[at]! ^= mask
        expect(codeOf(bad)).not.toBe('accepted')
      }),
      { numRuns: 500 },
    )
  })

  it('refuses a payload with any one byte changed', () => {
    const good = omsBundle(omsStatement(files))
    const payload = Buffer.from(good.dsseEnvelope.payload, 'base64')
    void fc.assert(
      fc.property(fc.nat(payload.byteLength - 1), fc.integer({ min: 1, max: 255 }), (at, mask) => {
        const bad = Buffer.from(payload)
        bad[at]! ^= mask
        const dsseEnvelope = { ...good.dsseEnvelope, payload: bad.toString('base64') }
        expect(codeOf(json({ ...good, dsseEnvelope }))).toBe('BUNDLE_SIGNATURE')
      }),
      { numRuns: 300 },
    )
  })

  it('answers any bytes with a refusal, never with another error', () => {
    void fc.assert(
      fc.property(
        fc.oneof(
          fc.uint8Array(),
          fc.json().map(text => Buffer.from(text)),
        ),
        bytes => {
          expect(codeOf(bytes)).toBe('BUNDLE_MALFORMED')
        },
      ),
    )
    expect(codeOf(Buffer.from('['.repeat(100_000)))).toBe('BUNDLE_MALFORMED')
    expect(codeOf(Buffer.alloc(1_048_577, 32))).toBe('BUNDLE_MALFORMED')
  })
})

describe('pinned keys', () => {
  it('takes only P-256 public keys', () => {
    const privatePem = modelKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
    expect(() => pinnedKey(privatePem, 'model key')).toThrow('model key: give the public key')
    expect(() => pinnedKey('nonsense', 'model key')).toThrow('model key: not a public key')
    const other = generateKeyPairSync('ec', { namedCurve: 'P-384' }).publicKey
    const pem = other.export({ type: 'spki', format: 'pem' }).toString()
    expect(() => pinnedKey(pem, 'model key')).toThrow('model key: must be an EC key on P-256')
  })
  it('hints by the re-encoded key, whatever text surrounds it', () => {
    expect(pinnedKey(`some text\n${modelKey.pem}more text\n`).hint).toBe(modelKey.hint)
  })
})
