import { describe, expect, it } from 'vitest'
import { type ModelFiles, omsKey, verifyModel } from '../../verifier/model.ts'
import { verifyOmsBundle } from '../../verifier/oms.ts'
import { Refusal } from '../../verifier/refusal.ts'
import {
  type Bundle,
  bundleOf,
  keyOn,
  rootOf,
  type Statement,
  sha256,
  statementOf,
  type Tree,
} from './support.ts'

/**
 * Where a bundle is not as the specification would have it: what `verifyModel` does, which follows the specification
 * and the conformance suite, and what a device does, which accepts only what our own signer could have made.
 */
const key = keyOn('P-256')
const FILES: Tree = { 'a.bin': '1', 'b/c.bin': '2' }
const DEFAULTS = ['.git', '.gitattributes', '.github', '.gitignore']

const inMemory = (files: Tree): ModelFiles => ({
  list: ignored => Object.keys(files).filter(name => !ignored(name)),
  sha256: name => sha256(files[name]!),
})
const outcome = (run: () => unknown): string => {
  try {
    run()
    return 'accepts'
  } catch (error) {
    if (error instanceof Refusal) return error.code
    throw error
  }
}
const bytes = (bundle: object) => Buffer.from(JSON.stringify(bundle))
const openly = (bundle: object, files: Tree, signer = key): string =>
  outcome(() => verifyModel(bytes(bundle), omsKey(signer.pem), inMemory(files)))
const onDevice = (bundle: object, signer = key): string =>
  outcome(() => verifyOmsBundle(bytes(bundle), omsKey(signer.pem)))

const stating = (edit: (s: Statement) => void, files: Tree = FILES): Bundle => {
  const statement = statementOf(files, DEFAULTS)
  edit(statement)
  return bundleOf(statement, key)
}
const reroot = (s: Statement): void => {
  s.subject[0]!.digest['sha256'] = rootOf(s.predicate.resources)
}
const changed = (edit: (b: Bundle) => void): Bundle => {
  const bundle = stating(() => undefined)
  edit(bundle)
  return bundle
}
const material = (value: Record<string, unknown>): Bundle =>
  changed(b => {
    b.verificationMaterial = value
  })
/** The two integers of a DER signature side by side, as WebCrypto and JOSE write them. */
function rawSignature(b: Bundle): void {
  const der = Buffer.from(b.dsseEnvelope.signatures[0]!.sig, 'base64')
  const r = der.subarray(4, 4 + der[3]!)
  const s = der.subarray(6 + der[3]!)
  const fixed = [r, s].map(i => Buffer.concat([Buffer.alloc(32), i]).subarray(-32))
  b.dsseEnvelope.signatures[0]!.sig = Buffer.concat(fixed).toString('base64')
}
const spki = Buffer.from(key.pem.replace(/-----[A-Z ]+-----/g, ''), 'base64')
const many: Tree = Object.fromEntries(Array.from({ length: 1025 }, (_, i) => [`f${1000 + i}`, String(i)]))

