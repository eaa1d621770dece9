import { createHash } from 'node:crypto'
import { GetObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestCloud, type TestCloud } from '../http-cloud.ts'

const Bucket = 'presign'
let cloud: TestCloud
let s3: S3Client
let presigner: S3Client
beforeAll(async () => {
  cloud = await startTestCloud()
  cloud.s3.createBucket({ BucketName: Bucket })
  const config = { ...cloud.client(), forcePathStyle: true }
  s3 = new S3Client(config)
  presigner = new S3Client({ ...config, requestChecksumCalculation: 'WHEN_REQUIRED' })
  await s3.send(new PutObjectCommand({ Bucket, Key: 'a b.txt', Body: 'hello' }))
})
afterAll(() => cloud.close())

const getUrl = (options: object = {}) =>
  getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: 'a b.txt' }), { expiresIn: 60, ...options })
const codeOf = async (response: Response) => /<Code>(\w+)/.exec(await response.text())?.[1]
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

describe('presigned GET', () => {
  it('needs nothing but the URL', async () => {
    const response = await fetch(await getUrl())
    expect(await response.text()).toBe('hello')
    const part = await fetch(await getUrl(), { headers: { range: 'bytes=1-2' } })
    expect([part.status, await part.text()]).toEqual([206, 'el'])
  })

  it('is refused when changed, expired, or made with a wrong secret', async () => {
    const url = await getUrl()
    const tampered = await fetch(url.replace(/X-Amz-Signature=..../, 'X-Amz-Signature=0000'))
    expect([tampered.status, await codeOf(tampered)]).toEqual([403, 'SignatureDoesNotMatch'])
    const otherKey = await fetch(url.replace('a%20b.txt', 'other.txt'))
    expect([otherKey.status, await codeOf(otherKey)]).toEqual([403, 'SignatureDoesNotMatch'])
    const expired = await fetch(await getUrl({ expiresIn: 1, signingDate: new Date(Date.now() - 60_000) }))
    expect(expired.status).toBe(403)
    expect(await expired.text()).toContain('<Code>AccessDenied</Code><Message>Request has expired</Message>')
    const bad = new S3Client({
      ...cloud.client({ ...cloud.iam.operator, secretAccessKey: 'WRONG' }),
      forcePathStyle: true,
    })
    const get = new GetObjectCommand({ Bucket, Key: 'a b.txt' })
    expect((await fetch(await getSignedUrl(bad, get))).status).toBe(403)
    expect(await failure(bad.send(get))).toMatchObject({ name: 'SignatureDoesNotMatch', status: 403 })
  })

  it('carries the rights of its signer, and its session token', async () => {
    const session = cloud.role('reader', [
      { Effect: 'Allow', Action: 's3:GetObject', Resource: `arn:aws:s3:::${Bucket}/a*` },
    ])
    const reader = new S3Client({ ...cloud.client(session), forcePathStyle: true })
    const url = await getSignedUrl(reader, new GetObjectCommand({ Bucket, Key: 'a b.txt' }))
    expect(await (await fetch(url)).text()).toBe('hello')
    const without = await fetch(url.replace(/X-Amz-Security-Token=[^&]*&/, ''))
    expect(without.status).toBe(403)
    const beyond = await fetch(await getSignedUrl(reader, new GetObjectCommand({ Bucket, Key: 'b' })))
    expect([beyond.status, await codeOf(beyond)]).toEqual([403, 'AccessDenied'])
  })
})

describe('presigned PUT', () => {
  const put = (url: string, body: string, headers: Record<string, string> = {}) =>
    fetch(url, { method: 'PUT', body, headers })

  it('stores the body', async () => {
    const url = await getSignedUrl(presigner, new PutObjectCommand({ Bucket, Key: 'up' }), { expiresIn: 60 })
    expect((await put(url, 'via url')).status).toBe(200)
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: 'up' }))
    expect(await got.Body?.transformToString()).toBe('via url')
  })

  // The SDK's default signs the CRC32 of an empty body into the URL, so that uploads fail in AWS.
  it('made with the default checksum setting fails with BadDigest, as in AWS', async () => {
    const url = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: 'trap' }), { expiresIn: 60 })
    expect(new URL(url).searchParams.get('x-amz-checksum-crc32')).toBe('AAAAAA==')
    const response = await put(url, 'data')
    expect([response.status, await codeOf(response)]).toEqual([400, 'BadDigest'])
    expect((await put(url, '')).status).toBe(200)
  })

  it('binds length, checksum and absence where they are signed', async () => {
    const command = new PutObjectCommand({
      Bucket,
      Key: 'bound',
      ContentLength: 4,
      ChecksumSHA256: sha256('data'),
      IfNoneMatch: '*',
    })
    const url = await getSignedUrl(presigner, command, {
      unhoistableHeaders: new Set(['x-amz-checksum-sha256']),
    })
    const headers = { 'if-none-match': '*', 'x-amz-checksum-sha256': sha256('data') }
    expect((await put(url, 'data5', headers)).status).toBe(403)
    expect((await put(url, 'data', { ...headers, 'x-amz-checksum-sha256': sha256('atad') })).status).toBe(403)
    expect((await put(url, 'atad', headers)).status).toBe(400)
    expect((await put(url, 'data', { 'x-amz-checksum-sha256': sha256('data') })).status).toBe(403)
    expect((await put(url, 'data', { ...headers, 'x-amz-acl': 'private' })).status).toBe(403)
    expect((await put(url, 'data', headers)).status).toBe(200)
    expect((await put(url, 'data', headers)).status).toBe(412)
  })
})
