import { createHash } from 'node:crypto'
import { type Envelope, readEnvelope, signatureHolds } from './dsse.ts'
import { parseUntrustedJson } from './json.ts'
import type { PinnedKey } from './key.ts'
import { Refusal, refuseAs } from './refusal.ts'
import { exactly, fields, hex256, list, ShapeError, someText } from './shape.ts'

/** OpenSSF Model Signing v1.0, key mode. Stricter than the reference verifier, which accepts hidden and doubled files. */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json'
export const OMS_PREDICATE = 'https://model_signing/signature/v1.0'
const STATEMENT = 'https://in-toto.io/Statement/v1'
const IGNORABLE = ['.git', '.gitattributes', '.github', '.gitignore']
export const MAX_BUNDLE_BYTES = 1_048_576
const MAX_RESOURCES = 1_024

export interface SignedFile {
  readonly name: string
  /** Lower-case hex SHA-256. */
  readonly sha256: string
}

/**
 * Verifies a bundle file and returns the files that it vouches for, in signed order.
 * @throws Refusal BUNDLE_MALFORMED, BUNDLE_SIGNATURE or BUNDLE_CONTENT
 */
export function verifyOmsBundle(bytes: Uint8Array, modelKey: PinnedKey): readonly SignedFile[] {
  const envelope = refuseAs('BUNDLE_MALFORMED', () => readBundle(bytes, modelKey))
  if (!signatureHolds(envelope, modelKey))
    throw new Refusal('BUNDLE_SIGNATURE', 'bundle: the signature is not by the pinned model key')
  const statement = refuseAs('BUNDLE_MALFORMED', () =>
    parseUntrustedJson(envelope.payload, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 16 }),
  )
  return refuseAs('BUNDLE_CONTENT', () => readStatement(statement))
}

function readBundle(bytes: Uint8Array, modelKey: PinnedKey): Envelope {
  const value = parseUntrustedJson(bytes, { maxBytes: MAX_BUNDLE_BYTES, maxDepth: 16 })
  const bundle = fields(value, 'bundle', ['mediaType', 'verificationMaterial', 'dsseEnvelope'])
  exactly(BUNDLE_MEDIA_TYPE)(bundle['mediaType'], 'bundle.mediaType')
  const material = fields(
    bundle['verificationMaterial'],
    'bundle.verificationMaterial',
    ['publicKey'],
    ['tlogEntries', 'timestampVerificationData'],
  )
  const { hint } = fields(material['publicKey'], 'bundle.verificationMaterial.publicKey', [], ['hint'])
  if (Object.hasOwn(material, 'tlogEntries'))
    list(material['tlogEntries'], 'bundle.verificationMaterial.tlogEntries', 0, 0, item => item)
  if (Object.hasOwn(material, 'timestampVerificationData'))
    fields(material['timestampVerificationData'], 'bundle.verificationMaterial.timestampVerificationData', [])
  const envelope = readEnvelope(bundle['dsseEnvelope'], 'bundle.dsseEnvelope')
  if (hint !== undefined && hint !== modelKey.hint)
    throw new Refusal('BUNDLE_SIGNATURE', 'bundle: the hint names another key than the pinned model key')
  return envelope
}

function readStatement(value: unknown): SignedFile[] {
  const statement = fields(value, 'statement', ['_type', 'subject', 'predicateType', 'predicate'])
  exactly(STATEMENT)(statement['_type'], 'statement._type')
  exactly(OMS_PREDICATE)(statement['predicateType'], 'statement.predicateType')
  const [root] = list(statement['subject'], 'statement.subject', 1, 1, (item, at) => {
    const subject = fields(item, at, ['name', 'digest'])
    someText(subject['name'], `${at}.name`)
    return hex256(fields(subject['digest'], `${at}.digest`, ['sha256'])['sha256'], `${at}.digest.sha256`)
  })
  const predicate = fields(statement['predicate'], 'predicate', ['serialization', 'resources'])
  readSerialization(predicate['serialization'])
  const resources = list(predicate['resources'], 'predicate.resources', 1, MAX_RESOURCES, readResource)
  const digest = createHash('sha256')
  let last: Buffer | undefined
  for (const { name, sha256 } of resources) {
    // UTF-8 byte order equals code-point order; JavaScript's own string order does not above U+FFFF.
    const key = Buffer.from(name, 'utf8')
    if (last !== undefined && Buffer.compare(last, key) >= 0)
      throw new ShapeError('predicate.resources', `sorted by name without repeats; ${name} is not`)
    last = key
    digest.update(sha256, 'hex')
  }
  if (digest.digest('hex') !== root)
    throw new ShapeError('statement.subject[0].digest.sha256', 'the root digest of the resources')
  return resources
}

function readSerialization(value: unknown): void {
  const at = 'predicate.serialization'
  const s = fields(value, at, ['method', 'hash_type', 'allow_symlinks'], ['ignore_paths'])
  exactly('files')(s['method'], `${at}.method`)
  exactly('sha256')(s['hash_type'], `${at}.hash_type`)
  exactly(false)(s['allow_symlinks'], `${at}.allow_symlinks`)
  if (!Object.hasOwn(s, 'ignore_paths')) return
  list(s['ignore_paths'], `${at}.ignore_paths`, 0, IGNORABLE.length, (item, path) => {
    if (typeof item !== 'string' || !IGNORABLE.includes(item))
      throw new ShapeError(path, `one of ${IGNORABLE.join(', ')}`)
  })
}

function readResource(value: unknown, at: string): SignedFile {
  const resource = fields(value, at, ['name', 'algorithm', 'digest'])
  exactly('sha256')(resource['algorithm'], `${at}.algorithm`)
  const name = someText(resource['name'], `${at}.name`)
  if (!isPlainPath(name)) throw new ShapeError(`${at}.name`, 'a relative path without `.`, `..` or `\\`')
  return { name, sha256: hex256(resource['digest'], `${at}.digest`) }
}

function isPlainPath(name: string): boolean {
  if (!name.isWellFormed()) return false
  for (let i = 0; i < name.length; i++) {
    const c = name.charCodeAt(i)
    if (c < 0x20 || c === 0x7f || c === 0x5c) return false
  }
  return name.split('/').every(part => part !== '' && part !== '.' && part !== '..')
}
