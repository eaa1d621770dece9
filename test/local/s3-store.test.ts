import { appendFileSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  GetBucketLifecycleConfigurationCommand,
  GetObjectCommand,
  ListObjectVersionsCommand,
  PutBucketLifecycleConfigurationCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { failure, startTestCloud, type TestCloud, temporaryDir } from './http-cloud.ts'

const Bucket = 'kept'
let dir: string
let cloud: TestCloud
let s3: S3Client
const open = async () => {
  cloud = await startTestCloud({ dir })
  s3 = new S3Client({ ...cloud.client(), forcePathStyle: true })
}
const reopen = async (between: () => void = () => {}) => {
  await cloud.close()
  between()
  await open()
}
beforeEach(async () => {
  dir = temporaryDir()
  await open()
  cloud.s3.createBucket({
    BucketName: Bucket,
    NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
  })
})
afterEach(async () => {
  await cloud.close()
  rmSync(dir, { recursive: true })
})

const put = (Key: string, Body: string, more: object = {}) =>
  s3.send(new PutObjectCommand({ Bucket, Key, Body, ...more }))
const text = async (Key: string, more: object = {}) =>
  (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body?.transformToString()
const journal = () => join(dir, 's3', Bucket, 'journal.jsonl')
const bodies = () => readdirSync(join(dir, 's3', Bucket, 'data'))

describe('a store that is opened again', () => {
  it('has the same objects, versions, tags, settings and unfinished uploads', async () => {
    await put('plain', 'before versioning', { Metadata: { a: 'b' } })
    cloud.s3.createBucket({ BucketName: Bucket, VersioningConfiguration: { Status: 'Enabled' } })
    const one = await put('k', 'one')
    await put('k', 'two', { Tagging: 'x=y' })
    const TagSet = [{ Key: 'stage', Value: 'prod' }]
    await s3.send(new PutObjectTaggingCommand({ Bucket, Key: 'k', Tagging: { TagSet } }))
    await put('deleted', 'x')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'deleted' }))
    const Rules = [{ ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } }]
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
    const target = { Bucket, Key: 'mp' }
    const { UploadId = '' } = await s3.send(new CreateMultipartUploadCommand(target))
    const part = await s3.send(new UploadPartCommand({ ...target, UploadId, PartNumber: 1, Body: 'part' }))
    const before = await s3.send(new ListObjectVersionsCommand({ Bucket }))

    await reopen()
    const after = await s3.send(new ListObjectVersionsCommand({ Bucket }))
    expect([after.Versions, after.DeleteMarkers]).toEqual([before.Versions, before.DeleteMarkers])
    expect(after.Versions).toHaveLength(4)
    expect(await text('plain')).toBe('before versioning')
    expect(await text('k')).toBe('two')
    expect(await text('k', { VersionId: one.VersionId })).toBe('one')
    expect((await s3.send(new GetObjectCommand({ Bucket, Key: 'k' }))).TagCount).toBe(1)
    expect((await failure(text('deleted'))).name).toBe('NoSuchKey')
    const lifecycle = await s3.send(new GetBucketLifecycleConfigurationCommand({ Bucket }))
    expect(lifecycle.Rules).toHaveLength(1)
    const Parts = [{ PartNumber: 1, ETag: part.ETag }]
    await s3.send(new CompleteMultipartUploadCommand({ ...target, UploadId, MultipartUpload: { Parts } }))
    expect(await text('mp')).toBe('part')
  })

  it('drops a write that a crash cut short, and the bodies that belong to nothing', async () => {
    await put('whole', 'x')
    const length = readFileSync(journal()).length
    await put('cut', 'y')
    await reopen(() => {
      truncateSync(journal(), length + 20)
      writeFileSync(join(dir, 's3', Bucket, 'data', 'half.tmp'), 'half')
    })
    expect(await text('whole')).toBe('x')
    expect((await failure(text('cut'))).name).toBe('NoSuchKey')
    expect(bodies()).toHaveLength(1)
    await put('cut', 'again')
    await reopen()
    expect(await text('cut')).toBe('again')
  })

  it('says which line is damaged', async () => {
    await put('k', 'x')
    await cloud.close()
    appendFileSync(journal(), 'no json\n')
    await expect(open()).rejects.toThrow(/line \d+ of .*journal\.jsonl is damaged/)
    writeFileSync(journal(), '')
    await open()
  })

  it('keeps bodies no longer than they are needed', async () => {
    for (let i = 0; i < 5; i += 1) await put('k', String(i))
    await put('other', 'x')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'other' }))
    await expect.poll(() => bodies().length).toBe(1)
    await reopen()
    expect(readFileSync(journal(), 'utf8').trim().split('\n').length).toBeLessThan(5)
    expect(await text('k')).toBe('4')
  })
})

