import { createHash, createPublicKey, verify } from 'node:crypto'
import { KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { kmsSigner } from '../../src/adapters/signer.ts'
import type { Signer } from '../../src/domain/ports.ts'
import { startTestCloud, type TestCloud } from '../local/http-cloud.ts'

let cloud: TestCloud
let kms: KMSClient
let signer: Signer
beforeAll(async () => {
  cloud = await startTestCloud()
  const { keyId } = cloud.kms.createKey('ModelKey', { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' })
  kms = new KMSClient(cloud.client())
  signer = kmsSigner(keyId, kms)
})
afterAll(async () => {
  kms?.destroy()
  await cloud?.close()
})

describe('a KMS key', () => {
  it('signs digests so that anyone can verify the message, and nothing else', async () => {
    // Longer than the 4096 bytes that KMS takes in RAW mode.
    const message = Buffer.alloc(10_000, 'edgeloop ')
    const signature = await signer.sign(createHash('sha256').update(message).digest())
    const key = createPublicKey({ key: Buffer.from(await signer.publicKey()), format: 'der', type: 'spki' })
    expect(key.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' })
    expect(verify('sha256', message, key, signature)).toBe(true)
    expect(verify('sha256', message.subarray(1), key, signature)).toBe(false)
  })

  it('asks for the public key once', async () => {
    const first = await signer.publicKey()
    expect(await signer.publicKey()).toBe(first)
  })

  it('fails in our own codes, and asks again after a failure', async () => {
    const missing = kmsSigner('11111111-2222-3333-4444-555555555555', kms)
    await expect(missing.sign(Buffer.alloc(32))).rejects.toMatchObject({ code: 'NOT_FOUND' })
    const first = missing.publicKey()
    await expect(first).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringMatching(/^read the public key/),
    })
    expect(missing.publicKey()).not.toBe(first)
    await expect(missing.publicKey()).rejects.toMatchObject({ code: 'NOT_FOUND' })
    await expect(signer.sign(Buffer.alloc(31))).rejects.toMatchObject({ name: 'EdgeloopError' })
  })

  it('is refused to a role without rights', async () => {
    const { keyId } = cloud.kms.createKey('DeploymentKey', {
      KeySpec: 'ECC_NIST_P256',
      KeyUsage: 'SIGN_VERIFY',
    })
    const client = new KMSClient(cloud.client(cloud.role('nobody', [])))
    await expect(kmsSigner(keyId, client).sign(Buffer.alloc(32))).rejects.toMatchObject({ code: 'FORBIDDEN' })
    client.destroy()
  })
})
