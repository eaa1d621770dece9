import { createHash, type KeyObject, verify } from 'node:crypto'
import { type Envelope, PAYLOAD_TYPE, pae, readEnvelope } from './dsse.ts'
import { parseUntrustedJson } from './json.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { type Check, exactly, fields, hex256, list, ShapeError, someText } from './shape.ts'

/** OpenSSF Model Signing v1.0, key mode: what every verifier of it checks. How strictly is the caller's profile. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
export const OMS_PREDICATE = 'https://model_signing/signature/v1.0'
const STATEMENT = 'https://in-toto.io/Statement/v1'
/** Excluded from every model, at its top level only. */
export const DEFAULT_IGNORED: readonly string[] = ['.git', '.gitattributes', '.github', '.gitignore']

/** The curves of OMS's key mode, by OpenSSL's names, with the hash that each one signs. */
export const CURVE_HASHES: ReadonlyMap<string, 'sha256' | 'sha384' | 'sha512'> = new Map([
  ['prime256v1', 'sha256'],
  ['secp384r1', 'sha384'],
  ['secp521r1', 'sha512'],
])

export interface SignedFile {
  readonly name: string
  /** Lower-case hex SHA-256. */
  readonly sha256: string
}
export interface SignedModel {
  /** In signed order. */
  readonly files: readonly SignedFile[]
  /** As signed; without those that are always excluded, unless they are listed too. */
  readonly ignorePaths: readonly string[]
}
export interface BundleKey {
  readonly key: KeyObject
  /** Lower-case hex SHA-256 of the re-encoded SPKI PEM. */
  readonly hint: string
}

/** What the specification leaves to the verifier, or what a verifier may refuse although it allows it. */
export interface Profile {
  readonly maxBytes: number
  readonly maxFiles: number
  /** OpenSSL's names of the curves that may sign. */
  readonly curves: readonly string[]
  /** Reads `verificationMaterial` and returns the key's hint, if there is one. */
  readonly material: Check<string | undefined>
  /** Reads an object in which the specification allows keys that it does not know. */
  readonly extensible: typeof fields
  readonly fileName: Check<string>
  readonly ignorePath: Check<string>
  /** Whether names must rise in code-point order. None comes twice either way. */
  readonly sorted: boolean
}

/**
 * Verifies the signature of a bundle file and reads what it vouches for.
 * @throws Refusal BUNDLE_MALFORMED, BUNDLE_SIGNATURE or BUNDLE_CONTENT
 */
export function openBundle(bytes: Uint8Array, signer: BundleKey, profile: Profile): SignedModel {
  const limits = { maxBytes: profile.maxBytes, maxDepth: 16 }
  const { envelope, hint } = refuseAs('BUNDLE_MALFORMED', () =>
    readBundle(parseUntrustedJson(bytes, limits), profile),
  )
  if (hint !== undefined && hint !== signer.hint)
    throw new Refusal('BUNDLE_SIGNATURE', 'bundle: the hint names another key than the model key')
  if (!signatureHolds(envelope, signer.key, profile.curves))
    throw new Refusal('BUNDLE_SIGNATURE', 'bundle: the signature is not by the model key')
  const statement = refuseAs('BUNDLE_MALFORMED', () => parseUntrustedJson(envelope.payload, limits))
  return refuseAs('BUNDLE_CONTENT', () => readStatement(statement, profile))
}

function readBundle(value: unknown, profile: Profile): { envelope: Envelope; hint: string | undefined } {
  const bundle = fields(value, 'bundle', ['mediaType', 'verificationMaterial', 'dsseEnvelope'])
  exactly(BUNDLE_MEDIA_TYPE)(bundle['mediaType'], 'bundle.mediaType')
  const hint = profile.material(bundle['verificationMaterial'], 'bundle.verificationMaterial')
  return { envelope: readEnvelope(bundle['dsseEnvelope'], 'bundle.dsseEnvelope'), hint }
}

/** ECDSA over the PAE, ASN.1 DER; raw r‖s is not accepted, as in the OMS reference. */
function signatureHolds(envelope: Envelope, key: KeyObject, curves: readonly string[]): boolean {
  const curve = key.asymmetricKeyDetails?.namedCurve ?? ''
  const hash = CURVE_HASHES.get(curve)
  if (hash === undefined || !curves.includes(curve)) return false
  try {
    return verify(hash, pae(PAYLOAD_TYPE, envelope.payload), { key, dsaEncoding: 'der' }, envelope.signature)
  } catch {
    return false
  }
}

function readStatement(value: unknown, profile: Profile): SignedModel {
  const statement = fields(value, 'statement', ['_type', 'subject', 'predicateType', 'predicate'])
  exactly(STATEMENT)(statement['_type'], 'statement._type')
  exactly(OMS_PREDICATE)(statement['predicateType'], 'statement.predicateType')
  const [root] = list(statement['subject'], 'statement.subject', 1, 1, (item, at) => {
    const subject = profile.extensible(item, at, ['name', 'digest'])
    someText(subject['name'], `${at}.name`)
    const digests = profile.extensible(subject['digest'], `${at}.digest`, ['sha256'])
    return hex256(digests['sha256'], `${at}.digest.sha256`)
  })
  const predicate = fields(statement['predicate'], 'predicate', ['serialization', 'resources'])
  const ignorePaths = readSerialization(predicate['serialization'], profile)
  const files = list(predicate['resources'], 'predicate.resources', 1, profile.maxFiles, (item, at) => {
    const resource = profile.extensible(item, at, ['name', 'algorithm', 'digest'])
    exactly('sha256')(resource['algorithm'], `${at}.algorithm`)
    const name = profile.fileName(resource['name'], `${at}.name`)
    return { name, sha256: hex256(resource['digest'], `${at}.digest`) }
  })
  checkNames(files, profile.sorted)
  // The root covers no names, only digests in this order.
  if (rootDigest(files) !== root)
    throw new ShapeError('statement.subject[0].digest.sha256', 'the root digest of the resources')
  return { files, ignorePaths }
}

function readSerialization(value: unknown, profile: Profile): string[] {
  const at = 'predicate.serialization'
  const s = fields(value, at, ['method', 'hash_type', 'allow_symlinks'], ['ignore_paths'])
  exactly('files')(s['method'], `${at}.method`)
  exactly('sha256')(s['hash_type'], `${at}.hash_type`)
  exactly(false)(s['allow_symlinks'], `${at}.allow_symlinks`)
  if (!Object.hasOwn(s, 'ignore_paths')) return []
  return list(s['ignore_paths'], `${at}.ignore_paths`, 0, profile.maxFiles, profile.ignorePath)
}

function checkNames(files: readonly SignedFile[], sorted: boolean): void {
  const seen = new Set<string>()
  let last: Buffer | undefined
  for (const { name } of files) {
    if (seen.has(name)) throw new ShapeError('predicate.resources', `without repeats; ${name} is there twice`)
    seen.add(name)
    if (!sorted) continue
    // UTF-8 byte order equals code-point order; JavaScript's own string order does not above U+FFFF.
    const key = Buffer.from(name, 'utf8')
    if (last !== undefined && Buffer.compare(last, key) > 0)
      throw new ShapeError('predicate.resources', `sorted by name; ${name} is not`)
    last = key
  }
}

/** OMS §6.5.1: SHA-256 over the raw digests in the given order; lower-case hex. */
export function rootDigest(files: readonly SignedFile[]): string {
  const digest = createHash('sha256')
  for (const { sha256 } of files) digest.update(sha256, 'hex')
  return digest.digest('hex')
}
