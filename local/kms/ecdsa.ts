import { createPublicKey, sign as cryptoSign, verify as cryptoVerify, type KeyObject } from 'node:crypto'
import { p256 } from '@noble/curves/nist.js'

/**
 * ECDSA_SHA_256 as KMS does it: DER signatures, any `s` (no low-s rule), a fresh nonce every time. Node can only
 * sign a message that it hashes itself, so a digest is signed by @noble/curves with the same key.
 */
export function signDigest(key: KeyObject, digest: Buffer): Buffer {
  const secret = Buffer.from(key.export({ format: 'jwk' }).d ?? '', 'base64url')
  const options = { prehash: false, lowS: false, extraEntropy: true, format: 'der' } as const
  return Buffer.from(p256.sign(digest, secret, options))
}

export function signMessage(key: KeyObject, message: Buffer): Buffer {
  return cryptoSign('sha256', message, key)
}

export function verifyDigest(key: KeyObject, digest: Buffer, signature: Buffer): boolean {
  const { x = '', y = '' } = createPublicKey(key).export({ format: 'jwk' })
  const point = Buffer.concat([Buffer.of(4), Buffer.from(x, 'base64url'), Buffer.from(y, 'base64url')])
  try {
    return p256.verify(signature, digest, point, { prehash: false, lowS: false, format: 'der' })
  } catch {
    return false
  }
}

export function verifyMessage(key: KeyObject, message: Buffer, signature: Buffer): boolean {
  return cryptoVerify('sha256', message, createPublicKey(key), signature)
}

/** DER SubjectPublicKeyInfo. */
export function publicKeyDer(key: KeyObject): Buffer {
  return createPublicKey(key).export({ format: 'der', type: 'spki' })
}
