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

const serialization = (field: string, value: unknown): Bundle =>
  stating(s => {
    s.predicate.serialization[field] = value
  })
const onResource = (change: object): Bundle =>
  stating(s => void Object.assign(s.predicate.resources[0]!, change))
const onSubject = (change: object): Bundle => stating(s => void Object.assign(s.subject[0]!, change))
const keyid = (value: string | null | undefined): Bundle =>
  changed(b => {
    b.dsseEnvelope.signatures = b.dsseEnvelope.signatures.map(({ sig }) => ({
      sig,
      ...(value !== undefined && { keyid: value }),
    }))
  })
const of = (files: Tree): Bundle => bundleOf(statementOf(files, DEFAULTS), key)
const indented = JSON.stringify(statementOf(FILES, DEFAULTS), null, 2)
const { hint } = key
type Row = [what: string, code: string, bundle: Bundle, files?: Tree]

const usual: [string, Bundle][] = [
  ['nothing unusual', of(FILES)],
  ['an indented payload', bundleOf(null, key, indented)],
  ['no tlogEntries, empty timestamp data', material({ publicKey: { hint }, timestampVerificationData: {} })],
  ['keyid null', keyid(null)],
  ['keyid absent', keyid(undefined)],
  ['no ignore_paths', bundleOf(statementOf(FILES), key)],
]

/** What the specification allows, or the reference verifier accepts, and a device does not. */
const openOnly: Row[] = [
  [
    'the order of the reference signer',
    'BUNDLE_CONTENT',
    of({ 'a/b': '1', 'a-b': '2' }),
    { 'a/b': '1', 'a-b': '2' },
  ],
  [
    'ignore_paths that hide a folder',
    'BUNDLE_CONTENT',
    serialization('ignore_paths', [...DEFAULTS, 'hidden']),
    { ...FILES, 'hidden/payload.so': 'x' },
  ],
  ['an unknown key in a resource', 'BUNDLE_CONTENT', onResource({ mediaType: 'text/plain' })],
  ['an unknown key in the subject', 'BUNDLE_CONTENT', onSubject({ uri: 'model:1' })],
  [
    'a second digest of the subject',
    'BUNDLE_CONTENT',
    stating(s => void Object.assign(s.subject[0]!.digest, { sha512: 'ab' })),
  ],
  [
    'rawBytes in place of a hint',
    'BUNDLE_MALFORMED',
    material({ publicKey: { rawBytes: 'AAAA', keyDetails: 'X' } }),
  ],
  ['a log entry', 'BUNDLE_MALFORMED', material({ publicKey: { hint }, tlogEntries: [{ logIndex: '1' }] })],
  ['an empty hint', 'BUNDLE_MALFORMED', material({ publicKey: { hint: '' } })],
  ['1025 files', 'BUNDLE_CONTENT', of(many), many],
  ...['a\\b', 'tab\tname', 'del\u007f'].map(
    (name): Row => [
      `the file name ${JSON.stringify(name)}`,
      'BUNDLE_CONTENT',
      of({ [name]: '1' }),
      { [name]: '1' },
    ],
  ),
]

/** What neither takes, although the reference verifier takes the first five. */
const neither: Row[] = [
  [
    'a name twice, the bad digest first',
    'BUNDLE_CONTENT',
    stating(s => {
      s.predicate.resources.unshift({ ...s.predicate.resources[0]!, digest: sha256('bogus') })
      s.subject[0]!.digest['sha256'] = rootOf(s.predicate.resources)
    }),
  ],
  [
    'a second signature of garbage',
    'BUNDLE_MALFORMED',
    changed(b => void b.dsseEnvelope.signatures.push({ sig: 'AAAA', keyid: '' })),
  ],
  [
    'an unknown key in the predicate',
    'BUNDLE_CONTENT',
    stating(s => void Object.assign(s.predicate, { more: 1 })),
  ],
  ['an unknown key in the statement', 'BUNDLE_CONTENT', stating(s => void Object.assign(s, { more: 1 }))],
  ['upper-case hex', 'BUNDLE_CONTENT', onResource({ digest: sha256('1').toUpperCase() })],
  ['a wrong root digest', 'BUNDLE_CONTENT', onSubject({ digest: { sha256: sha256('') } })],
  ['two subjects', 'BUNDLE_CONTENT', stating(s => void s.subject.push(s.subject[0]!))],
  ['a subject without a name', 'BUNDLE_CONTENT', onSubject({ name: '' })],
  ['shards', 'BUNDLE_CONTENT', serialization('method', 'shards')],
  ['another hash', 'BUNDLE_CONTENT', serialization('hash_type', 'blake3')],
  ['followed links', 'BUNDLE_CONTENT', serialization('allow_symlinks', true)],
  ['a shard size without shards', 'BUNDLE_CONTENT', serialization('shard_size', 1_000)],
  ['another algorithm of one file', 'BUNDLE_CONTENT', onResource({ algorithm: 'blake2b' })],
  ['a hint of another key', 'BUNDLE_SIGNATURE', material({ publicKey: { hint: sha256('another') } })],
  [
    "Sigstore's usual hint, base64 of the DER's hash",
    'BUNDLE_SIGNATURE',
    material({ publicKey: { hint: Buffer.from(sha256(spki), 'hex').toString('base64') } }),
  ],
  ['a raw r‖s signature', 'BUNDLE_SIGNATURE', changed(rawSignature)],
  ['an unknown key in the bundle', 'BUNDLE_MALFORMED', changed(b => void Object.assign(b, { more: 1 }))],
  [
    'the other spelling of the media type',
    'BUNDLE_MALFORMED',
    changed(
      b => void Object.assign(b, { mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' }),
    ),
  ],
  ...['../a', 'b/../a', '/a', './a', 'b//a', 'a/', ''].map(
    (name): Row => [
      `the file name ${JSON.stringify(name)}`,
      'BUNDLE_CONTENT',
      of({ [name]: '1' }),
      { [name]: '1' },
    ],
  ),
]

describe('profiles of the OMS verifier', () => {
  it.each(usual)('%s: both accept', (_, bundle) => {
    expect(openly(bundle, FILES)).toBe('accepts')
    expect(onDevice(bundle)).toBe('accepts')
  })

  it.each<Row>(openOnly)('%s: open accepts, a device says %s', (_, code, bundle, files = FILES) => {
    expect(openly(bundle, files)).toBe('accepts')
    expect(onDevice(bundle)).toBe(code)
  })

  it.each<Row>(neither)('%s: both say %s', (_, code, bundle, files = FILES) => {
    expect(openly(bundle, files)).toBe(code)
    expect(onDevice(bundle)).toBe(code)
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
