import type { PolicyDocument } from '../core/types.ts'
import { children, childText, readXml, writeXml, type XmlNode } from '../http/xml.ts'
import { checkPolicy } from '../iam/policy-check.ts'
import { authorizeBucket, bucketOf, type Handler, type S3Call } from './call.ts'
import { verifyBody } from './checksums.ts'
import { malformedXml, notImplemented, S3Error } from './errors.ts'
import { s3Namespace, xmlReply } from './object-details.ts'
import { parseTagging, taggingTree } from './tags.ts'

interface Stored {
  readonly root: string
  readonly get: string
  readonly put: string
  /** Error when it was never set. */
  readonly missing: readonly [code: string, message: string]
}

/** Sub-resources that are kept and given back, but change nothing here (nothing expires, nothing is public). */
const stored: Readonly<Record<string, Stored>> = {
  lifecycle: {
    root: 'LifecycleConfiguration',
    get: 'GetLifecycleConfiguration',
    put: 'PutLifecycleConfiguration',
    missing: ['NoSuchLifecycleConfiguration', 'The lifecycle configuration does not exist'],
  },
  encryption: {
    root: 'ServerSideEncryptionConfiguration',
    get: 'GetEncryptionConfiguration',
    put: 'PutEncryptionConfiguration',
    missing: [
      'ServerSideEncryptionConfigurationNotFoundError',
      'The server side encryption configuration was not found',
    ],
  },
  publicAccessBlock: {
    root: 'PublicAccessBlockConfiguration',
    get: 'GetBucketPublicAccessBlock',
    put: 'PutBucketPublicAccessBlock',
    missing: ['NoSuchPublicAccessBlockConfiguration', 'The public access block configuration was not found'],
  },
  ownershipControls: {
    root: 'OwnershipControls',
    get: 'GetBucketOwnershipControls',
    put: 'PutBucketOwnershipControls',
    missing: ['OwnershipControlsNotFoundError', 'The bucket ownership controls were not found'],
  },
  cors: {
    root: 'CORSConfiguration',
    get: 'GetBucketCORS',
    put: 'PutBucketCORS',
    missing: ['NoSuchCORSConfiguration', 'The CORS configuration does not exist'],
  },
}
export const storedSubresources = Object.keys(stored)

const settings = (name: string): Stored => stored[name] as Stored

function bodyTree(call: S3Call, root: string): XmlNode {
  verifyBody(call.request.body, call.headers, call.request.trailers)
  const tree = readXml(call.request.body.toString('utf8'), root)
  if (tree === undefined) throw malformedXml()
  return tree
}

export const getStored =
  (name: string): Handler =>
  async call => {
    const bucket = bucketOf(call)
    authorizeBucket(call, bucket, settings(name).get)
    const value = bucket.state.config.get(name)
    const [code, message] = settings(name).missing
    if (value === undefined) throw new S3Error(code, message, 404, { BucketName: bucket.name })
    return { headers: { 'content-type': 'application/xml' }, body: value }
  }

export const putStored =
  (name: string): Handler =>
  async call => {
    const bucket = bucketOf(call)
    authorizeBucket(call, bucket, settings(name).put)
    bodyTree(call, settings(name).root)
    bucket.commit({ op: 'config', name, value: call.request.body.toString('utf8') })
    return {}
  }

export const deleteStored =
  (name: string): Handler =>
  async call => {
    const bucket = bucketOf(call)
    authorizeBucket(call, bucket, settings(name).put)
    bucket.commit({ op: 'config', name, value: null })
    return { status: 204 }
  }

export const getVersioning: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'GetBucketVersioning')
  return xmlReply('VersioningConfiguration', { Status: bucket.state.config.get('versioning') })
}

export const putVersioning: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'PutBucketVersioning')
  const status = childText(bodyTree(call, 'VersioningConfiguration'), 'Status')
  if (status !== 'Enabled' && status !== 'Suspended')
    throw new S3Error(
      'IllegalVersioningConfigurationException',
      'The Versioning element must be specified',
      400,
    )
  bucket.commit({ op: 'config', name: 'versioning', value: status })
  return {}
}

export const getNotification: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'GetBucketNotification')
  const on = bucket.state.config.has('eventbridge')
  return xmlReply('NotificationConfiguration', on ? { EventBridgeConfiguration: {} } : {})
}

const directTargets = ['QueueConfiguration', 'TopicConfiguration', 'CloudFunctionConfiguration']

export const putNotification: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'PutBucketNotification')
  const tree = bodyTree(call, 'NotificationConfiguration')
  const direct = directTargets.find(name => children(tree, name).length > 0)
  if (direct !== undefined) throw notImplemented(`notifications by ${direct}; use EventBridgeConfiguration`)
  const on = children(tree, 'EventBridgeConfiguration').length > 0
  bucket.commit({ op: 'config', name: 'eventbridge', value: on ? 'on' : null })
  return {}
}

export const getPolicy: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'GetBucketPolicy')
  const policy = bucket.state.config.get('policy')
  if (policy === undefined)
    throw new S3Error('NoSuchBucketPolicy', 'The bucket policy does not exist', 404, {
      BucketName: bucket.name,
    })
  return { headers: { 'content-type': 'application/json' }, body: policy }
}

export const putPolicy: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'PutBucketPolicy')
  const { body, trailers } = call.request
  verifyBody(body, call.headers, trailers)
  bucket.commit({ op: 'config', name: 'policy', value: checkedPolicy(body.toString('utf8'), bucket.name) })
  return { status: 204 }
}

/** Policy text that can be evaluated; throws MalformedPolicy. */
export function checkedPolicy(text: string, bucket: string): string {
  try {
    checkPolicy(JSON.parse(text) as PolicyDocument, `policy of bucket ${bucket}`)
  } catch (error) {
    throw new S3Error('MalformedPolicy', error instanceof Error ? error.message : String(error), 400)
  }
  return text
}

export const deletePolicy: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'DeleteBucketPolicy')
  bucket.commit({ op: 'config', name: 'policy', value: null })
  return { status: 204 }
}

export const getBucketTagging: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'GetBucketTagging')
  const value = bucket.state.config.get('tagging')
  if (value === undefined)
    throw new S3Error('NoSuchTagSet', 'The TagSet does not exist', 404, { BucketName: bucket.name })
  return { headers: { 'content-type': 'application/xml' }, body: value }
}

export const putBucketTagging: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'PutBucketTagging')
  bodyTree(call, 'Tagging')
  const tags = parseTagging(call.request.body.toString('utf8'), 50)
  const value = writeXml('Tagging', taggingTree(tags), s3Namespace)
  bucket.commit({ op: 'config', name: 'tagging', value })
  return { status: 204 }
}

export const deleteBucketTagging: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeBucket(call, bucket, 'PutBucketTagging')
  bucket.commit({ op: 'config', name: 'tagging', value: null })
  return { status: 204 }
}
