import { createHash, createPublicKey, verify } from 'node:crypto'
import { readdirSync, statSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GetPublicKeyCommand,
  KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
} from '@aws-sdk/client-kms'
import { p256 } from '@noble/curves/nist.js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Kms } from '../../local/core/services.ts'
import { createIam } from '../../local/iam/index.ts'
import { createKms } from '../../local/kms/index.ts'
import { account, failure, startTestCloud, type TestCloud, temporaryDir, testRealm } from './http-cloud.ts'

const ecc = { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }
let cloud: TestCloud
let kms: KMSClient
let keyId: string
let arn: string
let aesId: string
beforeAll(async () => {
  cloud = await startTestCloud()
  kms = new KMSClient(cloud.client())
  ;({ keyId, arn } = cloud.kms.createKey('ModelKey', ecc))
  cloud.kms.createAlias('alias/models', keyId)
  aesId = cloud.kms.createKey('DataKey', {}).keyId
})
afterAll(() => cloud.close())

const sha256 = (data: Buffer) => createHash('sha256').update(data).digest()
const signInput = (over: Partial<SignCommandInput> = {}): SignCommandInput => ({
  KeyId: keyId,
  Message: Buffer.from('hello'),
  SigningAlgorithm: 'ECDSA_SHA_256',
  ...over,
})
const sign = async (over: Partial<SignCommandInput> = {}) =>
  Buffer.from((await kms.send(new SignCommand(signInput(over)))).Signature ?? '')
const publicKey = async () => {
  const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId: keyId }))
  return createPublicKey({ key: Buffer.from(PublicKey ?? ''), format: 'der', type: 'spki' })
}

describe('signing', () => {
  it('signs RAW messages and DIGESTs so that anyone verifies them the same way', async () => {
    const message = Buffer.alloc(4096, 7)
    const raw = await sign({ Message: message })
    const digest = await sign({ Message: sha256(message), MessageType: 'DIGEST' })
    const key = await publicKey()
    expect(verify('sha256', message, key, raw)).toBe(true)
    expect(verify('sha256', message, key, digest)).toBe(true)
    expect(verify('sha256', sha256(message), key, digest)).toBe(false)
    expect(verify('sha256', Buffer.from('other'), key, raw)).toBe(false)
  })

  it('gives a new signature each time, and high s as well as low', async () => {
    const half = p256.Point.CURVE().n / 2n
    const seen = new Set<string>()
    const high: boolean[] = []
    for (let i = 0; i < 24; i += 1) {
      const signature = await sign({ Message: sha256(Buffer.from('x')), MessageType: 'DIGEST' })
      seen.add(signature.toString('hex'))
      high.push(p256.Signature.fromBytes(signature, 'der').s > half)
    }
    expect(seen.size).toBe(24)
    // The chance that all 24 fall on one side is 2 in 16 million.
    expect(new Set(high)).toEqual(new Set([true, false]))
  })

  it('verifies both kinds, and refuses wrong signatures', async () => {
    const Message = Buffer.from('hello')
    const Signature = await sign()
    const check = (over: object) => kms.send(new VerifyCommand({ ...signInput(), Signature, ...over }))
    expect(await check({})).toMatchObject({ SignatureValid: true, KeyId: arn })
    expect(await check({ Message: sha256(Message), MessageType: 'DIGEST' })).toMatchObject({
      SignatureValid: true,
    })
    const invalid = { name: 'KMSInvalidSignatureException', status: 400 }
    expect(await failure(check({ Message: Buffer.from('other') }))).toMatchObject(invalid)
    expect(await failure(check({ Signature: Buffer.from('not DER') }))).toMatchObject(invalid)
    const wrongDigest = { Message: sha256(Buffer.from('other')), MessageType: 'DIGEST' }
    expect(await failure(check(wrongDigest))).toMatchObject(invalid)
    expect(await failure(check({ ...wrongDigest, Signature: Buffer.from('not DER') }))).toMatchObject(invalid)
  })

  it('takes key id, key ARN, alias and alias ARN', async () => {
    const aliasArn = `arn:aws:kms:eu-west-1:${account}:alias/models`
    for (const KeyId of [keyId, arn, 'alias/models', aliasArn])
      expect((await kms.send(new SignCommand(signInput({ KeyId })))).KeyId).toBe(arn)
  })

  it.each([
    ['a message of 4097 bytes', { Message: Buffer.alloc(4097) }, 'ValidationException'],
    ['an empty message', { Message: Buffer.alloc(0) }, 'ValidationException'],
    ['a digest of 31 bytes', { Message: Buffer.alloc(31), MessageType: 'DIGEST' }, 'ValidationException'],
    ['a digest of 64 bytes', { Message: Buffer.alloc(64), MessageType: 'DIGEST' }, 'ValidationException'],
    ['another algorithm', { SigningAlgorithm: 'ECDSA_SHA_384' }, 'InvalidKeyUsageException'],
    ['an unknown key', { KeyId: '00000000-0000-0000-0000-000000000000' }, 'NotFoundException'],
    ['an unknown alias', { KeyId: 'alias/nothing' }, 'NotFoundException'],
    ['a key of another region', { KeyId: 'arn:aws:kms:us-east-1:000000000000:key/k' }, 'NotFoundException'],
  ])('refuses %s', async (_what, over, name) => {
    expect(await failure(sign(over as Partial<SignCommandInput>))).toMatchObject({ name, status: 400 })
  })

  it('refuses a key made for something else, and a disabled one', async () => {
    expect((await failure(sign({ KeyId: aesId }))).name).toBe('InvalidKeyUsageException')
    const off = cloud.kms.createKey('Off', { ...ecc, Enabled: false }).keyId
    expect((await failure(sign({ KeyId: off }))).name).toBe('DisabledException')
    const soon = cloud.kms.createKey('Soon', ecc).keyId
    await kms.send(new DisableKeyCommand({ KeyId: soon }))
    expect((await failure(sign({ KeyId: soon }))).name).toBe('DisabledException')
  })

  it('describes and lists', async () => {
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: 'alias/models' }))
    expect(KeyMetadata).toMatchObject({ Arn: arn, KeySpec: 'ECC_NIST_P256', KeyState: 'Enabled' })
    expect((await kms.send(new ListKeysCommand({}))).Keys?.map(key => key.KeyId)).toContain(keyId)
    const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: keyId }))
    expect(Aliases).toMatchObject([{ AliasName: 'alias/models', TargetKeyId: keyId }])
  })
})

