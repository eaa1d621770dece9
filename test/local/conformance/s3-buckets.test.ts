import {
  CreateBucketCommand,
  DeleteBucketCommand,
  DeleteBucketLifecycleCommand,
  DeleteBucketPolicyCommand,
  DeleteObjectCommand,
  DeletePublicAccessBlockCommand,
  GetBucketEncryptionCommand,
  GetBucketLifecycleConfigurationCommand,
  GetBucketLocationCommand,
  GetBucketNotificationConfigurationCommand,
  GetBucketPolicyCommand,
  GetBucketTaggingCommand,
  GetBucketVersioningCommand,
  GetObjectCommand,
  GetPublicAccessBlockCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  ListObjectVersionsCommand,
  PutBucketEncryptionCommand,
  PutBucketLifecycleConfigurationCommand,
  PutBucketNotificationConfigurationCommand,
  PutBucketPolicyCommand,
  PutBucketTaggingCommand,
  PutBucketVersioningCommand,
  PutObjectCommand,
  PutPublicAccessBlockCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { failure, startTestCloud, type TestCloud } from '../http-cloud.ts'

let cloud: TestCloud
let s3: S3Client
beforeAll(async () => {
  cloud = await startTestCloud()
  s3 = new S3Client({ ...cloud.client(), forcePathStyle: true })
})
afterAll(() => cloud.close())

const create = (Bucket: string) => s3.send(new CreateBucketCommand({ Bucket }))
const put = (Bucket: string, Key: string, Body = Key) => s3.send(new PutObjectCommand({ Bucket, Key, Body }))

describe('buckets', () => {
  it('are made, found, listed and removed', async () => {
    await create('made')
    expect((await s3.send(new HeadBucketCommand({ Bucket: 'made' }))).BucketRegion).toBe('eu-west-1')
    const { Buckets } = await s3.send(new ListBucketsCommand({}))
    expect(Buckets?.map(({ Name }) => Name)).toContain('made')
    const location = await s3.send(new GetBucketLocationCommand({ Bucket: 'made' }))
    expect(location.LocationConstraint).toBe('eu-west-1')
    expect((await failure(create('made'))).name).toBe('BucketAlreadyOwnedByYou')
    await put('made', 'k')
    const remove = () => s3.send(new DeleteBucketCommand({ Bucket: 'made' }))
    expect(await failure(remove())).toMatchObject({ name: 'BucketNotEmpty', status: 409 })
    await s3.send(new DeleteObjectCommand({ Bucket: 'made', Key: 'k' }))
    await remove()
    expect((await failure(s3.send(new HeadBucketCommand({ Bucket: 'made' })))).status).toBe(404)
    expect((await failure(remove())).name).toBe('NoSuchBucket')
  })

  it.each(['Upper', 'ab', '192.168.0.1', 'a..b', '-a-b'])('refuse the name %s', async name => {
    expect((await failure(create(name))).name).toBe('InvalidBucketName')
  })
})

describe('listing', () => {
  const Bucket = 'listing'
  const keys = ['a', 'p/q/z', 'p/q/zz', 'p/x', 'p/y', 'z 1&<', 'ü', '\u{1f600}', '\uffee']
  beforeAll(async () => {
    await create(Bucket)
    for (const key of keys) await put(Bucket, key)
  })
  const list = (input: Partial<ListObjectsV2CommandInput>) =>
    s3.send(new ListObjectsV2Command({ Bucket, ...input }))
  const keysOf = (output: { Contents?: { Key?: string | undefined }[] | undefined }) =>
    output.Contents?.map(({ Key }) => Key) ?? []

  it('is in the order of UTF-8 bytes, which is not that of JavaScript strings', async () => {
    const all = await list({})
    expect(keysOf(all)).toEqual(['a', 'p/q/z', 'p/q/zz', 'p/x', 'p/y', 'z 1&<', 'ü', '\uffee', '\u{1f600}'])
    expect(all).toMatchObject({ KeyCount: 9, IsTruncated: false })
    expect(all.Contents?.[0]).toMatchObject({
      Size: 1,
      StorageClass: 'STANDARD',
      ChecksumAlgorithm: ['CRC32'],
    })
  })

  it('rolls up by delimiter', async () => {
    const page = await list({ Prefix: 'p/', Delimiter: '/' })
    expect(keysOf(page)).toEqual(['p/x', 'p/y'])
    expect(page.CommonPrefixes).toEqual([{ Prefix: 'p/q/' }])
    expect(page.KeyCount).toBe(3)
  })

  it('goes page by page without loss or repetition, with and without delimiter', async () => {
    for (const Delimiter of [undefined, '/']) {
      for (const MaxKeys of [1, 2, 3]) {
        const seen: (string | undefined)[] = []
        let ContinuationToken: string | undefined
        do {
          const page: Awaited<ReturnType<typeof list>> = await list({
            MaxKeys,
            ...(Delimiter === undefined ? {} : { Delimiter }),
            ...(ContinuationToken === undefined ? {} : { ContinuationToken }),
          })
          const prefixes = page.CommonPrefixes?.map(({ Prefix }) => Prefix) ?? []
          expect(keysOf(page).length + prefixes.length).toBeLessThanOrEqual(MaxKeys)
          seen.push(...keysOf(page), ...prefixes)
          ContinuationToken = page.NextContinuationToken
        } while (ContinuationToken !== undefined)
        const whole = Delimiter === undefined ? [...keys] : ['a', 'p/', ...keys.slice(5)]
        expect(seen.toSorted()).toEqual(whole.toSorted())
      }
    }
  })

  it('starts after a key, and refuses a token that it did not give', async () => {
    expect(keysOf(await list({ StartAfter: 'p/x', MaxKeys: 1 }))).toEqual(['p/y'])
    expect((await failure(list({ ContinuationToken: '!' }))).name).toBe('InvalidArgument')
    expect(keysOf(await list({ MaxKeys: 0 }))).toEqual([])
  })

  it('by the first version of the operation, with url encoding', async () => {
    const first = await s3.send(new ListObjectsCommand({ Bucket, Delimiter: '/', MaxKeys: 2 }))
    expect(first).toMatchObject({ IsTruncated: true, NextMarker: 'p/' })
    const second = await s3.send(
      new ListObjectsCommand({ Bucket, Delimiter: '/', Marker: 'p/', MaxKeys: 1, EncodingType: 'url' }),
    )
    expect(keysOf(second)).toEqual(['z%201%26%3C'])
  })
})

describe('versioning', () => {
  const Bucket = 'versioned'
  const version = (VersionId: string | undefined) =>
    s3.send(new GetObjectCommand({ Bucket, Key: 'k', ...(VersionId === undefined ? {} : { VersionId }) }))
  const versioning = (Status: 'Enabled' | 'Suspended') =>
    s3.send(new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status } }))

  it('keeps every version, marks deletions and brings objects back', async () => {
    await create(Bucket)
    await put(Bucket, 'k', 'zero')
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBeUndefined()
    await versioning('Enabled')
    expect((await s3.send(new GetBucketVersioningCommand({ Bucket }))).Status).toBe('Enabled')
    const one = await put(Bucket, 'k', 'one')
    const two = await put(Bucket, 'k', 'two')
    expect(one.VersionId).toMatch(/^[\w-]{32}$/)
    expect(one.VersionId).not.toBe(two.VersionId)
    expect(await (await version(one.VersionId)).Body?.transformToString()).toBe('one')
    expect(await (await version('null')).Body?.transformToString()).toBe('zero')
    const listed = await s3.send(new ListObjectVersionsCommand({ Bucket }))
    expect(listed.Versions?.map(({ VersionId, IsLatest }) => [VersionId, IsLatest])).toEqual([
      [two.VersionId, true],
      [one.VersionId, false],
      ['null', false],
    ])

    const gone = await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k' }))
    expect(gone.DeleteMarker).toBe(true)
    expect(await failure(version(undefined))).toMatchObject({ name: 'NoSuchKey', status: 404 })
    expect(await failure(version(gone.VersionId))).toMatchObject({ name: 'MethodNotAllowed', status: 405 })
    const marked = await s3.send(new ListObjectVersionsCommand({ Bucket }))
    expect(marked.DeleteMarkers).toMatchObject([{ Key: 'k', IsLatest: true, VersionId: gone.VersionId }])
    expect((await s3.send(new ListObjectsV2Command({ Bucket }))).KeyCount).toBe(0)
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: gone.VersionId }))
    expect(await (await version(undefined)).Body?.transformToString()).toBe('two')
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'k', VersionId: two.VersionId }))
    expect(await (await version(undefined)).Body?.transformToString()).toBe('one')
  })

  it('pages through versions within one key', async () => {
    for (let i = 0; i < 3; i += 1) await put(Bucket, 'paged', String(i))
    const seen: (string | undefined)[] = []
    let marker: { KeyMarker?: string; VersionIdMarker?: string } = {}
    for (;;) {
      const page = await s3.send(
        new ListObjectVersionsCommand({ Bucket, Prefix: 'paged', MaxKeys: 1, ...marker }),
      )
      seen.push(...(page.Versions?.map(({ VersionId }) => VersionId) ?? []))
      if (page.IsTruncated !== true || seen.length > 3) break
      marker = { KeyMarker: page.NextKeyMarker ?? '', VersionIdMarker: page.NextVersionIdMarker ?? '' }
    }
    expect(new Set(seen).size).toBe(3)
    expect(seen).toHaveLength(3)
  })

  it('when suspended replaces only the null version', async () => {
    await put(Bucket, 'sus', 'kept')
    await versioning('Suspended')
    expect((await put(Bucket, 'sus', 'null 1')).VersionId).toBe('null')
    await put(Bucket, 'sus', 'null 2')
    const { Versions } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'sus' }))
    expect(Versions).toHaveLength(2)
    await s3.send(new DeleteObjectCommand({ Bucket, Key: 'sus' }))
    const after = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix: 'sus' }))
    expect(after.DeleteMarkers).toMatchObject([{ VersionId: 'null' }])
    expect(after.Versions).toHaveLength(1)
  })
})

