import { createHash, randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import { crc32 } from 'node:zlib'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  type CreateMultipartUploadCommandInput,
  GetObjectAttributesCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3Client,
  UploadPartCommand,
  UploadPartCopyCommand,
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestCloud, type TestCloud } from '../http-cloud.ts'

const Bucket = 'parts'
const mib = 1024 * 1024
let cloud: TestCloud
let s3: S3Client
beforeAll(async () => {
  cloud = await startTestCloud()
  cloud.s3.createBucket({ BucketName: Bucket })
  s3 = new S3Client({ ...cloud.client(), forcePathStyle: true })
})
afterAll(() => cloud.close())

const md5 = (data: Buffer) => createHash('md5').update(data).digest()
const first = randomBytes(5 * mib)
const second = Buffer.from('the end')
const whole = Buffer.concat([first, second])

async function begin(Key: string, more: Partial<CreateMultipartUploadCommandInput> = {}) {
  const { UploadId } = await s3.send(new CreateMultipartUploadCommand({ Bucket, Key, ...more }))
  const target = { Bucket, Key, UploadId: UploadId ?? '' }
  return {
    target,
    async part(PartNumber: number, Body: Buffer, extra: object = {}): Promise<CompletedPart> {
      const { $metadata: _metadata, ...done } = await s3.send(
        new UploadPartCommand({ ...target, PartNumber, Body, ...extra }),
      )
      return { PartNumber, ...done }
    },
    complete: (Parts: CompletedPart[], extra: object = {}) =>
      s3.send(new CompleteMultipartUploadCommand({ ...target, MultipartUpload: { Parts }, ...extra })),
  }
}
const bytes = async (Key: string, more: object = {}) => {
  const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))
  return Buffer.from((await Body?.transformToByteArray()) ?? [])
}

