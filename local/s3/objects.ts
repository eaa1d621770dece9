import type { Bucket } from './bucket.ts'
import { authorizeBucket, authorizeObject, bucketOf, type Handler, type S3Call } from './call.ts'
import {
  type Checksum,
  checksumHeaders,
  digestBase64,
  md5Hex,
  readAlgorithm,
  verifyBody,
} from './checksums.ts'
import { checkRead, checkWrite } from './conditions.ts'
import { invalidArgument, noSuchKey, noSuchVersion, S3Error } from './errors.ts'
import { headerTags, storedHeaders } from './metadata.ts'
import type { StoredVersion } from './model.ts'
import { sliceOf } from './ranges.ts'
import { commitObject, deleteVersion, hasVersions } from './write.ts'

/**
 * The version that the call asks for. As in S3, a missing key is `404 NoSuchKey` only for those who may list
 * the bucket; for others it is AccessDenied, so that names do not leak.
 */
export function findVersion(
  call: S3Call,
  bucket: Bucket,
  key: string,
  versionId: string | null,
): StoredVersion {
  if (versionId !== null) {
    const version = bucket.state.objects.get(key)?.find(candidate => candidate.versionId === versionId)
    if (version === undefined) throw noSuchVersion(key, versionId)
    if (!version.deleteMarker) return version
    throw new S3Error(
      'MethodNotAllowed',
      'The specified method is not allowed against this resource.',
      405,
      {},
      {
        'x-amz-delete-marker': 'true',
        'last-modified': httpDate(version),
      },
    )
  }
  const current = bucket.current(key)
  if (current !== undefined && !current.deleteMarker) return current
  authorizeBucket(call, bucket, 'ListBucket', { 's3:prefix': key })
  const missing = noSuchKey(key)
  throw current === undefined
    ? missing
    : new S3Error(
        missing.code,
        missing.message,
        404,
        { Key: key },
        {
          'x-amz-delete-marker': 'true',
          'x-amz-version-id': current.versionId,
        },
      )
}

export const httpDate = (version: StoredVersion): string => new Date(version.lastModified).toUTCString()

/** Existing tags are condition keys of every read. */
export function tagKeys(tags: Readonly<Record<string, string>>, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`${prefix}/${key}`, value]))
}

export function authorizeRead(call: S3Call, bucket: Bucket, key: string, versionId: string | null): void {
  const version = bucket.state.objects
    .get(key)
    ?.find(({ versionId: id }) => versionId === null || id === versionId)
  const extra = {
    ...tagKeys(version?.tags ?? {}, 's3:ExistingObjectTag'),
    's3:VersionId': versionId ?? undefined,
  }
  authorizeObject(call, bucket, versionId === null ? 'GetObject' : 'GetObjectVersion', key, extra)
}

export function versionHeaders(bucket: Bucket, version: StoredVersion): Record<string, string> {
  return hasVersions(bucket) ? { 'x-amz-version-id': version.versionId } : {}
}

function representationHeaders(call: S3Call, bucket: Bucket, version: StoredVersion): Record<string, string> {
  const tagCount = Object.keys(version.tags).length
  return {
    ...version.headers,
    ...versionHeaders(bucket, version),
    'accept-ranges': 'bytes',
    etag: `"${version.etag}"`,
    'last-modified': httpDate(version),
    ...(tagCount > 0 ? { 'x-amz-tagging-count': String(tagCount) } : {}),
    ...overrides(call),
  }
}

function overrides(call: S3Call): Record<string, string> {
  const names = [
    'cache-control',
    'content-disposition',
    'content-encoding',
    'content-language',
    'content-type',
    'expires',
  ]
  const given = names.map(name => [name, call.query.get(`response-${name}`)] as const)
  return Object.fromEntries(given.filter((pair): pair is readonly [string, string] => pair[1] !== null))
}

/** GetObject and HeadObject. */
export const getObject: Handler = async call => {
  const bucket = bucketOf(call)
  const versionId = call.query.get('versionId')
  authorizeRead(call, bucket, call.key, versionId)
  const version = findVersion(call, bucket, call.key, versionId)
  const headers = representationHeaders(call, bucket, version)
  checkRead(call.headers, version, '', headers)
  const partNumber = call.query.get('partNumber')
  const slice = sliceOf(version, call.headers['range'], partNumber)
  if (slice.contentRange !== undefined) headers['content-range'] = slice.contentRange
  else if (call.headers['x-amz-checksum-mode']?.toUpperCase() === 'ENABLED')
    Object.assign(headers, checksumHeaders(version.checksum))
  if (partNumber !== null && version.partSizes !== undefined)
    headers['x-amz-mp-parts-count'] = String(version.partSizes.length)
  headers['content-length'] = String(slice.length)
  const status = slice.contentRange === undefined ? 200 : 206
  if (call.request.method === 'HEAD') return { status, headers }
  return { status, headers, body: await readOrMissing(bucket, version, slice.start, slice.length) }
}

