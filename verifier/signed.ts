import { createHash, verify } from 'node:crypto'
import { MAX_DOCUMENT_BYTES, STATEMENT } from './documents.ts'
import { PAYLOAD_TYPE, pae } from './dsse.ts'
import { parseUntrustedJson } from './json.ts'
import type { PinnedKey } from './key.ts'
import { type ReasonCode, Refusal, refuseAs } from './refusal.ts'
import { anyText, base64, exactly, type Fields, fields, hex256, list } from './shape.ts'

/** A signed document whose shape holds and of which nothing is trusted yet. */
export interface SignedDocument {
  readonly payload: Buffer
  /** SHA-256 of the signed bytes, which tells two documents of one counter apart. */
  readonly digest: string
  /** In the order of their key ids, no key twice. */
  readonly signatures: readonly { readonly keyid: string; readonly sig: Buffer }[]
}

/** Codes of the checks that every document goes through. */
export interface DocumentCodes {
  readonly malformed: ReasonCode
  readonly signature: ReasonCode
  readonly type: ReasonCode
}

/**
 * Check 0: size, JSON and envelope. Stricter than DSSE: every signature names its key, and the names rise.
 * @throws Refusal `codes.malformed`
 */
export function openDocument(
  bytes: Uint8Array,
  what: string,
  codes: DocumentCodes,
  maxSignatures = 1,
): SignedDocument {
  return refuseAs(codes.malformed, () => {
    const value = parseUntrustedJson(bytes, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 8 })
    return readDocument(value, what, maxSignatures)
  })
}

/** @throws ShapeError */
export function readDocument(value: unknown, what: string, maxSignatures: number): SignedDocument {
  const envelope = fields(value, what, ['payload', 'payloadType', 'signatures'])
  exactly(PAYLOAD_TYPE)(envelope['payloadType'], `${what}.payloadType`)
  const payload = base64(envelope['payload'], `${what}.payload`)
  const signatures = list(envelope['signatures'], `${what}.signatures`, 1, maxSignatures, (item, at) => {
    const { keyid, sig } = fields(item, at, ['keyid', 'sig'])
    return { keyid: hex256(keyid, `${at}.keyid`), sig: base64(sig, `${at}.sig`) }
  })
  for (let i = 1; i < signatures.length; i++)
    if (signatures[i - 1]!.keyid >= signatures[i]!.keyid)
      throw new Error(`${what}.signatures must be in the order of their key ids, each once`)
  return { payload, digest: createHash('sha256').update(payload).digest('hex'), signatures }
}

/** Check 3, and part of 2: every signature must be by one of `keys` and must hold. @throws Refusal */
export function checkSignatures(
  document: SignedDocument,
  keys: ReadonlyMap<string, PinnedKey>,
  what: string,
  code: ReasonCode,
): void {
  const signed = pae(PAYLOAD_TYPE, document.payload)
  for (const { keyid, sig } of document.signatures) {
    const key = keys.get(keyid)
    if (key === undefined)
      throw new Refusal(code, `${what}: key ${keyid.slice(0, 12)}… is not trusted to sign it`)
    if (!holds(signed, key, sig))
      throw new Refusal(code, `${what}: the signature by ${keyid.slice(0, 12)}… does not hold`)
  }
}

/** ECDSA over SHA-256, ASN.1 DER; raw r‖s is not accepted. */
function holds(signed: Uint8Array, { key }: PinnedKey, sig: Uint8Array): boolean {
  try {
    return verify('sha256', signed, { key, dsaEncoding: 'der' }, sig)
  } catch {
    return false
  }
}

/**
 * Check 4: the statement's types, after which the predicate may be read.
 * @throws Refusal `codes.malformed` or `codes.type`
 */
export function openStatement(
  document: SignedDocument,
  predicateType: string,
  what: string,
  codes: DocumentCodes,
): Fields {
  const statement = refuseAs(codes.malformed, () => {
    const value = parseUntrustedJson(document.payload, { maxBytes: MAX_DOCUMENT_BYTES, maxDepth: 16 })
    return fields(value, what, ['_type', 'subject', 'predicateType', 'predicate'])
  })
  refuseAs(codes.type, () => {
    exactly(STATEMENT)(statement['_type'], `${what}._type`)
    exactly(predicateType)(statement['predicateType'], `${what}.predicateType`)
  })
  return refuseAs(codes.malformed, () => {
    list(statement['subject'], `${what}.subject`, 1, 4_096, (item, at) => {
      const subject = fields(item, at, ['name', 'digest'])
      anyText(subject['name'], `${at}.name`)
      hex256(fields(subject['digest'], `${at}.digest`, ['sha256'])['sha256'], `${at}.digest.sha256`)
    })
    const { predicate } = statement
    if (predicate === null || typeof predicate !== 'object' || Array.isArray(predicate))
      throw new Error(`${what}.predicate must be an object`)
    return predicate as Fields
  })
}