describe('multipart uploads', () => {
  it('by lib-storage from a stream', async () => {
    const data = randomBytes(12 * mib)
    const params = { Bucket, Key: 'stream', Body: Readable.from([data]) }
    const done = await new Upload({ client: s3, params, partSize: 5 * mib, queueSize: 3 }).done()
    expect(done.ETag).toMatch(/^"[0-9a-f]{32}-3"$/)
    expect((await bytes('stream')).equals(data)).toBe(true)
  })

  it('have the ETag, checksum and parts that S3 computes', async () => {
    const upload = await begin('etag', {
      ContentType: 'x/y',
      Metadata: { a: 'b' },
      Tagging: 'k=v',
      ChecksumAlgorithm: 'CRC32',
    })
    const parts = [await upload.part(2, second), await upload.part(1, first)].toReversed()
    const listed = await s3.send(new ListPartsCommand({ ...upload.target, MaxParts: 1 }))
    expect(listed).toMatchObject({
      IsTruncated: true,
      NextPartNumberMarker: '1',
      Parts: [{ PartNumber: 1, Size: 5 * mib }],
    })
    const done = await upload.complete(parts)
    const etag = createHash('md5').update(md5(first)).update(md5(second)).digest('hex')
    const sums = Buffer.alloc(8)
    sums.writeUInt32BE(crc32(first), 0)
    sums.writeUInt32BE(crc32(second), 4)
    const composite = Buffer.alloc(4)
    composite.writeUInt32BE(crc32(sums))
    const ChecksumCRC32 = `${composite.toString('base64')}-2`
    expect(done).toMatchObject({ ETag: `"${etag}-2"`, ChecksumCRC32, ChecksumType: 'COMPOSITE' })
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'etag', ChecksumMode: 'ENABLED' }))
    expect(head).toMatchObject({
      ContentType: 'x/y',
      Metadata: { a: 'b' },
      ChecksumCRC32,
      ContentLength: whole.length,
    })
    expect((await bytes('etag')).equals(whole)).toBe(true)
    expect((await bytes('etag', { PartNumber: 2 })).equals(second)).toBe(true)
    expect((await failure(bytes('etag', { PartNumber: 3 }))).status).toBe(416)
    const attributes = new GetObjectAttributesCommand({
      Bucket,
      Key: 'etag',
      ObjectAttributes: ['ObjectParts'],
    })
    expect((await s3.send(attributes)).ObjectParts).toMatchObject({ TotalPartsCount: 2 })
    expect((await failure(upload.part(3, second))).name).toBe('NoSuchUpload')
  })

  it('can carry a checksum of the whole object', async () => {
    const upload = await begin('full', { ChecksumAlgorithm: 'CRC32', ChecksumType: 'FULL_OBJECT' })
    const parts = [await upload.part(1, first), await upload.part(2, second)]
    const sum = Buffer.alloc(4)
    sum.writeUInt32BE(crc32(whole))
    const ChecksumCRC32 = sum.toString('base64')
    const wrong = upload.complete(parts, { ChecksumCRC32: 'AAAAAA==', ChecksumType: 'FULL_OBJECT' })
    expect((await failure(wrong)).name).toBe('BadDigest')
    const done = await upload.complete(parts, { ChecksumCRC32, ChecksumType: 'FULL_OBJECT' })
    expect(done).toMatchObject({ ChecksumCRC32, ChecksumType: 'FULL_OBJECT' })
    const sha = begin('sha', { ChecksumAlgorithm: 'SHA256', ChecksumType: 'FULL_OBJECT' })
    expect((await failure(sha)).name).toBe('InvalidRequest')
  })

  it('are listed while they last, and aborted', async () => {
    const upload = await begin('aborted')
    await upload.part(1, second)
    const { Uploads } = await s3.send(new ListMultipartUploadsCommand({ Bucket, Prefix: 'aborted' }))
    expect(Uploads).toMatchObject([{ Key: 'aborted', UploadId: upload.target.UploadId }])
    const abort = () => s3.send(new AbortMultipartUploadCommand(upload.target))
    await abort()
    expect((await failure(abort())).name).toBe('NoSuchUpload')
    expect((await failure(s3.send(new ListPartsCommand(upload.target)))).name).toBe('NoSuchUpload')
  })

  it('refuse parts that are missing, changed, out of order or too small', async () => {
    const upload = await begin('wrong')
    const one = await upload.part(1, second)
    const two = await upload.part(2, second)
    expect((await failure(upload.complete([one, two]))).name).toBe('EntityTooSmall')
    expect((await failure(upload.complete([two, one]))).name).toBe('InvalidPartOrder')
    expect((await failure(upload.complete([{ ...one, PartNumber: 3 }]))).name).toBe('InvalidPart')
    expect((await failure(upload.complete([{ ...one, ETag: '"00"' }]))).name).toBe('InvalidPart')
    expect((await failure(upload.complete([]))).name).toBe('MalformedXML')
    expect((await failure(upload.part(0, second))).name).toBe('InvalidArgument')
    expect((await failure(upload.part(1, second, { ChecksumCRC32: 'AAAAAA==' }))).name).toBe('BadDigest')
    expect((await upload.complete([two])).ETag).toMatch(/-1"$/)
  })

  it('replace a part that is sent again, and hold conditions at the end', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'taken', Body: 'x' }))
    const upload = await begin('taken')
    await upload.part(1, first)
    const part = await upload.part(1, second)
    expect((await failure(upload.complete([part], { IfNoneMatch: '*' }))).status).toBe(412)
    await upload.complete([part])
    expect((await bytes('taken')).equals(second)).toBe(true)
  })

  it('can be completed once by many at the same time', async () => {
    const upload = await begin('race')
    const part = await upload.part(1, first)
    const tries = await Promise.allSettled(Array.from({ length: 4 }, () => upload.complete([part])))
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect((await bytes('race')).equals(first)).toBe(true)
  })

  it('take parts from other objects', async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: 'source', Body: whole }))
    const upload = await begin('copied')
    const copyPart = async (PartNumber: number, CopySourceRange: string) => {
      const input = { ...upload.target, PartNumber, CopySource: `${Bucket}/source`, CopySourceRange }
      const { CopyPartResult } = await s3.send(new UploadPartCopyCommand(input))
      return { PartNumber, ETag: CopyPartResult?.ETag }
    }
    const parts = [
      await copyPart(1, `bytes=0-${5 * mib - 1}`),
      await copyPart(2, `bytes=${5 * mib}-${whole.length - 1}`),
    ]
    await upload.complete(parts as CompletedPart[])
    expect((await bytes('copied')).equals(whole)).toBe(true)
    expect((await failure(copyPart(1, 'bytes=5-'))).name).toBe('InvalidArgument')
    expect((await failure(copyPart(1, 'bytes=0-5'))).name).toBe('NoSuchUpload')
  })

  it('lose their multipart ETag when copied', async () => {
    await s3.send(new CopyObjectCommand({ Bucket, Key: 'plain', CopySource: `${Bucket}/etag` }))
    const head = await s3.send(new HeadObjectCommand({ Bucket, Key: 'plain' }))
    expect(head.ETag).toBe(`"${md5(whole).toString('hex')}"`)
  })
})
