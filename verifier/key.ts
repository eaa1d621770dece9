import { createHash, createPublicKey, type KeyObject } from 'node:crypto'

/** A public key that something else vouches for: the trust root, or whoever made the device. */
export interface PinnedKey {
  readonly key: KeyObject
  /** Lower-case hex SHA-256 of the re-encoded SPKI PEM: what OMS bundles carry as `hint`, and the key's id elsewhere. */
  readonly hint: string
}

/** @throws Error when the text is not the PEM of an EC P-256 public key */
export function pinnedKey(pem: string, name = 'public key'): PinnedKey {
  if (pem.includes('PRIVATE KEY')) throw new Error(`${name}: give the public key, not the private one`)
  return pinned(name, () => createPublicKey(pem))
}

/** @throws Error when the bytes are not the DER SPKI of an EC P-256 public key */
export const pinnedSpki = (spki: Uint8Array, name = 'public key'): PinnedKey =>
  pinned(name, () => createPublicKey({ key: Buffer.from(spki), format: 'der', type: 'spki' }))

function pinned(name: string, read: () => KeyObject): PinnedKey {
  let key: KeyObject
  try {
    key = read()
  } catch (error) {
    throw new Error(`${name}: not a public key (${(error as Error).message})`)
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new Error(`${name}: must be an EC key on P-256`)
  // A PEM file may carry other text around the key, so the hint is of the re-encoded form.
  const encoded = key.export({ type: 'spki', format: 'pem' })
  return { key, hint: createHash('sha256').update(encoded).digest('hex') }
}