describe('configuration', () => {
  const Bucket = 'configured'
  beforeAll(() => create(Bucket))

  it('sends events only where EventBridge is on', async () => {
    await put(Bucket, 'before')
    const NotificationConfiguration = { EventBridgeConfiguration: {} }
    await s3.send(new PutBucketNotificationConfigurationCommand({ Bucket, NotificationConfiguration }))
    const read = await s3.send(new GetBucketNotificationConfigurationCommand({ Bucket }))
    expect(read.EventBridgeConfiguration).toBeDefined()
    await put(Bucket, 'after')
    expect(cloud.events.map(event => Reflect.get(event.detail['object'] as object, 'key'))).toEqual(['after'])
    const Queue = {
      QueueArn: 'arn:aws:sqs:eu-west-1:000000000000:q',
      Events: ['s3:ObjectCreated:*' as const],
    }
    const direct = new PutBucketNotificationConfigurationCommand({
      Bucket,
      NotificationConfiguration: { QueueConfigurations: [Queue] },
    })
    expect(await failure(s3.send(direct))).toMatchObject({ name: 'NotImplemented', status: 501 })
  })

  it('keeps and gives back lifecycle, encryption, public access block and tags', async () => {
    const lifecycle = new GetBucketLifecycleConfigurationCommand({ Bucket })
    expect((await failure(s3.send(lifecycle))).name).toBe('NoSuchLifecycleConfiguration')
    const Rules = [{ ID: 'x', Status: 'Enabled' as const, Filter: { Prefix: '' }, Expiration: { Days: 1 } }]
    await s3.send(new PutBucketLifecycleConfigurationCommand({ Bucket, LifecycleConfiguration: { Rules } }))
    expect((await s3.send(lifecycle)).Rules).toMatchObject([{ ID: 'x', Expiration: { Days: 1 } }])
    await s3.send(new DeleteBucketLifecycleCommand({ Bucket }))
    expect((await failure(s3.send(lifecycle))).status).toBe(404)

    const aes = { ApplyServerSideEncryptionByDefault: { SSEAlgorithm: 'AES256' as const } }
    await s3.send(
      new PutBucketEncryptionCommand({ Bucket, ServerSideEncryptionConfiguration: { Rules: [aes] } }),
    )
    const encryption = await s3.send(new GetBucketEncryptionCommand({ Bucket }))
    expect(encryption.ServerSideEncryptionConfiguration?.Rules).toMatchObject([aes])

    const PublicAccessBlockConfiguration = { BlockPublicAcls: true, BlockPublicPolicy: true }
    await s3.send(new PutPublicAccessBlockCommand({ Bucket, PublicAccessBlockConfiguration }))
    const block = await s3.send(new GetPublicAccessBlockCommand({ Bucket }))
    expect(block.PublicAccessBlockConfiguration).toMatchObject(PublicAccessBlockConfiguration)
    await s3.send(new DeletePublicAccessBlockCommand({ Bucket }))

    const TagSet = [{ Key: 'team', Value: 'edge' }]
    await s3.send(new PutBucketTaggingCommand({ Bucket, Tagging: { TagSet } }))
    expect((await s3.send(new GetBucketTaggingCommand({ Bucket }))).TagSet).toEqual(TagSet)
  })

  it('keeps a bucket policy, and refuses one that it could not enforce', async () => {
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [] })
    await s3.send(new PutBucketPolicyCommand({ Bucket, Policy }))
    expect((await s3.send(new GetBucketPolicyCommand({ Bucket }))).Policy).toBe(Policy)
    const bad = [
      '{',
      '{}',
      JSON.stringify({ Statement: [{ Effect: 'Deny', NotPrincipal: '*', Action: '*', Resource: '*' }] }),
    ]
    for (const text of bad) {
      const call = s3.send(new PutBucketPolicyCommand({ Bucket, Policy: text }))
      expect((await failure(call)).name).toBe('MalformedPolicy')
    }
    await s3.send(new DeleteBucketPolicyCommand({ Bucket }))
    const gone = await failure(s3.send(new GetBucketPolicyCommand({ Bucket })))
    expect(gone.name).toBe('NoSuchBucketPolicy')
  })

  it('survives nonsense instead of XML', async () => {
    s3.middlewareStack.add(
      next => args => {
        const request = args.request as { query: Record<string, string>; body: string; method: string }
        if (!('versioning' in request.query) || request.method !== 'PUT') return next(args)
        request.body = '<'.repeat(request.body.length)
        return next(args)
      },
      { step: 'build', name: 'nonsense', priority: 'low' },
    )
    const call = new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: 'Enabled' } })
    const failed = await failure(s3.send(call))
    s3.middlewareStack.remove('nonsense')
    expect(failed.status).toBe(400)
    expect(await failure(s3.send(new HeadObjectCommand({ Bucket, Key: 'nope' })))).toMatchObject({
      status: 404,
    })
  })
})