interface Row {
  readonly what: string
  readonly bundle: Bundle
  readonly open: string
  readonly device: string
  readonly files?: Tree
}
const rows: readonly Row[] = [
  // Spellings that both take.
  { what: 'nothing unusual', bundle: stating(() => undefined), open: 'accepts', device: 'accepts' },
  {
    what: 'indented payload',
    bundle: bundleOf(null, key, JSON.stringify(statementOf(FILES, DEFAULTS), null, 2)),
    open: 'accepts',
    device: 'accepts',
  },
  {
    what: 'no tlogEntries, empty timestamp data',
    bundle: material({ publicKey: { hint: key.hint }, timestampVerificationData: {} }),
    open: 'accepts',
    device: 'accepts',
  },
  ...[null, undefined].map(keyid => ({
    what: `keyid ${keyid === null ? 'null' : 'absent'}`,
    bundle: changed(b => {
      if (keyid === null) b.dsseEnvelope.signatures[0]!.keyid = null
      else delete b.dsseEnvelope.signatures[0]!.keyid
    }),
    open: 'accepts',
    device: 'accepts',
  })),
  {
    what: 'no ignore_paths',
    bundle: bundleOf(statementOf(FILES), key),
    open: 'accepts',
    device: 'accepts',
  },

  // What the specification allows, or the reference verifier accepts, and a device does not.
  {
    what: 'the order of the reference signer, a/b before a-b',
    bundle: bundleOf(statementOf({ 'a/b': '1', 'a-b': '2' }, DEFAULTS), key),
    files: { 'a/b': '1', 'a-b': '2' },
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'ignore_paths that hide a folder',
    bundle: stating(s => {
      s.predicate.serialization['ignore_paths'] = [...DEFAULTS, 'hidden']
    }),
    files: { ...FILES, 'hidden/payload.so': 'x' },
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'an unknown key in a resource',
    bundle: stating(s => void Object.assign(s.predicate.resources[0]!, { mediaType: 'text/plain' })),
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'an unknown key in the subject',
    bundle: stating(s => void Object.assign(s.subject[0]!, { uri: 'model:1' })),
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'a second digest of the subject',
    bundle: stating(s => {
      s.subject[0]!.digest['sha512'] = 'ab'
    }),
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'rawBytes in place of a hint',
    bundle: material({ publicKey: { rawBytes: 'AAAA', keyDetails: 'PKIX_ECDSA_P256_SHA_256' } }),
    open: 'accepts',
    device: 'BUNDLE_MALFORMED',
  },
  {
    what: 'a transparency log entry',
    bundle: material({ publicKey: { hint: key.hint }, tlogEntries: [{ logIndex: '1' }] }),
    open: 'accepts',
    device: 'BUNDLE_MALFORMED',
  },
  {
    what: 'an empty hint',
    bundle: material({ publicKey: { hint: '' } }),
    open: 'accepts',
    device: 'BUNDLE_MALFORMED',
  },
  ...['a\\b', 'tab\tname', 'del\u007f'].map(name => ({
    what: `the file name ${JSON.stringify(name)}`,
    bundle: bundleOf(statementOf({ [name]: '1' }, DEFAULTS), key),
    files: { [name]: '1' },
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  })),
  {
    what: '1025 files',
    bundle: bundleOf(statementOf(many, DEFAULTS), key),
    files: many,
    open: 'accepts',
    device: 'BUNDLE_CONTENT',
  },

  // What neither takes, although the reference verifier takes the first five.
  {
    what: 'a name twice, the bad digest first',
    bundle: stating(s => {
      s.predicate.resources.unshift({ ...s.predicate.resources[0]!, digest: sha256('bogus') })
      reroot(s)
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'a second signature of garbage',
    bundle: changed(b => void b.dsseEnvelope.signatures.push({ sig: 'AAAA', keyid: '' })),
    open: 'BUNDLE_MALFORMED',
    device: 'BUNDLE_MALFORMED',
  },
  {
    what: 'an unknown key in the predicate',
    bundle: stating(s => void Object.assign(s.predicate, { deployment: {} })),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'an unknown key in the statement',
    bundle: stating(s => void Object.assign(s, { more: 1 })),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'upper-case hex',
    bundle: stating(s => {
      s.predicate.resources[0]!.digest = s.predicate.resources[0]!.digest.toUpperCase()
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'a wrong root digest',
    bundle: stating(s => {
      s.subject[0]!.digest['sha256'] = sha256('')
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'two subjects',
    bundle: stating(s => void s.subject.push(s.subject[0]!)),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  {
    what: 'a subject without a name',
    bundle: stating(s => {
      s.subject[0]!.name = ''
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  ...(
    [
      ['method', 'shards'],
      ['hash_type', 'blake3'],
      ['allow_symlinks', true],
      ['shard_size', 1_000],
    ] as const
  ).map(([field, value]) => ({
    what: `serialization.${field} ${value}`,
    bundle: stating(s => {
      s.predicate.serialization[field] = value
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  })),
  {
    what: 'another algorithm of one file',
    bundle: stating(s => {
      s.predicate.resources[0]!.algorithm = 'blake2b'
    }),
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  },
  ...['../a', 'b/../a', '/a', './a', 'b//a', 'a/', ''].map(name => ({
    what: `the file name ${JSON.stringify(name)}`,
    bundle: bundleOf(statementOf({ [name]: '1' }, DEFAULTS), key),
    files: { [name]: '1' },
    open: 'BUNDLE_CONTENT',
    device: 'BUNDLE_CONTENT',
  })),
  {
    what: 'a hint of another key',
    bundle: material({ publicKey: { hint: sha256('another') } }),
    open: 'BUNDLE_SIGNATURE',
    device: 'BUNDLE_SIGNATURE',
  },
  {
    what: "Sigstore's usual hint, base64 of the DER's hash",
    bundle: material({ publicKey: { hint: Buffer.from(sha256(spki), 'hex').toString('base64') } }),
    open: 'BUNDLE_SIGNATURE',
    device: 'BUNDLE_SIGNATURE',
  },
  {
    what: 'a raw r‖s signature',
    bundle: changed(rawSignature),
    open: 'BUNDLE_SIGNATURE',
    device: 'BUNDLE_SIGNATURE',
  },
  {
    what: 'an unknown key in the bundle',
    bundle: changed(b => void Object.assign(b, { more: 1 })),
    open: 'BUNDLE_MALFORMED',
    device: 'BUNDLE_MALFORMED',
  },
  {
    what: 'the other spelling of the media type',
    bundle: changed(b => {
      b.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3'
    }),
    open: 'BUNDLE_MALFORMED',
    device: 'BUNDLE_MALFORMED',
  },
]

describe('profiles of the OMS verifier', () => {
  it.each(rows)('$what: open $open, device $device', ({ bundle, open, device, files = FILES }) => {
    expect(openly(bundle, files)).toBe(open)
    expect(onDevice(bundle)).toBe(device)
  })

  it.each(['P-384', 'P-521'] as const)(
    '%s: open accepts, a device refuses even if it is handed the key',
    curve => {
      const signer = keyOn(curve)
      const bundle = bundleOf(statementOf(FILES, DEFAULTS), signer)
      expect(openly(bundle, FILES, signer)).toBe('accepts')
      expect(onDevice(bundle, signer)).toBe('BUNDLE_SIGNATURE')
    },
  )

  it('an ignored path covers what lies below it and nothing that only starts the same', () => {
    const hiding = (...paths: string[]) =>
      stating(s => {
        s.predicate.serialization['ignore_paths'] = paths
      })
    expect(openly(hiding('x'), { ...FILES, 'x/y/z': '' })).toBe('accepts')
    expect(openly(hiding('x'), { ...FILES, xy: '' })).toBe('PACKAGE_CONTENT')
    expect(openly(hiding('x'), { ...FILES, 'b/x': '' })).toBe('PACKAGE_CONTENT')
    expect(openly(hiding('*', '.', '/', 'x*'), { ...FILES, xy: '' })).toBe('PACKAGE_CONTENT')
    expect(openly(hiding(), { ...FILES, '.git/config': '' })).toBe('accepts')
    expect(openly(hiding('a.bin'), FILES)).toBe('PACKAGE_CONTENT')
    expect(openly(hiding(''), FILES)).toBe('BUNDLE_CONTENT')
  })

  it('refuses a file name that is not text, although JSON can spell it', () => {
    const bundle = bundleOf(statementOf({ '\ud800': '1' }, DEFAULTS), key)
    expect(openly(bundle, { '\ud800': '1' })).toMatch(/^BUNDLE_/)
    expect(onDevice(bundle)).toMatch(/^BUNDLE_/)
  })

  it('takes EC public keys of the three curves and no others', () => {
    expect(() => omsKey('nonsense', 'model key')).toThrow('model key: not a public key')
    expect(() => omsKey(ED25519, 'model key')).toThrow(
      'model key: must be an EC key on P-256, P-384 or P-521',
    )
    expect(omsKey(`some text\n${key.pem}`).hint).toBe(key.hint)
  })
})

/** RFC 8410, 10.1. */
const ED25519 =
  '-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=\n-----END PUBLIC KEY-----\n'
