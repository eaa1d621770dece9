import type { KeyObject } from 'node:crypto'
import { AwsError, type CallContext, type JsonOperation } from '../core/types.ts'
import { authorizeKey, mustBeUsable } from './access.ts'
import { publicKeyDer, signDigest, signMessage, verifyDigest, verifyMessage } from './ecdsa.ts'
import { validation, wrongUsage } from './errors.ts'
import { blob, type Input, optionalText, text } from './input.ts'
import type { Key, KeyStore } from './keys.ts'

const algorithm = 'ECDSA_SHA_256'
const longestMessage = 4096
const longestSignature = 6144

/** GetPublicKey, Sign and Verify. */
export function signingOperations(store: KeyStore): Readonly<Record<string, JsonOperation>> {
  return {
    GetPublicKey(input: Input, context) {
      const key = store.find(text(input, 'KeyId'))
      authorizeKey(context, key, 'GetPublicKey')
      mustBeUsable(key, 'GetPublicKey', 'SIGN_VERIFY')
      return {
        KeyId: key.arn,
        PublicKey: publicKeyDer(eccOf(key)).toString('base64'),
        CustomerMasterKeySpec: key.spec,
        KeySpec: key.spec,
        KeyUsage: key.usage,
        SigningAlgorithms: [algorithm],
      }
    },
    Sign(input: Input, context) {
      const { key, message, isDigest } = prepare(store, input, context, 'Sign')
      const ecc = eccOf(key)
      const signature = isDigest ? signDigest(ecc, message) : signMessage(ecc, message)
      return { KeyId: key.arn, Signature: signature.toString('base64'), SigningAlgorithm: algorithm }
    },
    Verify(input: Input, context) {
      const { key, message, isDigest } = prepare(store, input, context, 'Verify')
      const signature = blob(input, 'Signature', longestSignature)
      const ecc = eccOf(key)
      const valid = isDigest ? verifyDigest(ecc, message, signature) : verifyMessage(ecc, message, signature)
      if (!valid) throw new AwsError('KMSInvalidSignatureException', 'The signature is not valid.')
      return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: algorithm }
    },
  }
}

function prepare(store: KeyStore, input: Input, context: CallContext, operation: 'Sign' | 'Verify') {
  const id = text(input, 'KeyId')
  const wanted = text(input, 'SigningAlgorithm')
  const type = optionalText(input, 'MessageType') ?? 'RAW'
  if (type !== 'RAW' && type !== 'DIGEST')
    throw validation(`MessageType ${type} is not supported by the local cloud; use RAW or DIGEST.`)
  const message = blob(input, 'Message', longestMessage)
  const key = store.find(id)
  authorizeKey(context, key, operation, {
    'kms:SigningAlgorithm': wanted,
    'kms:MessageType': type,
    ...(id.includes('alias/') ? { 'kms:RequestAlias': id.slice(id.indexOf('alias/')) } : {}),
  })
  mustBeUsable(key, operation, 'SIGN_VERIFY')
  if (wanted !== algorithm) throw wrongUsage(`Algorithm ${wanted} is incompatible with key spec ${key.spec}.`)
  const isDigest = type === 'DIGEST'
  if (isDigest && message.length !== 32)
    throw validation(`Digest is invalid length for algorithm ${algorithm}.`)
  return { key, message, isDigest }
}

function eccOf(key: Key): KeyObject {
  if (!('ecc' in key.material)) throw wrongUsage(`${key.arn} is no signing key.`)
  return key.material.ecc
}
