import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import {
  type ChecksumAlgorithm,
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectAttributesCommand,
  GetObjectCommand,
  type GetObjectCommandOutput,
  GetObjectTaggingCommand,
  HeadObjectCommand,
  PutObjectCommand,
  type PutObjectCommandInput,
  PutObjectTaggingCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestCloud, type TestCloud } from '../http-cloud.ts'

const Bucket = 'objects'
let cloud: TestCloud
let s3: S3Client
beforeAll(async () => {
  cloud = await startTestCloud()
  s3 = new S3Client({ ...cloud.client(), forcePathStyle: true })
  await s3.send(new CreateBucketCommand({ Bucket }))
  await put({ Key: 'a/1.txt', Body: 'hello', Metadata: { foo: 'bar' }, ContentType: 'text/plain' })
})
afterAll(() => cloud.close())

const put = (input: Omit<PutObjectCommandInput, 'Bucket'>) =>
  s3.send(new PutObjectCommand({ Bucket, ...input }))
const get = (Key: string, more: object = {}) => s3.send(new GetObjectCommand({ Bucket, Key, ...more }))
const head = (Key: string, more: object = {}) => s3.send(new HeadObjectCommand({ Bucket, Key, ...more }))
const bytes = async (output: GetObjectCommandOutput) =>
  Buffer.from((await output.Body?.transformToByteArray()) ?? [])
const textOf = async (output: GetObjectCommandOutput) => (await bytes(output)).toString()
const md5 = (data: Buffer | string) => createHash('md5').update(data).digest('hex')
const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')

