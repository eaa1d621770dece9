import { createHash, createPublicKey } from 'node:crypto'
import {
  BUNDLE_MEDIA_TYPE,
  CURVE_HASHES,
  DEFAULT_IGNORED,
  OMS_PREDICATE,
  rootDigest,
  type SignedFile,
} from '../../../verifier/oms-bundle.ts'
import { DSSE_PAYLOAD_TYPE, IN_TOTO_STATEMENT } from '../../contracts/manifest.ts'
import { preAuthenticationEncoding, type SignDigest } from './dsse.ts'

/**
 * OpenSSF Model Signing v1.0 bundle in key mode: Sigstore bundle → DSSE → in-toto statement → OMS predicate.
 * Verifiable by `model_signing verify key`. See docs/trust.md for the fields and why each has its value.
 */
export interface ModelFile {
  /** Relative, `/`-separated, no `.` or `..` parts. */
  readonly name: string
  readonly bytes: Uint8Array
}

/**
 * Statement over the files; resources are in code-point order, which is the order of their UTF-8 bytes.
 * `ignorePaths` are recorded beside the default ones; whoever lists the files leaves them out.
 * @throws Error when there is no file, or a name or path that the specification does not allow
 */
export function omsStatement(
  name: string,
  files: readonly (ModelFile | SignedFile)[],
  ignorePaths: readonly string[] = [],
): Buffer {
  if (files.length === 0) throw new Error('model: has no file to sign')
  const sorted = files.map(digested).sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  sorted.forEach((file, i) => {
    checkName(file.name)
    if (file.name === sorted[i - 1]?.name) throw new Error(`model: ${file.name} is there twice`)
  })
  for (const path of ignorePaths) {
    checkName(path)
    // OMS §6.2.1, so that no verifier takes it for a pattern.
    if (/[*?[]/.test(path))
      throw new Error(`model: the ignored path ${path} must be without \`*\`, \`?\`, \`[\``)
  }
  return Buffer.from(
    JSON.stringify({
      _type: IN_TOTO_STATEMENT,
      subject: [{ name, digest: { sha256: rootDigest(sorted) } }],
      predicateType: OMS_PREDICATE,
      predicate: {
        serialization: {
          method: 'files',
          hash_type: 'sha256',
          allow_symlinks: false,
          ignore_paths: [...new Set([...DEFAULT_IGNORED, ...ignorePaths])],
        },
        resources: sorted.map(file => ({ name: file.name, algorithm: 'sha256', digest: file.sha256 })),
      },
    }),
  )
}

/** Re-encoded PEM of a public key in DER SPKI: the form whose hash OMS uses as the key's hint. */
export const publicKeyPem = (spki: Uint8Array): string =>
  readSpki(spki).export({ type: 'spki', format: 'pem' }).toString()

/**
 * Signs a model with a key on P-256, P-384 or P-521; the digest that `sign` gets is SHA-256, SHA-384 or SHA-512.
 * @returns the bundle file's bytes; its SHA-256 names the release everywhere else.
 */
export async function signBundle(
  name: string,
  files: readonly (ModelFile | SignedFile)[],
  spki: Uint8Array,
  sign: SignDigest,
  ignorePaths: readonly string[] = [],
): Promise<Buffer> {
  const curve = readSpki(spki).asymmetricKeyDetails?.namedCurve ?? 'no curve'
  const hash = CURVE_HASHES.get(curve)
  if (hash === undefined) throw new Error(`model key: must be on P-256, P-384 or P-521, not on ${curve}`)
  const payload = omsStatement(name, files, ignorePaths)
  const signature = await sign(createHash(hash).update(preAuthenticationEncoding(payload)).digest())
  const hint = createHash('sha256').update(publicKeyPem(spki)).digest('hex')
  return Buffer.from(
    JSON.stringify({
      mediaType: BUNDLE_MEDIA_TYPE,
      verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType: DSSE_PAYLOAD_TYPE,
        signatures: [{ sig: Buffer.from(signature).toString('base64'), keyid: '' }],
      },
    }),
  )
}

const readSpki = (spki: Uint8Array) =>
  createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })

const digested = (file: ModelFile | SignedFile): SignedFile =>
  'bytes' in file ? { name: file.name, sha256: createHash('sha256').update(file.bytes).digest('hex') } : file

/** OMS §6.1.2. */
function checkName(name: string): void {
  const parts = name.split('/')
  if (!name.isWellFormed() || parts.some(part => part === '' || part === '.' || part === '..'))
    throw new Error(`model: ${JSON.stringify(name)} is not a relative path without \`.\` and \`..\``)
}
