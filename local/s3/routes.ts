import * as config from './bucket-config.ts'
import { createBucket, deleteBucket, getLocation, headBucket, listBuckets } from './buckets.ts'
import type { Handler, S3Call } from './call.ts'
import { copyObject } from './copy.ts'
import { notImplemented } from './errors.ts'
import { listObjects, listParts, listUploads, listVersions } from './listing.ts'
import { abortUpload, createUpload, uploadPart, uploadPartCopy } from './multipart.ts'
import { completeUpload } from './multipart-complete.ts'
import {
  deleteObjects,
  deleteTagging,
  getObjectAttributes,
  getTagging,
  putTagging,
} from './object-details.ts'
import { deleteObject, getObject, putObject } from './objects.ts'

/** Query parameters that choose an operation; the first one present wins. */
const subresources = [
  'uploadId',
  'uploads',
  'tagging',
  'attributes',
  'versioning',
  'versions',
  'notification',
  'lifecycle',
  'encryption',
  'publicAccessBlock',
  'ownershipControls',
  'cors',
  'policy',
  'policyStatus',
  'location',
  'delete',
  ...['acl', 'accelerate', 'analytics', 'abac', 'intelligent-tiering', 'inventory', 'legal-hold', 'logging'],
  ...['metadataConfiguration', 'metadataTable', 'metrics', 'object-lock', 'renameObject', 'replication'],
  ...['requestPayment', 'restore', 'retention', 'select', 'session', 'torrent', 'website'],
]

const table: Readonly<Record<string, Handler>> = {
  'GET account': listBuckets,
  'GET bucket': listObjects,
  'PUT bucket': createBucket,
  'HEAD bucket': headBucket,
  'DELETE bucket': deleteBucket,
  'GET bucket ?location': getLocation,
  'GET bucket ?versions': listVersions,
  'GET bucket ?uploads': listUploads,
  'POST bucket ?delete': deleteObjects,
  'GET bucket ?versioning': config.getVersioning,
  'PUT bucket ?versioning': config.putVersioning,
  'GET bucket ?notification': config.getNotification,
  'PUT bucket ?notification': config.putNotification,
  'GET bucket ?policy': config.getPolicy,
  'PUT bucket ?policy': config.putPolicy,
  'DELETE bucket ?policy': config.deletePolicy,
  'GET bucket ?tagging': config.getBucketTagging,
  'PUT bucket ?tagging': config.putBucketTagging,
  'DELETE bucket ?tagging': config.deleteBucketTagging,
  ...Object.fromEntries(
    config.storedSubresources.flatMap(name => [
      [`GET bucket ?${name}`, config.getStored(name)],
      [`PUT bucket ?${name}`, config.putStored(name)],
      [`DELETE bucket ?${name}`, config.deleteStored(name)],
    ]),
  ),
  'GET object': getObject,
  'HEAD object': getObject,
  'PUT object': call => (isCopy(call) ? copyObject(call) : putObject(call)),
  'DELETE object': deleteObject,
  'GET object ?attributes': getObjectAttributes,
  'GET object ?tagging': getTagging,
  'PUT object ?tagging': putTagging,
  'DELETE object ?tagging': deleteTagging,
  'POST object ?uploads': createUpload,
  'PUT object ?uploadId': call => (isCopy(call) ? uploadPartCopy(call) : uploadPart(call)),
  'POST object ?uploadId': completeUpload,
  'DELETE object ?uploadId': abortUpload,
  'GET object ?uploadId': listParts,
}

const isCopy = (call: S3Call): boolean => call.headers['x-amz-copy-source'] !== undefined

/** The operation of a call; throws NotImplemented (501) naming it. */
export function handlerFor(call: S3Call): Handler {
  const level = call.bucketName === '' ? 'account' : call.key === '' ? 'bucket' : 'object'
  const sub = subresources.find(name => call.query.has(name))
  const name = `${call.request.method} ${level}${sub === undefined ? '' : ` ?${sub}`}`
  const handler = Object.hasOwn(table, name) ? table[name] : undefined
  if (handler === undefined) throw notImplemented(name)
  return handler
}
