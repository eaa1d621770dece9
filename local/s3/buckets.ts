import { authorizeBucket, bucketArn, bucketOf, type Handler, requestKeys } from './call.ts'
import { S3Error } from './errors.ts'
import { xmlReply } from './object-details.ts'

const asStrings = (keys: ReturnType<typeof requestKeys>): Record<string, string> =>
  Object.fromEntries(Object.entries(keys).filter((pair): pair is [string, string] => pair[1] !== undefined))

export const listBuckets: Handler = async call => {
  call.context.authorize({
    action: 's3:ListAllMyBuckets',
    resource: '*',
    context: asStrings(requestKeys(call)),
  })
  const { realm, store } = call.env
  const prefix = call.query.get('prefix') ?? ''
  const Bucket = store
    .list()
    .filter(bucket => bucket.name.startsWith(prefix))
    .map(bucket => ({ Name: bucket.name, CreationDate: bucket.state.created, BucketRegion: realm.region }))
  return xmlReply('ListAllMyBucketsResult', {
    Owner: { ID: realm.accountId, DisplayName: 'local' },
    Buckets: { Bucket },
  })
}

export const createBucket: Handler = async call => {
  const { store } = call.env
  call.context.authorize({
    action: 's3:CreateBucket',
    resource: bucketArn(call.bucketName),
    context: asStrings(requestKeys(call)),
  })
  if (store.find(call.bucketName) !== undefined)
    throw new S3Error(
      'BucketAlreadyOwnedByYou',
      'Your previous request to create the named bucket succeeded and you already own it.',
      409,
      { BucketName: call.bucketName },
    )
  store.create(call.bucketName)
  return { headers: { location: `/${call.bucketName}` } }
}

export const deleteBucket: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'DeleteBucket')
  call.env.store.remove(bucket.name)
  return { status: 204 }
}

export const headBucket: Handler = async call => {
  authorizeBucket(call, bucketOf(call), 'ListBucket')
  return { headers: { 'x-amz-bucket-region': call.env.realm.region, 'x-amz-access-point-alias': 'false' } }
}

export const getLocation: Handler = async call => {
  authorizeBucket(call, bucketOf(call), 'GetBucketLocation')
  // us-east-1 is the empty constraint, for historical reasons.
  const { region } = call.env.realm
  return xmlReply('LocationConstraint', region === 'us-east-1' ? '' : region)
}