describe('encryption', () => {
  const EncryptionContext = { model: 'cold-chain', stage: 'prod' }
  const Plaintext = Buffer.from('secret')

  it('opens what it sealed, under the same context in any order', async () => {
    const sealed = await kms.send(new EncryptCommand({ KeyId: aesId, Plaintext, EncryptionContext }))
    const CiphertextBlob = sealed.CiphertextBlob
    const reordered = { stage: 'prod', model: 'cold-chain' }
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: reordered }))
    expect(Buffer.from(opened.Plaintext ?? '').toString()).toBe('secret')
    const other = kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext: { model: 'x' } }))
    expect((await failure(other)).name).toBe('InvalidCiphertextException')
    const tampered = Buffer.from(CiphertextBlob ?? '')
    tampered[tampered.length - 1] = (tampered.at(-1) ?? 0) ^ 1
    const broken = kms.send(new DecryptCommand({ CiphertextBlob: tampered, EncryptionContext }))
    expect((await failure(broken)).name).toBe('InvalidCiphertextException')
    const garbage = kms.send(new DecryptCommand({ CiphertextBlob: Buffer.alloc(100, 1) }))
    expect((await failure(garbage)).name).toBe('InvalidCiphertextException')
    const wrongKey = kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext, KeyId: keyId }))
    expect((await failure(wrongKey)).name).toBe('IncorrectKeyException')
  })

  it('makes data keys', async () => {
    const made = await kms.send(new GenerateDataKeyCommand({ KeyId: aesId, KeySpec: 'AES_256' }))
    expect(made.Plaintext).toHaveLength(32)
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: made.CiphertextBlob }))
    expect(opened.Plaintext).toEqual(made.Plaintext)
    const neither = kms.send(new GenerateDataKeyCommand({ KeyId: aesId }))
    expect((await failure(neither)).name).toBe('ValidationException')
  })
})