describe('put and get', () => {
  it('gives back body, metadata, type, ETag and default checksum', async () => {
    const put1 = await put({ Key: 'p', Body: 'hello', Metadata: { foo: 'bar' }, ContentType: 'text/plain' })
    expect(put1).toMatchObject({ ETag: `"${md5('hello')}"`, ChecksumCRC32: 'NhCmhg==' })
    const got = await get('p')
    expect(await textOf(got)).toBe('hello')
    expect(got).toMatchObject({
      Metadata: { foo: 'bar' },
      ContentType: 'text/plain',
      ChecksumCRC32: 'NhCmhg==',
      ServerSideEncryption: 'AES256',
    })
    const seen = await head('p', { ChecksumMode: 'ENABLED' })
    expect(seen).toMatchObject({ ContentLength: 5, ChecksumCRC32: 'NhCmhg==' })
    expect(seen.LastModified).toBeInstanceOf(Date)
  })

  it('takes a stream without leaving its framing in the object', async () => {
    const data = randomBytes(3 * 1024 * 1024)
    const Body = Readable.from([data.subarray(0, 1_000_000), data.subarray(1_000_000)])
    await put({ Key: 's.bin', Body, ContentLength: data.length })
    const got = await get('s.bin')
    expect((await bytes(got)).equals(data)).toBe(true)
    expect(got.ContentEncoding).toBeUndefined()
  })

  it('keeps an empty object and a Content-Encoding of its own', async () => {
    await put({ Key: 'empty', Body: '', ContentEncoding: 'gzip' })
    const got = await get('empty')
    expect(await textOf(got)).toBe('')
    expect(got.ContentEncoding).toBe('gzip')
  })

  it.each(['m/a b+c=ü&%.txt', 'dots/../x', 'sl//ash', "quo'te(s)*!~", '日本語', '%2F', 'q?u#e'])(
    'keeps the key %s as it is',
    async Key => {
      await put({ Key, Body: Key })
      expect(await textOf(await get(Key))).toBe(Key)
    },
  )

  it('refuses a key of more than 1024 bytes and metadata of more than 2 KB', async () => {
    expect((await failure(put({ Key: 'k'.repeat(1025), Body: '' }))).name).toBe('KeyTooLongError')
    const heavy = put({ Key: 'heavy', Body: '', Metadata: { a: 'x'.repeat(2048) } })
    expect((await failure(heavy)).name).toBe('MetadataTooLarge')
  })

  it('answers with the headers that the reader asks for', async () => {
    const got = await get('a/1.txt', { ResponseContentType: 'text/csv', ResponseCacheControl: 'no-store' })
    expect(got).toMatchObject({ ContentType: 'text/csv', CacheControl: 'no-store' })
  })

  it('echoes encryption settings', async () => {
    await put({ Key: 'kms', Body: 'z', ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/x' })
    expect(await head('kms')).toMatchObject({ ServerSideEncryption: 'aws:kms', SSEKMSKeyId: 'alias/x' })
  })
})

describe('ranges', () => {
  it.each([
    ['bytes=1-3', 'ell', 'bytes 1-3/5'],
    ['bytes=3-', 'lo', 'bytes 3-4/5'],
    ['bytes=-2', 'lo', 'bytes 3-4/5'],
    ['bytes=-99', 'hello', 'bytes 0-4/5'],
    ['bytes=0-99', 'hello', 'bytes 0-4/5'],
    ['bytes=3-1', 'hello', undefined],
    ['lines=1-2', 'hello', undefined],
  ])('%s', async (Range, expected, contentRange) => {
    const got = await get('a/1.txt', { Range })
    expect(await textOf(got)).toBe(expected)
    expect(got.ContentRange).toBe(contentRange)
    expect(got.$metadata.httpStatusCode).toBe(contentRange === undefined ? 200 : 206)
  })

  it('answers 416 beyond the end', async () => {
    expect(await failure(get('a/1.txt', { Range: 'bytes=5-' }))).toMatchObject({
      name: 'InvalidRange',
      status: 416,
    })
    expect((await failure(get('a/1.txt', { Range: 'bytes=-0' }))).status).toBe(416)
  })
})

describe('conditions', () => {
  const tag = `"${md5('hello')}"`
  const other = `"${md5('other')}"`

  it('on reads', async () => {
    expect((await get('a/1.txt', { IfMatch: tag })).ETag).toBe(tag)
    expect((await failure(get('a/1.txt', { IfMatch: other }))).status).toBe(412)
    expect((await failure(get('a/1.txt', { IfNoneMatch: tag }))).status).toBe(304)
    expect((await get('a/1.txt', { IfNoneMatch: other })).ETag).toBe(tag)
    const past = new Date('2020-01-01')
    const future = new Date(Date.now() + 3_600_000)
    expect((await failure(get('a/1.txt', { IfModifiedSince: future }))).status).toBe(304)
    expect((await get('a/1.txt', { IfModifiedSince: past })).ETag).toBe(tag)
    expect((await failure(get('a/1.txt', { IfUnmodifiedSince: past }))).status).toBe(412)
    expect((await failure(head('a/1.txt', { IfMatch: other }))).status).toBe(412)
  })

  it('let an object be written once, also by many at the same time', async () => {
    const tries = await Promise.allSettled(
      Array.from({ length: 8 }, (_, i) => put({ Key: 'once', Body: String(i), IfNoneMatch: '*' })),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const again = await failure(put({ Key: 'once', Body: 'x', IfNoneMatch: '*' }))
    expect(again).toMatchObject({ name: 'PreconditionFailed', status: 412 })
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'once' }))
    await put({ Key: 'once', Body: 'x', IfNoneMatch: '*' })
  })

  it('let an object be replaced only where it has not changed', async () => {
    const { ETag } = await put({ Key: 'cas', Body: '1' })
    expect((await failure(put({ Key: 'cas', Body: '2', IfMatch: other }))).status).toBe(412)
    await put({ Key: 'cas', Body: '2', IfMatch: ETag })
    expect((await failure(put({ Key: 'cas', Body: '3', IfMatch: ETag }))).status).toBe(412)
    expect(await failure(put({ Key: 'cas-missing', Body: '3', IfMatch: ETag }))).toMatchObject({
      name: 'NoSuchKey',
      status: 404,
    })
    const remove = new DeleteObjectCommand({ Bucket, Key: 'cas', IfMatch: other })
    expect((await failure(s3.send(remove))).status).toBe(412)
  })
})

