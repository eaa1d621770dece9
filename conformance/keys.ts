import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'

export const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')
export const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value))

/** An EC P-256 key pair; `id` is the SHA-256 of its SPKI PEM. */
export interface SigningKey {
  readonly id: string
  /** DER SPKI, base64. */
  readonly spki: string
  readonly key: KeyObject
}
export function makeKey(): SigningKey {
  const { privateKey: key } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const open = createPublicKey(key)
  return {
    id: sha256(open.export({ type: 'spki', format: 'pem' })),
    spki: open.export({ type: 'spki', format: 'der' }).toString('base64'),
    key,
  }
}

export const PAYLOAD_TYPE = 'application/vnd.in-toto+json'
export interface Envelope {
  readonly payload: string
  readonly payloadType: string
  readonly signatures: readonly { readonly keyid: string; readonly sig: string }[]
}

/** DSSE: each signature is over the pre-authentication encoding of the payload, in the order of the key ids. */
export function envelope(payload: Uint8Array, keys: readonly SigningKey[]): Envelope {
  const head = `DSSEv1 ${PAYLOAD_TYPE.length} ${PAYLOAD_TYPE} ${payload.byteLength} `
  const encoded = Buffer.concat([Buffer.from(head), payload])
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType: PAYLOAD_TYPE,
    signatures: keys
      .toSorted((a, b) => (a.id < b.id ? -1 : 1))
      .map(({ id, key }) => ({ keyid: id, sig: sign('sha256', encoded, key).toString('base64') })),
  }
}

/** What a device reports of a document in `bundle`. */
export const signedDigest = ({ payload }: Envelope): string => sha256(Buffer.from(payload, 'base64'))
