import { createHash, createPublicKey } from 'node:crypto'
import { IN_TOTO_STATEMENT } from '../../contracts/manifest.ts'
import { type SignDigest, signEnvelope } from './dsse.ts'

/**
 * OpenSSF Model Signing v1.0 bundle in key mode: Sigstore bundle → DSSE → in-toto statement → OMS predicate.
 * Verifiable by `model_signing verify key`. See docs/trust.md for the fields and why each has its value.
 */
export const OMS_PREDICATE = 'https://model_signing/signature/v1.0'
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
const IGNORED = ['.git', '.gitattributes', '.github', '.gitignore']

export interface ModelFile {
  /** Relative, `/`-separated, no `.` or `..` parts. */
  readonly name: string
  readonly bytes: Uint8Array
}

/** Statement over the files; resources are in code-point order, which is the order of their UTF-8 bytes. */
export function omsStatement(name: string, files: readonly ModelFile[]): Buffer {
  const resources = files
    .map(file => ({
      name: file.name,
      algorithm: 'sha256',
      digest: createHash('sha256').update(file.bytes).digest('hex'),
    }))
    .sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)))
  const root = createHash('sha256')
  for (const resource of resources) root.update(Buffer.from(resource.digest, 'hex'))
  return Buffer.from(
    JSON.stringify({
      _type: IN_TOTO_STATEMENT,
      subject: [{ name, digest: { sha256: root.digest('hex') } }],
      predicateType: OMS_PREDICATE,
      predicate: {
        serialization: { method: 'files', hash_type: 'sha256', allow_symlinks: false, ignore_paths: IGNORED },
        resources,
      },
    }),
  )
}

/** Re-encoded PEM of a public key in DER SPKI: the form whose hash OMS uses as the key's hint. */
export const publicKeyPem = (spki: Uint8Array): string =>
  createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' })
    .export({ type: 'spki', format: 'pem' })
    .toString()

/** @returns the bundle file's bytes; its SHA-256 names the release everywhere else. */
export async function signBundle(
  name: string,
  files: readonly ModelFile[],
  spki: Uint8Array,
  sign: SignDigest,
): Promise<Buffer> {
  const hint = createHash('sha256').update(publicKeyPem(spki)).digest('hex')
  return Buffer.from(
    JSON.stringify({
      mediaType: BUNDLE_MEDIA_TYPE,
      verificationMaterial: { publicKey: { hint }, tlogEntries: [] },
      dsseEnvelope: await signEnvelope(omsStatement(name, files), sign),
    }),
  )
}