describe('checksums', () => {
  // CRC values of "123456789" from the catalogue of parametrised CRC algorithms.
  it.each([
    ['CRC32', 'ChecksumCRC32', Buffer.from('cbf43926', 'hex')],
    ['CRC32C', 'ChecksumCRC32C', Buffer.from('e3069283', 'hex')],
    ['CRC64NVME', 'ChecksumCRC64NVME', Buffer.from('ae8b14860a799888', 'hex')],
    ['SHA1', 'ChecksumSHA1', createHash('sha1').update('123456789').digest()],
    ['SHA256', 'ChecksumSHA256', createHash('sha256').update('123456789').digest()],
  ])('%s is checked, kept and given back', async (algorithm, member, digest) => {
    const value = digest.toString('base64')
    await put({ Key: algorithm, Body: '123456789', [member]: value })
    expect(await head(algorithm, { ChecksumMode: 'ENABLED' })).toMatchObject({ [member]: value })
    const wrong = Buffer.from(digest)
    wrong[0] = (wrong[0] ?? 0) ^ 1
    const bad = put({ Key: `${algorithm}-bad`, Body: '123456789', [member]: wrong.toString('base64') })
    expect(await failure(bad)).toMatchObject({ name: 'BadDigest', status: 400 })
    expect((await failure(head(`${algorithm}-bad`))).status).toBe(404)
  })

  it('are computed by the client where it names an algorithm', async () => {
    for (const algorithm of ['SHA256', 'CRC32'] as ChecksumAlgorithm[])
      await put({ Key: `named-${algorithm}`, Body: 'z', ChecksumAlgorithm: algorithm })
    const seen = await head('named-SHA256', { ChecksumMode: 'ENABLED' })
    expect(seen.ChecksumSHA256).toBe(sha256('z'))
    expect((await head('named-SHA256')).ChecksumSHA256).toBeUndefined()
  })

  it('of the wrong length are no checksums', async () => {
    expect((await failure(put({ Key: 'short', Body: 'z', ChecksumSHA256: 'AAAA' }))).name).toBe(
      'InvalidRequest',
    )
  })

  it('by Content-MD5', async () => {
    const of = (text: string) => createHash('md5').update(text).digest('base64')
    await put({ Key: 'md5', Body: 'z', ContentMD5: of('z') })
    expect((await failure(put({ Key: 'md5', Body: 'z', ContentMD5: of('other') }))).name).toBe('BadDigest')
    expect((await failure(put({ Key: 'md5', Body: 'z', ContentMD5: 'AAAA' }))).name).toBe('InvalidDigest')
  })
})

describe('what is not there', () => {
  it('is answered by its own code', async () => {
    expect(await failure(get('nope'))).toMatchObject({ name: 'NoSuchKey', status: 404 })
    expect(await failure(head('nope'))).toMatchObject({ name: 'NotFound', status: 404 })
    const noBucket = s3.send(new GetObjectCommand({ Bucket: 'nobucket', Key: 'nope' }))
    expect(await failure(noBucket)).toMatchObject({ name: 'NoSuchBucket', status: 404 })
    const noVersion = get('a/1.txt', { VersionId: 'nothing' })
    expect(await failure(noVersion)).toMatchObject({ name: 'NoSuchVersion', status: 404 })
  })
})

