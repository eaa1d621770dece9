import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import {
  type Bundle,
  bundleOf,
  type Flags,
  keyOn,
  modelOf,
  put,
  rootOf,
  type Statement,
  statementOf,
  type Tree,
  verifyModel,
  write,
} from './support.ts'

/** Category 1 of the conformance suite's TEST_CASES.md, key mode: bundles as other signers make them, or as nobody may. */
const key = keyOn('P-384')
const other = keyOn('P-384')
const SIGNED: Tree = { 'signme-1': 'first\n', 'signme-2': 'second\n' }
const SIMPLE: Tree = { ...SIGNED, 'ignore-me': '' }
const IGNORE: Flags = { ignore: ['ignore-me'] }
const DEFAULTS = ['.git', '.gitattributes', '.github', '.gitignore']

/** As the reference implementation 1.1 writes it: indented, keys in any order, ignored paths in the predicate. */
const python = (files: Tree, ignorePaths: readonly string[] = DEFAULTS): Bundle => {
  const { predicate, ...statement } = statementOf(files, ignorePaths)
  const { serialization, resources } = predicate
  return bundleOf(
    null,
    key,
    JSON.stringify({ ...statement, predicate: { resources, serialization } }, null, 2),
  )
}
/** As the Go implementation writes it: no `tlogEntries`, no `keyid`, spaces of protojson, paths of its own machine. */
const go = (files: Tree): Bundle => {
  const statement = statementOf(files, [
    'test/models/simple/ignore-me',
    '../bundle.sig',
    ...DEFAULTS,
    '.gitmodules',
  ])
  const made = bundleOf(null, key, JSON.stringify(statement).replaceAll(',"', ', "'))
  made.verificationMaterial = { publicKey: { hint: key.hint } }
  delete made.dsseEnvelope.signatures[0]!.keyid
  return made
}
/** Before 1.1: the key itself in place of its hint, `keyid` null, no ignored paths. */
const historical = (files: Tree): Bundle => {
  const made = bundleOf(null, key, JSON.stringify(statementOf(files), null, 2))
  made.verificationMaterial = {
    publicKey: {
      rawBytes: Buffer.from(key.pem).toString('base64'),
      keyDetails: 'PKIX_ECDSA_P384_SHA_384',
    },
  }
  made.dsseEnvelope.signatures[0]!.keyid = null
  return made
}

describe('OMS conformance: bundles that verify', () => {
  it.each<[string, Tree, Bundle, Flags?]>([
    ['key-simple', SIMPLE, python(SIGNED, [...DEFAULTS, 'ignore-me'])],
    ['key-simple, ignored by the caller only', SIMPLE, python(SIGNED), IGNORE],
    ['key-simple-go', SIMPLE, go(SIGNED), IGNORE],
    [
      'key-simple-ignore-unsigned-files',
      { ...SIMPLE, 'extra.bin': 'added after signing\n' },
      python(SIGNED),
      { ...IGNORE, ignoreUnsigned: true },
    ],
    [
      'key-multi-file',
      { 'weights.bin': 'w', 'config.json': 'c', 'subdir/adapter.bin': 'a' },
      python({ 'config.json': 'c', 'subdir/adapter.bin': 'a', 'weights.bin': 'w' }),
    ],
    ['key-single-file', { 'model.bin': 'm' }, python({ 'model.bin': 'm' })],
    ['historical-v1.0.1-elliptic-key', SIMPLE, historical(SIGNED), IGNORE],
    ['historical-v1.1.0-elliptic-key', SIMPLE, python(SIGNED, [...DEFAULTS, 'model.sig', 'ignore-me'])],
  ])('%s', async (_, files, bundle, flags) => {
    expect(await verifyModel(modelOf(files), key, write(bundle), flags)).toMatch(
      /^verified [123] files of model$/,
    )
  })

  it('historical-v0.3.1-elliptic-key, historical-v1.0.0-elliptic-key: one file by the name `.`', async () => {
    const bundle = write(historical({ '.': 'first\n' }))
    const folder = modelOf(SIGNED)
    expect(await verifyModel(join(folder, 'signme-1'), key, bundle)).toBe('verified 1 files of signme-1')
    await expect(verifyModel(join(folder, 'signme-2'), key, bundle)).rejects.toThrow(
      'signme-2 is not the file',
    )
    await expect(verifyModel(folder, key, bundle)).rejects.toThrow('. is signed but missing')
  })
})

const changed = (edit: (bundle: Bundle) => void): Bundle => {
  const bundle = python(SIGNED)
  edit(bundle)
  return bundle
}
/** Signed with the right key, so that the statement's own fault is what is found. */
const stating = (edit: (statement: Statement) => void): Bundle => {
  const statement = statementOf(SIGNED, DEFAULTS)
  edit(statement)
  return bundleOf(statement, key)
}
const without = (field: 'predicate' | 'subject'): Bundle =>
  bundleOf({ ...statementOf(SIGNED, DEFAULTS), [field]: undefined }, key)

