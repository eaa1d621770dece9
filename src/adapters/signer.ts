import { GetPublicKeyCommand, KMSClient, SignCommand } from '@aws-sdk/client-kms'
import { EdgeloopError } from '../domain/errors.ts'
import type { Signer } from '../domain/ports.ts'
import { call, clientDefaults } from './aws-errors.ts'

/** A KMS key of spec ECC_NIST_P256. DIGEST mode, because KMS takes at most 4096 bytes in RAW mode. */
export function kmsSigner(keyId: string, client = new KMSClient(clientDefaults)): Signer {
  let spki: Promise<Uint8Array> | undefined
  const fetchKey = async (): Promise<Uint8Array> => {
    const { PublicKey } = await call('read the public key', () =>
      client.send(new GetPublicKeyCommand({ KeyId: keyId })),
    )
    if (PublicKey === undefined) throw new EdgeloopError('DEPENDENCY', 'KMS answered without a public key')
    return PublicKey
  }
  return {
    publicKey() {
      spki ??= fetchKey().catch(error => {
        spki = undefined
        throw error
      })
      return spki
    },
    async sign(digest) {
      const { Signature } = await call('sign', () =>
        client.send(
          new SignCommand({
            KeyId: keyId,
            Message: digest,
            MessageType: 'DIGEST',
            SigningAlgorithm: 'ECDSA_SHA_256',
          }),
        ),
      )
      if (Signature === undefined) throw new EdgeloopError('DEPENDENCY', 'KMS answered without a signature')
      return Signature
    },
  }
}
