import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { invalidCiphertext } from './errors.ts'

// Ciphertext blob: version, key id (16 bytes of its UUID), nonce, tag, data. AES-256-GCM over the data, with
// the encryption context as additional data, in sorted order: KMS contexts have no order.
const version = 1
const keyIdAt = 1
const nonceAt = keyIdAt + 16
const tagAt = nonceAt + 12
const dataAt = tagAt + 16

type Context = Readonly<Record<string, string>>

function additionalData(context: Context): Buffer {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1))
  return Buffer.from(JSON.stringify(pairs))
}

export function seal(material: Buffer, keyId: string, plaintext: Buffer, context: Context): Buffer {
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', material, nonce)
  cipher.setAAD(additionalData(context))
  const data = Buffer.concat([cipher.update(plaintext), cipher.final()])
  const id = Buffer.from(keyId.replaceAll('-', ''), 'hex')
  return Buffer.concat([Buffer.of(version), id, nonce, cipher.getAuthTag(), data])
}

/** Id of the key that sealed the blob; throws InvalidCiphertextException. */
export function sealedBy(blob: Buffer): string {
  if (blob.length <= dataAt || blob[0] !== version) throw invalidCiphertext()
  const hex = blob.toString('hex', keyIdAt, nonceAt)
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

export function unseal(material: Buffer, blob: Buffer, context: Context): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', material, blob.subarray(nonceAt, tagAt))
  decipher.setAAD(additionalData(context))
  decipher.setAuthTag(blob.subarray(tagAt, dataAt))
  try {
    return Buffer.concat([decipher.update(blob.subarray(dataAt)), decipher.final()])
  } catch {
    throw invalidCiphertext()
  }
}
