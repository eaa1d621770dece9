import { AwsError } from '../core/types.ts'
import { children, childText, readXml, writeXml } from '../http/xml.ts'
import { authorizeObject, bucketOf, type Handler, type S3Call } from './call.ts'
import { checksumElements, verifyBody } from './checksums.ts'
import { invalidArgument, invalidRequest, malformedXml } from './errors.ts'
import { authorizeRead, checkDelete, findVersion, httpDate, tagKeys, versionHeaders } from './objects.ts'
import { parseTagging, taggingTree } from './tags.ts'
import { deleteVersion } from './write.ts'

export const s3Namespace = 'http://s3.amazonaws.com/doc/2006-03-01/'
export const xmlReply = (root: string, tree: Parameters<typeof writeXml>[1], headers = {}) => ({
  headers: { 'content-type': 'application/xml', ...headers },
  body: writeXml(root, tree, s3Namespace),
})

const attributeNames = ['ETag', 'Checksum', 'ObjectParts', 'StorageClass', 'ObjectSize']

export const getObjectAttributes: Handler = async call => {
  const bucket = bucketOf(call)
  const versionId = call.query.get('versionId')
  authorizeRead(call, bucket, call.key, versionId)
  const action = versionId === null ? 'GetObjectAttributes' : 'GetObjectVersionAttributes'
  authorizeObject(call, bucket, action, call.key, { 's3:VersionId': versionId ?? undefined })
  const wanted = (call.headers['x-amz-object-attributes'] ?? '').split(',').map(name => name.trim())
  const unknown = wanted.find(name => !attributeNames.includes(name))
  if (unknown !== undefined)
    throw invalidArgument('x-amz-object-attributes', 'Invalid attribute name specified.')
  const version = findVersion(call, bucket, call.key, versionId)
  const parts = version.partSizes
  const all = {
    ETag: version.etag,
    Checksum: version.checksum === undefined ? undefined : checksumElements(version.checksum),
    ObjectParts:
      parts === undefined
        ? undefined
        : { PartsCount: parts.length, Part: parts.map((Size, i) => ({ PartNumber: i + 1, Size })) },
    StorageClass: version.headers['x-amz-storage-class'] ?? 'STANDARD',
    ObjectSize: version.size,
  }
  const tree = Object.fromEntries(Object.entries(all).filter(([name]) => wanted.includes(name)))
  const headers = { 'last-modified': httpDate(version), ...versionHeaders(bucket, version) }
  return xmlReply('GetObjectAttributesResponse', tree, headers)
}

function taggingAction(verb: 'Get' | 'Put' | 'Delete', versionId: string | null): string {
  return `${verb}Object${versionId === null ? '' : 'Version'}Tagging`
}

export const getTagging: Handler = async call => {
  const bucket = bucketOf(call)
  const versionId = call.query.get('versionId')
  authorizeObject(call, bucket, taggingAction('Get', versionId))
  const version = findVersion(call, bucket, call.key, versionId)
  return xmlReply('Tagging', taggingTree(version.tags), versionHeaders(bucket, version))
}

export const putTagging: Handler = async call => {
  verifyBody(call.request.body, call.headers, call.request.trailers)
  return setTags(call, 'Put', parseTagging(call.request.body.toString('utf8')), 200)
}
export const deleteTagging: Handler = async call => setTags(call, 'Delete', {}, 204)

function setTags(
  call: S3Call,
  verb: 'Put' | 'Delete',
  tags: Readonly<Record<string, string>>,
  status: number,
) {
  const bucket = bucketOf(call)
  const versionId = call.query.get('versionId')
  authorizeObject(
    call,
    bucket,
    taggingAction(verb, versionId),
    call.key,
    tagKeys(tags, 's3:RequestObjectTag'),
  )
  const version = findVersion(call, bucket, call.key, versionId)
  bucket.commit({ op: 'amend', version: { ...version, tags } })
  return { status, headers: versionHeaders(bucket, version) }
}

/** DeleteObjects: each key is authorised and deleted by itself; one refusal does not stop the others. */
export const deleteObjects: Handler = async call => {
  const bucket = bucketOf(call)
  const { body, trailers } = call.request
  const sums = verifyBody(body, call.headers, trailers)
  if (sums === undefined && call.headers['content-md5'] === undefined)
    throw invalidRequest('Missing required header for this request: Content-MD5 OR x-amz-checksum-*')
  const root = readXml(body.toString('utf8'), 'Delete')
  const objects = children(root, 'Object')
  if (objects.length === 0 || objects.length > 1000) throw malformedXml()
  const quiet = childText(root, 'Quiet') === 'true'
  const Deleted: Record<string, string>[] = []
  const errors: Record<string, string>[] = []
  for (const node of objects) {
    const Key = childText(node, 'Key')
    if (Key === undefined || Key === '') throw malformedXml()
    const VersionId = childText(node, 'VersionId')
    const named = { Key, ...(VersionId === undefined ? {} : { VersionId }) }
    try {
      authorizeObject(call, bucket, VersionId === undefined ? 'DeleteObject' : 'DeleteObjectVersion', Key)
      checkDelete(childText(node, 'ETag'), bucket, Key)
      const done = deleteVersion(call, bucket, Key, VersionId)
      const marker = done.deleteMarker
        ? { DeleteMarker: 'true', DeleteMarkerVersionId: done.versionId ?? 'null' }
        : {}
      if (!quiet) Deleted.push({ ...named, ...marker })
    } catch (error) {
      if (!(error instanceof AwsError)) throw error
      errors.push({ ...named, Code: error.code, Message: error.message })
    }
  }
  return xmlReply('DeleteResult', { Deleted, Error: errors })
}