// The object may be deleted between finding it and opening its file.
async function readOrMissing(
  bucket: Bucket,
  version: StoredVersion,
  start: number,
  length: number,
): Promise<Buffer> {
  try {
    return await bucket.readBody(version.file, start, length)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw noSuchKey(version.key)
    throw error
  }
}

/** Condition keys of a write. */
export function writeKeys(headers: Readonly<Record<string, string>>, tags: Readonly<Record<string, string>>) {
  return {
    ...tagKeys(tags, 's3:RequestObjectTag'),
    's3:x-amz-server-side-encryption': headers['x-amz-server-side-encryption'],
    's3:x-amz-server-side-encryption-aws-kms-key-id': headers['x-amz-server-side-encryption-aws-kms-key-id'],
    's3:x-amz-acl': headers['x-amz-acl'],
    's3:x-amz-storage-class': headers['x-amz-storage-class'],
    's3:x-amz-copy-source': headers['x-amz-copy-source'],
    's3:if-none-match': headers['if-none-match'],
    's3:if-match': headers['if-match'],
  }
}

export function authorizeWrite(call: S3Call, bucket: Bucket, tags: Readonly<Record<string, string>>): void {
  const keys = writeKeys(call.headers, tags)
  authorizeObject(call, bucket, 'PutObject', call.key, keys)
  if (call.headers['x-amz-tagging'] !== undefined)
    authorizeObject(call, bucket, 'PutObjectTagging', call.key, keys)
}

export function encryptionHeaders(stored: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(stored).filter(([name]) => name.startsWith('x-amz-server-side-')))
}

export const putObject: Handler = async call => {
  const bucket = bucketOf(call)
  const tags = headerTags(call.headers)
  authorizeWrite(call, bucket, tags)
  const headers = storedHeaders(call.headers)
  const { body, trailers } = call.request
  const checksum = verifyBody(body, call.headers, trailers) ?? requestedChecksum(call, body)
  checkWrite(call.headers, call.key, bucket.current(call.key))
  const file = await bucket.writeBody(body)
  const draft = { key: call.key, size: body.length, etag: md5Hex(body), file, headers, tags }
  const version = commitObject(
    call,
    bucket,
    checksum === undefined ? draft : { ...draft, checksum },
    'PutObject',
  )
  return {
    headers: {
      etag: `"${version.etag}"`,
      ...versionHeaders(bucket, version),
      ...encryptionHeaders(headers),
      ...checksumHeaders(checksum),
    },
  }
}

function requestedChecksum(call: S3Call, body: Buffer): Checksum | undefined {
  const name = call.headers['x-amz-sdk-checksum-algorithm']
  if (name === undefined) return undefined
  const algorithm = readAlgorithm(name)
  return { algorithm, value: digestBase64(algorithm, body), type: 'FULL_OBJECT' }
}

export const deleteObject: Handler = async call => {
  const bucket = bucketOf(call)
  const versionId = call.query.get('versionId') ?? undefined
  authorizeObject(call, bucket, versionId === undefined ? 'DeleteObject' : 'DeleteObjectVersion', call.key, {
    's3:VersionId': versionId,
  })
  checkDelete(call.headers['if-match'], bucket, call.key)
  const deletion = deleteVersion(call, bucket, call.key, versionId)
  return {
    status: 204,
    headers: {
      ...(deletion.deleteMarker ? { 'x-amz-delete-marker': 'true' } : {}),
      ...(deletion.versionId === undefined ? {} : { 'x-amz-version-id': deletion.versionId }),
    },
  }
}

/** `If-Match` on a delete. */
export function checkDelete(ifMatch: string | undefined, bucket: Bucket, key: string): void {
  if (ifMatch === undefined) return
  if (ifMatch.trim() === '') throw invalidArgument('If-Match', 'If-Match must hold an ETag or *')
  checkWrite({ 'if-match': ifMatch }, key, bucket.current(key))
}
