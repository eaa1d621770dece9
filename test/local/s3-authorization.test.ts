import {
  CopyObjectCommand,
  CreateMultipartUploadCommand,
  DeleteObjectCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  GetObjectTaggingCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListBucketsCommand,
  ListObjectsV2Command,
  ListObjectVersionsCommand,
  PutBucketPolicyCommand,
  PutObjectCommand,
  PutObjectTaggingCommand,
  S3Client,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PolicyStatement } from '../../local/core/types.ts'
import { account, failure, startTestCloud, type TestCloud } from './http-cloud.ts'

const Bucket = 'guarded'
let cloud: TestCloud
let admin: S3Client
let VersionId: string
beforeAll(async () => {
  cloud = await startTestCloud()
  cloud.s3.createBucket({ BucketName: Bucket, VersioningConfiguration: { Status: 'Enabled' } })
  admin = new S3Client({ ...cloud.client(), forcePathStyle: true })
  const put = new PutObjectCommand({ Bucket, Key: 'a/k', Body: 'x', Tagging: 'stage=prod' })
  VersionId = (await admin.send(put)).VersionId ?? ''
})
afterAll(() => cloud.close())

let count = 0
/** A client whose role may do only this. */
const only = (...statements: PolicyStatement[]): S3Client => {
  count += 1
  return new S3Client({ ...cloud.client(cloud.role(`r${count}`, statements)), forcePathStyle: true })
}
const allow = (Action: string, Resource: string, more: Partial<PolicyStatement> = {}): PolicyStatement => ({
  Effect: 'Allow',
  Action,
  Resource,
  ...more,
})
const objects = `arn:aws:s3:::${Bucket}/*`
const bucketArn = `arn:aws:s3:::${Bucket}`
const lastDenied = () => {
  const denial = cloud.iam.denials.at(-1)
  return `${denial?.action} ${denial?.resource}`
}

type Send = (client: S3Client) => Promise<unknown>
const operations: readonly (readonly [string, string, string, Send])[] = [
  ['GetObject', 's3:GetObject', 'a/k', s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'a/k' }))],
  [
    'GetObject of a version',
    's3:GetObjectVersion',
    'a/k',
    s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'a/k', VersionId })),
  ],
  ['PutObject', 's3:PutObject', 'p/k', s3 => s3.send(new PutObjectCommand({ Bucket, Key: 'p/k', Body: '' }))],
  ['DeleteObject', 's3:DeleteObject', 'p/k', s3 => s3.send(new DeleteObjectCommand({ Bucket, Key: 'p/k' }))],
  [
    'DeleteObject of a version',
    's3:DeleteObjectVersion',
    'p/k',
    s3 => s3.send(new DeleteObjectCommand({ Bucket, Key: 'p/k', VersionId: 'none' })),
  ],
  [
    'GetObjectTagging',
    's3:GetObjectTagging',
    'a/k',
    s3 => s3.send(new GetObjectTaggingCommand({ Bucket, Key: 'a/k' })),
  ],
  [
    'CreateMultipartUpload',
    's3:PutObject',
    'm/k',
    s3 => s3.send(new CreateMultipartUploadCommand({ Bucket, Key: 'm/k' })),
  ],
]

describe('each operation needs its action on its ARN', () => {
  it.each(operations)('%s', async (_name, action, key, send) => {
    const arn = `arn:aws:s3:::${Bucket}/${key}`
    await send(only(allow(action, arn)))
    const failed = await failure(send(only(allow(action, `${arn}-other`), allow('s3:List*', '*'))))
    expect(failed).toMatchObject({ name: 'AccessDenied', status: 403 })
    expect(failed.message).toContain(`is not authorized to perform: ${action} on resource: ${arn}`)
    expect(lastDenied()).toBe(`${action} ${arn}`)
  })

  it.each([
    ['ListObjectsV2', 's3:ListBucket', bucketArn, s3 => s3.send(new ListObjectsV2Command({ Bucket }))],
    ['HeadBucket', 's3:ListBucket', bucketArn, s3 => s3.send(new HeadBucketCommand({ Bucket }))],
    [
      'ListObjectVersions',
      's3:ListBucketVersions',
      bucketArn,
      s3 => s3.send(new ListObjectVersionsCommand({ Bucket })),
    ],
    ['ListBuckets', 's3:ListAllMyBuckets', '*', s3 => s3.send(new ListBucketsCommand({}))],
    [
      'PutBucketPolicy',
      's3:PutBucketPolicy',
      bucketArn,
      s3 => s3.send(new PutBucketPolicyCommand({ Bucket, Policy: '{"Statement":[]}' })),
    ],
  ] as readonly (readonly [string, string, string, Send])[])('%s', async (_name, action, resource, send) => {
    await send(only(allow(action, resource)))
    expect((await failure(send(only(allow('s3:*Object*', objects))))).status).toBe(403)
    expect(lastDenied()).toBe(`${action} ${resource}`)
  })

  it('PutObject with tags needs PutObjectTagging as well', async () => {
    const send: Send = s3 => s3.send(new PutObjectCommand({ Bucket, Key: 't', Body: '', Tagging: 'a=b' }))
    expect((await failure(send(only(allow('s3:PutObject', objects))))).status).toBe(403)
    expect(lastDenied()).toBe(`s3:PutObjectTagging arn:aws:s3:::${Bucket}/t`)
    await send(only(allow('s3:PutObject', objects), allow('s3:PutObjectTagging', objects)))
  })

  it('CopyObject needs to read the source and to write the target', async () => {
    const send: Send = s3 =>
      s3.send(
        new CopyObjectCommand({ Bucket, Key: 'c', CopySource: `${Bucket}/a/k`, TaggingDirective: 'REPLACE' }),
      )
    const read = allow('s3:GetObject', `arn:aws:s3:::${Bucket}/a/k`)
    const write = allow('s3:PutObject', `arn:aws:s3:::${Bucket}/c`)
    await send(only(read, write))
    expect((await failure(send(only(read)))).status).toBe(403)
    expect((await failure(send(only(write)))).status).toBe(403)
  })

  it('DeleteObjects answers per key', async () => {
    const s3 = only(allow('s3:DeleteObject', `arn:aws:s3:::${Bucket}/mine/*`))
    const Objects = [{ Key: 'mine/1' }, { Key: 'theirs/1' }]
    const done = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects } }))
    expect(done.Deleted?.map(({ Key }) => Key)).toEqual(['mine/1'])
    expect(done.Errors).toMatchObject([{ Key: 'theirs/1', Code: 'AccessDenied' }])
  })
})

