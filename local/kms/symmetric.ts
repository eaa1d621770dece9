import { randomBytes } from 'node:crypto'
import { AwsError, type JsonOperation } from '../core/types.ts'
import { authorizeKey, mustBeUsable } from './access.ts'
import { seal, sealedBy, unseal } from './envelope.ts'
import { invalidCiphertext, validation, wrongUsage } from './errors.ts'
import { blob, type Input, optionalText, stringMap, text } from './input.ts'
import type { Key, KeyStore } from './keys.ts'

const algorithm = 'SYMMETRIC_DEFAULT'

/** Encrypt, Decrypt and GenerateDataKey. */
export function symmetricOperations(store: KeyStore): Readonly<Record<string, JsonOperation>> {
  return {
    Encrypt(input: Input, context) {
      const encryption = stringMap(input, 'EncryptionContext')
      const plaintext = blob(input, 'Plaintext', 4096)
      const key = store.find(text(input, 'KeyId'))
      authorizeKey(context, key, 'Encrypt', contextKeys(encryption))
      mustBeUsable(key, 'Encrypt', 'ENCRYPT_DECRYPT')
      const sealed = seal(aesOf(key), key.keyId, plaintext, encryption)
      return { KeyId: key.arn, CiphertextBlob: sealed.toString('base64'), EncryptionAlgorithm: algorithm }
    },
    Decrypt(input: Input, context) {
      const encryption = stringMap(input, 'EncryptionContext')
      const sealed = blob(input, 'CiphertextBlob', 6144)
      const key = sealingKey(store, sealed)
      const named = optionalText(input, 'KeyId')
      if (named !== undefined && store.find(named) !== key)
        throw new AwsError(
          'IncorrectKeyException',
          'The key ID in the request does not identify a CMK that can perform this operation.',
        )
      authorizeKey(context, key, 'Decrypt', contextKeys(encryption))
      mustBeUsable(key, 'Decrypt', 'ENCRYPT_DECRYPT')
      const plaintext = unseal(aesOf(key), sealed, encryption)
      return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), EncryptionAlgorithm: algorithm }
    },
    GenerateDataKey(input: Input, context) {
      const encryption = stringMap(input, 'EncryptionContext')
      const plaintext = randomBytes(dataKeyLength(input))
      const key = store.find(text(input, 'KeyId'))
      authorizeKey(context, key, 'GenerateDataKey', contextKeys(encryption))
      mustBeUsable(key, 'GenerateDataKey', 'ENCRYPT_DECRYPT')
      return {
        KeyId: key.arn,
        Plaintext: plaintext.toString('base64'),
        CiphertextBlob: seal(aesOf(key), key.keyId, plaintext, encryption).toString('base64'),
      }
    },
  }
}

function dataKeyLength(input: Input): number {
  const spec = optionalText(input, 'KeySpec')
  const bytes = input['NumberOfBytes']
  if ((spec === undefined) === (bytes === undefined))
    throw validation('Please specify either number of bytes or key spec.')
  if (spec === 'AES_256') return 32
  if (spec === 'AES_128') return 16
  if (spec !== undefined) throw validation(`KeySpec ${spec} must be AES_256 or AES_128.`)
  if (typeof bytes !== 'number' || !Number.isInteger(bytes) || bytes < 1 || bytes > 1024)
    throw validation('NumberOfBytes must be between 1 and 1024.')
  return bytes
}

function sealingKey(store: KeyStore, sealed: Buffer): Key {
  try {
    return store.find(sealedBy(sealed))
  } catch {
    throw invalidCiphertext()
  }
}

function contextKeys(encryption: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(encryption).map(([key, value]) => [`kms:EncryptionContext:${key}`, value]),
  )
}

function aesOf(key: Key): Buffer {
  if (!('aes' in key.material)) throw wrongUsage(`${key.arn} is no symmetric key.`)
  return key.material.aes
}
