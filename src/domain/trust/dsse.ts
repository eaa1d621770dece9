import { createHash } from 'node:crypto'
import { DSSE_PAYLOAD_TYPE, type DsseEnvelope } from '../../contracts/manifest.ts'

/** Signs a SHA-256 digest with ECDSA P-256; DER bytes. KMS in `DIGEST` mode in the cloud. */
export type SignDigest = (digest: Uint8Array) => Promise<Uint8Array>

/** DSSE pre-authentication encoding: `DSSEv1 SP len(type) SP type SP len(payload) SP payload`. */
export const preAuthenticationEncoding = (payload: Uint8Array, type: string = DSSE_PAYLOAD_TYPE): Buffer =>
  Buffer.concat([Buffer.from(`DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.byteLength} `), payload])

/**
 * Envelope over exactly these bytes. The payload is opaque to DSSE, so nothing is ever re-encoded.
 * @param keyid names the key in our own documents; empty in OMS bundles
 */
export async function signEnvelope(payload: Uint8Array, sign: SignDigest, keyid = ''): Promise<DsseEnvelope> {
  const digest = createHash('sha256').update(preAuthenticationEncoding(payload)).digest()
  const signature = await sign(digest)
  return {
    payload: Buffer.from(payload).toString('base64'),
    payloadType: DSSE_PAYLOAD_TYPE,
    signatures: [{ sig: Buffer.from(signature).toString('base64'), keyid }],
  }
}