describe('a missing key', () => {
  const get: Send = s3 => s3.send(new GetObjectCommand({ Bucket, Key: 'a/missing' }))
  const head: Send = s3 => s3.send(new HeadObjectCommand({ Bucket, Key: 'a/missing' }))

  it('is AccessDenied for those who may not list', async () => {
    const reader = only(allow('s3:GetObject', objects))
    const failed = await failure(get(reader))
    expect(failed).toMatchObject({ name: 'AccessDenied', status: 403 })
    expect(failed.message).toContain(`s3:ListBucket on resource: ${bucketArn}`)
    expect((await failure(head(reader))).status).toBe(403)
  })

  it('is NoSuchKey for those who may', async () => {
    const lister = only(allow('s3:GetObject', objects), allow('s3:ListBucket', bucketArn))
    expect(await failure(get(lister))).toMatchObject({ name: 'NoSuchKey', status: 404 })
    expect((await failure(head(lister))).status).toBe(404)
  })
})

describe('conditions', () => {
  it('by prefix of a listing', async () => {
    const s3 = only(allow('s3:ListBucket', bucketArn, { Condition: { StringLike: { 's3:prefix': 'a/*' } } }))
    const list = (Prefix?: string) =>
      s3.send(new ListObjectsV2Command({ Bucket, ...(Prefix === undefined ? {} : { Prefix }) }))
    expect((await list('a/')).KeyCount).toBe(1)
    expect((await failure(list('b/'))).status).toBe(403)
    expect((await failure(list())).status).toBe(403)
  })

  it('by existing and by requested tags', async () => {
    const existing = { StringEquals: { 's3:ExistingObjectTag/stage': 'prod' } }
    const reader = only(allow('s3:GetObject', objects, { Condition: existing }), allow('s3:ListBucket', '*'))
    await reader.send(new GetObjectCommand({ Bucket, Key: 'a/k' }))
    await admin.send(new PutObjectCommand({ Bucket, Key: 'a/untagged', Body: '' }))
    const other = reader.send(new GetObjectCommand({ Bucket, Key: 'a/untagged' }))
    expect((await failure(other)).status).toBe(403)
    const requested = { StringEquals: { 's3:RequestObjectTag/stage': 'test' } }
    const tagger = only(allow('s3:PutObjectTagging', objects, { Condition: requested }))
    const tag = (Value: string) =>
      tagger.send(
        new PutObjectTaggingCommand({
          Bucket,
          Key: 'a/untagged',
          Tagging: { TagSet: [{ Key: 'stage', Value }] },
        }),
      )
    await tag('test')
    expect((await failure(tag('prod'))).status).toBe(403)
  })
})

describe('bucket policies', () => {
  const name = 'with-policy'
  const put = (s3: S3Client, more: object = {}) =>
    s3.send(new PutObjectCommand({ Bucket: name, Key: 'k', Body: 'x', ...more }))
  beforeAll(() => {
    cloud.s3.createBucket({ BucketName: name })
    cloud.s3.setBucketPolicy(name, {
      Statement: [
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:*',
          Resource: [`arn:aws:s3:::${name}`, `arn:aws:s3:::${name}/*`],
          Condition: { Bool: { 'aws:SecureTransport': 'false' } },
        },
        {
          Effect: 'Deny',
          Principal: '*',
          Action: 's3:PutObject',
          Resource: `arn:aws:s3:::${name}/*`,
          Condition: { Null: { 's3:if-none-match': 'true' } },
        },
        {
          Effect: 'Allow',
          Principal: { AWS: `arn:aws:iam::${account}:role/friend` },
          Action: 's3:GetObject',
          Resource: `arn:aws:s3:::${name}/*`,
        },
      ],
    })
  })

  it('allow a role that has no policy of its own', async () => {
    await put(admin, { IfNoneMatch: '*' })
    const friend = new S3Client({ ...cloud.client(cloud.role('friend', [])), forcePathStyle: true })
    const got = await friend.send(new GetObjectCommand({ Bucket: name, Key: 'k' }))
    expect(await got.Body?.transformToString()).toBe('x')
    const nobody = only()
    expect((await failure(nobody.send(new GetObjectCommand({ Bucket: name, Key: 'k' })))).status).toBe(403)
  })

  it('deny even the operator', async () => {
    const failed = await failure(put(admin))
    expect(failed.status).toBe(403)
    expect(failed.message).toMatch(/with an explicit deny in a resource-based policy$/)
  })
})