describe('events', () => {
  interface Detail {
    readonly object: { readonly key: string; readonly sequencer: string; readonly 'version-id'?: string }
    readonly reason: string
  }
  const details = () => cloud.events.map(event => event.detail as unknown as Detail)

  it('tell of created objects as EventBridge does', async () => {
    const { ETag } = await put('data/ü 1+.csv', 'hello')
    expect(cloud.events).toEqual([
      {
        source: 'aws.s3',
        detailType: 'Object Created',
        resources: ['arn:aws:s3:::kept'],
        detail: {
          version: '0',
          bucket: { name: Bucket },
          object: {
            key: 'data/ü 1+.csv',
            size: 5,
            etag: ETag?.replaceAll('"', ''),
            sequencer: expect.stringMatching(/^[0-9A-F]{18}$/),
          },
          'request-id': expect.stringMatching(/^[0-9A-F]{16}$/),
          requester: '000000000000',
          'source-ip-address': '127.0.0.1',
          reason: 'PutObject',
        },
      },
    ])
  })

  it('tell of deletions and delete markers, with the version where there is one', async () => {
    await put('k', 'x')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'never-there' }))
    cloud.s3.createBucket({
      BucketName: Bucket,
      VersioningConfiguration: { Status: 'Enabled' },
      NotificationConfiguration: { EventBridgeConfiguration: { EventBridgeEnabled: true } },
    })
    const { VersionId } = await put('k', 'y')
    const marker = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId }))
    const told = cloud.events.map(event => [
      event.detailType,
      event.detail['deletion-type'],
      Reflect.get(event.detail['object'] as object, 'version-id'),
    ])
    expect(told).toEqual([
      ['Object Created', undefined, undefined],
      ['Object Deleted', 'Permanently Deleted', undefined],
      ['Object Created', undefined, VersionId],
      ['Object Deleted', 'Delete Marker Created', marker.VersionId],
      ['Object Deleted', 'Permanently Deleted', VersionId],
    ])
  })

  it('are in order by their sequencer, also over a restart with a clock that went back', async () => {
    await put('k', '1')
    await put('k', '2')
    const earlier = details().map(({ object }) => object.sequencer)
    await reopen()
    cloud.realm.now = () => new Date('2001-01-01T00:00:00Z')
    s3 = new S3Client({
      ...cloud.client(),
      forcePathStyle: true,
      systemClockOffset: Date.parse('2001-01-01T00:00:00Z') - Date.now(),
    })
    cloud.s3.createBucket({
      BucketName: Bucket,
      NotificationConfiguration: { EventBridgeConfiguration: {} },
    })
    await put('k', '3')
    const all = [...earlier, ...details().map(({ object }) => object.sequencer)]
    expect(all).toHaveLength(3)
    expect(all.toSorted()).toEqual(all)
    expect(new Set(all).size).toBe(3)
  })

  it('are not sent for writes that were refused', async () => {
    await put('once', '1', { IfNoneMatch: '*' })
    await failure(put('once', '2', { IfNoneMatch: '*' }))
    await failure(put('bad', '2', { ChecksumCRC32: 'AAAAAA==' }))
    expect(details().map(({ object }) => object.key)).toEqual(['once'])
  })

  it('refuse direct notifications of a template', () => {
    const NotificationConfiguration: object = { LambdaConfigurations: [] }
    const make = () => cloud.s3.createBucket({ BucketName: 'direct-bucket', NotificationConfiguration })
    expect(make).toThrow('LambdaConfigurations')
  })
})