describe('key policies', () => {
  it('hold the algorithm and message type that they demand', async () => {
    const roleArn = `arn:aws:iam::${account}:role/signer`
    const strict = cloud.kms.createKey('Strict', {
      ...ecc,
      KeyPolicy: {
        Statement: {
          Effect: 'Allow',
          Principal: { AWS: roleArn },
          Action: 'kms:Sign',
          Resource: '*',
          Condition: {
            StringEquals: { 'kms:SigningAlgorithm': 'ECDSA_SHA_256', 'kms:MessageType': 'DIGEST' },
          },
        },
      },
    })
    const signer = new KMSClient(cloud.client(cloud.role('signer', [])))
    const digest = signInput({ KeyId: strict.arn, Message: Buffer.alloc(32), MessageType: 'DIGEST' })
    expect((await signer.send(new SignCommand(digest))).KeyId).toBe(strict.arn)
    const raw = await failure(signer.send(new SignCommand({ ...digest, MessageType: 'RAW' })))
    expect(raw).toMatchObject({ name: 'AccessDeniedException', status: 400 })
    expect(raw.message).toMatch(/because no resource-based policy allows the kms:Sign action$/)
    // An identity policy does not help where the key policy does not name the account.
    const eager = cloud.role('eager', [{ Effect: 'Allow', Action: 'kms:*', Resource: '*' }])
    const refused = await failure(new KMSClient(cloud.client(eager)).send(new SignCommand(digest)))
    expect(refused.name).toBe('AccessDeniedException')
  })

  it('of the default kind leave it to identity policies', async () => {
    const own = [{ Effect: 'Allow', Action: 'kms:Sign', Resource: arn }] as const
    const allowed = new KMSClient(cloud.client(cloud.role('allowed', own)))
    expect((await allowed.send(new SignCommand(signInput()))).KeyId).toBe(arn)
    const publicKeyCall = allowed.send(new GetPublicKeyCommand({ KeyId: keyId }))
    expect((await failure(publicKeyCall)).message).toContain(
      'no identity-based policy allows the kms:GetPublicKey',
    )
  })
})

describe('storage', () => {
  it('keeps keys over a restart, with their private half for the owner only', async () => {
    const dir = temporaryDir()
    const open = () => {
      const realm = testRealm(dir)
      return createKms({ realm, iam: createIam(realm) })
    }
    const first = open().createKey('ModelKey', ecc)
    expect(open().createKey('ModelKey', ecc)).toEqual(first)
    expect(open().createKey('OtherKey', ecc).keyId).not.toBe(first.keyId)
    for (const file of readdirSync(join(dir, 'kms'))) {
      expect(file).toMatch(/\.json$/)
      expect(statSync(join(dir, 'kms', file)).mode & 0o777).toBe(0o600)
    }
    // A key whose spec changes is another key, as in CloudFormation.
    expect(open().createKey('ModelKey', {}).keyId).not.toBe(first.keyId)
    await rm(dir, { recursive: true })
  })

  it('makes another key for a resource that was out of the stack for one deployment', async () => {
    const dir = temporaryDir()
    let kept: Kms | undefined
    const deployment = (...names: string[]) => {
      const realm = testRealm(dir)
      const store = createKms({ realm, iam: createIam(realm) })
      const ids = names.map(name => store.createKey(name, ecc).keyId)
      store.retireOthers()
      kept = store
      return ids
    }
    const [a, b] = deployment('A', 'B')
    expect(deployment('B')).toEqual([b])
    const operator = { principal: { kind: 'operator', arn: 'arn' }, requestId: 'r', authorize() {} } as const
    const keys = (await kept?.service.operations['ListKeys']?.({}, operator)) as { Keys: { KeyId: string }[] }
    // Retained: in the account, and no longer of the stack.
    expect(keys.Keys.map(key => key.KeyId).sort()).toEqual([a, b].sort())
    const [newA, sameB] = deployment('A', 'B')
    expect(newA).not.toBe(a)
    expect(sameB).toBe(b)
    await rm(dir, { recursive: true })
  })

  it('refuses properties that it could not honour, naming them', () => {
    expect(() => cloud.kms.createKey('Rsa', { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' })).toThrow(
      'RSA_2048',
    )
    expect(() => cloud.kms.createKey('Mixed', { KeySpec: 'ECC_NIST_P256' })).toThrow(
      'KeyUsage ENCRYPT_DECRYPT',
    )
    expect(() => cloud.kms.createAlias('models', keyId)).toThrow('alias/')
  })
})