describe('copy', () => {
  const copy = (Key: string, CopySource: string, more: object = {}) =>
    s3.send(new CopyObjectCommand({ Bucket, Key, CopySource, ...more }))

  it('takes body, metadata and tags along, or new ones', async () => {
    await put({ Key: 'src ü', Body: 'hello', Metadata: { foo: 'bar' }, Tagging: 'k=v' })
    const source = `${Bucket}/${encodeURIComponent('src ü')}`
    const done = await copy('copy.txt', source)
    expect(done.CopyObjectResult).toMatchObject({ ETag: `"${md5('hello')}"`, ChecksumCRC32: 'NhCmhg==' })
    const got = await get('copy.txt')
    expect(await textOf(got)).toBe('hello')
    expect(got).toMatchObject({ Metadata: { foo: 'bar' }, TagCount: 1 })
    await copy('copy2.txt', source, {
      MetadataDirective: 'REPLACE',
      Metadata: { new: '1' },
      TaggingDirective: 'REPLACE',
      ChecksumAlgorithm: 'SHA256',
    })
    const second = await get('copy2.txt')
    expect(second.Metadata).toEqual({ new: '1' })
    expect(second.TagCount).toBeUndefined()
    expect(second.ChecksumSHA256).toBe(sha256('hello'))
  })

  it('is refused for a bad source, a failed condition, and onto itself unchanged', async () => {
    expect((await failure(copy('c', 'objects'))).name).toBe('InvalidArgument')
    expect((await failure(copy('c', 'objects/nope'))).name).toBe('NoSuchKey')
    expect((await failure(copy('c', 'nobucket/nope'))).name).toBe('NoSuchBucket')
    expect((await failure(copy('a/1.txt', 'objects/a/1.txt'))).name).toBe('InvalidRequest')
    const changed = copy('c', 'objects/a/1.txt', { CopySourceIfMatch: `"${md5('x')}"` })
    expect((await failure(changed)).status).toBe(412)
    const same = copy('c', 'objects/a/1.txt', { CopySourceIfNoneMatch: `"${md5('hello')}"` })
    expect((await failure(same)).status).toBe(412)
    await copy('a/1.txt', 'objects/a/1.txt', { MetadataDirective: 'REPLACE', Metadata: { foo: 'bar' } })
  })
})

describe('delete', () => {
  it('one, also one that is not there', async () => {
    await put({ Key: 'gone', Body: 'x' })
    for (let i = 0; i < 2; i += 1) {
      const done = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'gone' }))
      expect(done.$metadata.httpStatusCode).toBe(204)
    }
    expect((await failure(head('gone'))).status).toBe(404)
  })

  it('many, whatever their names', async () => {
    const keys = ['d/1', ' d & <2> ', 'd/3\r\n', 'd/missing']
    for (const Key of keys.slice(0, 3)) await put({ Key, Body: 'x' })
    const Delete = { Objects: keys.map(Key => ({ Key })) }
    const done = await s3.send(new DeleteObjectsCommand({ Bucket, Delete }))
    expect(done.Deleted?.map(({ Key }) => Key)).toEqual(keys)
    expect(done.Errors ?? []).toEqual([])
    for (const Key of keys) expect((await failure(head(Key))).status).toBe(404)
    const quiet = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { ...Delete, Quiet: true } }))
    expect(quiet.Deleted ?? []).toEqual([])
  })
})

describe('tags and attributes', () => {
  it('leave the object as it is', async () => {
    const TagSet = [
      { Key: 'k', Value: 'v & <w>' },
      { Key: 'empty', Value: '' },
    ]
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'a/1.txt', Tagging: { TagSet } }))
    const tags = await s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'a/1.txt' }))
    expect(tags.TagSet).toEqual(TagSet)
    expect(await textOf(await get('a/1.txt'))).toBe('hello')
    const tooMany = Array.from({ length: 11 }, (_, i) => ({ Key: String(i), Value: '' }))
    const many = new PutObjectTaggingCommand({ Bucket, Key: 'a/1.txt', Tagging: { TagSet: tooMany } })
    expect((await failure(s3.send(many))).name).toBe('BadRequest')
    const twice = [TagSet[0], TagSet[0]] as typeof TagSet
    const double = new PutObjectTaggingCommand({ Bucket, Key: 'a/1.txt', Tagging: { TagSet: twice } })
    expect((await failure(s3.send(double))).name).toBe('InvalidTag')
  })

  it('tell size, ETag and checksum', async () => {
    const attributes = await s3.send(
      new GetObjectAttributesCommand({
        Bucket,
        Key: 'p',
        ObjectAttributes: ['ETag', 'ObjectSize', 'Checksum', 'StorageClass'],
      }),
    )
    expect(attributes).toMatchObject({
      ETag: md5('hello'),
      ObjectSize: 5,
      StorageClass: 'STANDARD',
      Checksum: { ChecksumCRC32: 'NhCmhg==', ChecksumType: 'FULL_OBJECT' },
    })
  })
})