describe('OMS conformance: bundles that must not verify', () => {
  it.each<[string, object | string, string]>([
    ['key-simple-corrupted-bundle_fail', '{"mediaType": garbage', 'not JSON'],
    ['key-simple-truncated-bundle_fail', JSON.stringify(python(SIGNED)).slice(0, 400), 'not JSON'],
    ['malformed-empty-bundle_fail', '', 'not JSON'],
    [
      'malformed-missing-envelope_fail',
      { ...python(SIGNED), dsseEnvelope: undefined },
      'bundle.dsseEnvelope must be present',
    ],
    [
      'key-simple-no-signature_fail',
      changed(b => void b.dsseEnvelope.signatures.pop()),
      'bundle.dsseEnvelope.signatures must be a list of 1 to 1 items',
    ],
    [
      'key-simple-wrong-mediatype_fail',
      { ...python(SIGNED), mediaType: 'application/json' },
      'bundle.mediaType must be',
    ],
    [
      'malformed-wrong-payload-type_fail',
      changed(b => {
        b.dsseEnvelope.payloadType = 'application/json'
      }),
      'bundle.dsseEnvelope.payloadType must be',
    ],
    [
      'malformed-wrong-statement-type_fail',
      stating(s => {
        s._type = 'https://in-toto.io/Statement/v0.1'
      }),
      'statement._type must be',
    ],
    [
      'malformed-wrong-predicate_fail',
      stating(s => {
        s.predicateType = 'https://slsa.dev/provenance/v1'
      }),
      'statement.predicateType must be',
    ],
    ['malformed-no-predicate_fail', without('predicate'), 'statement.predicate must be present'],
    [
      'malformed-no-subject_fail',
      stating(s => void s.subject.pop()),
      'statement.subject must be a list of 1 to 1 items',
    ],
    ['no subject field', without('subject'), 'statement.subject must be present'],
    [
      'malformed-empty-resources_fail',
      stating(s => {
        s.predicate.resources = []
        s.subject[0]!.digest['sha256'] = rootOf([])
      }),
      'predicate.resources must be a list of 1 to',
    ],
    [
      'sigstore-verify-as-key_fail',
      changed(b => {
        b.verificationMaterial = { certificate: { rawBytes: 'AAAA' }, tlogEntries: [{ logIndex: '1' }] }
      }),
      'bundle.verificationMaterial.publicKey must be present',
    ],
    [
      'a certificate beside the key',
      changed(b => {
        b.verificationMaterial['x509CertificateChain'] = { certificates: [{ rawBytes: 'AAAA' }] }
      }),
      'x509CertificateChain must be absent in key mode',
    ],
    [
      'a payload other than the signed one',
      changed(b => {
        b.dsseEnvelope.payload = bundleOf(statementOf({ 'signme-1': 'forged' }), other).dsseEnvelope.payload
      }),
      'the signature is not by the model key',
    ],
  ])('%s', async (_, bundle, why) => {
    await expect(verifyModel(modelOf(SIMPLE), key, write(bundle), IGNORE)).rejects.toThrow(why)
  })

  it('key-verify-as-certificate_fail', async () => {
    const bundle = write(python(SIGNED))
    await expect(
      verifyModel(modelOf(SIGNED), key, bundle, { ...IGNORE, method: 'certificate' }),
    ).rejects.toThrow('--method must be key')
  })

  it('key-simple-wrong-key_fail, with the hint and without it, and on another curve', async () => {
    const [model, hinted, bare] = [modelOf(SIGNED), write(python(SIGNED)), write(historical(SIGNED))]
    await expect(verifyModel(model, other, hinted)).rejects.toThrow('the hint names another key')
    await expect(verifyModel(model, other, bare)).rejects.toThrow('the signature is not by the model key')
    await expect(verifyModel(model, keyOn('P-256'), bare)).rejects.toThrow(
      'the signature is not by the model key',
    )
  })

  it.each<[string, (model: string) => void, string, Flags?]>([
    [
      'key-simple-tampered-content_fail',
      m => put(m, 'signme-1', 'TAMPERED CONTENT\n'),
      'model: signme-1 is not the file that the bundle signs',
    ],
    [
      'key-simple-missing-file_fail',
      m => rmSync(join(m, 'signme-2')),
      'model: signme-2 is signed but missing',
    ],
    [
      'key-simple-extra-file_fail',
      m => put(m, 'injected.bin', 'injected after signing\n'),
      'model: injected.bin is not signed',
    ],
    [
      'an extra file below a new folder',
      m => put(m, 'new/injected.bin', ''),
      'new/injected.bin is not signed',
    ],
    [
      'a signed file on a path that the caller ignores',
      () => undefined,
      'signme-1 is signed but missing',
      { ignore: ['ignore-me', 'signme-1'] },
    ],
    [
      'tampered content where unsigned files are accepted',
      m => put(m, 'signme-1', 'TAMPERED CONTENT\n'),
      'model: signme-1 is not the file that the bundle signs',
      { ...IGNORE, ignoreUnsigned: true },
    ],
  ])('%s', async (_, edit, why, flags = IGNORE) => {
    const model = modelOf(SIMPLE)
    edit(model)
    await expect(verifyModel(model, key, write(python(SIGNED)), flags)).rejects.toThrow(why)
  })
})
