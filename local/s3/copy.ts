import { decodePercent } from '../http/encoding.ts'
import type { Bucket } from './bucket.ts'
import { authorizeObject, bucketOf, type Handler, type S3Call } from './call.ts'
import { type Checksum, checksumElements, digestBase64, md5Hex, readAlgorithm } from './checksums.ts'
import { checkRead, checkWrite } from './conditions.ts'
import { invalidArgument, invalidRequest } from './errors.ts'
import { headerTags, storedHeaders } from './metadata.ts'
import type { StoredVersion } from './model.ts'
import { xmlReply } from './object-details.ts'
import { authorizeRead, authorizeWrite, encryptionHeaders, findVersion, versionHeaders } from './objects.ts'
import { commitObject, hasVersions } from './write.ts'

export interface CopySource {
  readonly bucket: Bucket
  readonly version: StoredVersion
}

/** Reads `x-amz-copy-source`, authorises the read and checks its `x-amz-copy-source-if-…` preconditions. */
export function copySource(call: S3Call): CopySource {
  const text = call.headers['x-amz-copy-source'] ?? ''
  const [path = '', search = ''] = text.replace(/^\//, '').split('?')
  const slash = path.indexOf('/')
  const name = decodePercent(path.slice(0, Math.max(slash, 0)))
  const key = decodePercent(path.slice(slash + 1))
  const versionId = new URLSearchParams(search).get('versionId')
  if (slash <= 0 || !name || !key)
    throw invalidArgument(
      'x-amz-copy-source',
      'Copy Source must mention the source bucket and key: sourcebucket/sourcekey',
    )
  const bucket = bucketOf(call, name)
  authorizeRead(call, bucket, key, versionId)
  const version = findVersion(call, bucket, key, versionId)
  checkRead(call.headers, version, 'x-amz-copy-source-')
  return { bucket, version }
}

export function sourceHeaders(source: CopySource): Record<string, string> {
  return hasVersions(source.bucket) ? { 'x-amz-copy-source-version-id': source.version.versionId } : {}
}

function directive(call: S3Call, name: string): 'COPY' | 'REPLACE' {
  const value = call.headers[name] ?? 'COPY'
  if (value !== 'COPY' && value !== 'REPLACE') throw invalidArgument(name, `Unknown ${name}: COPY or REPLACE`)
  return value
}

export const copyObject: Handler = async call => {
  const target = bucketOf(call)
  const tagging = directive(call, 'x-amz-tagging-directive')
  const metadata = directive(call, 'x-amz-metadata-directive')
  const newTags = tagging === 'REPLACE' ? headerTags(call.headers) : {}
  authorizeWrite(call, target, newTags)
  const source = copySource(call)
  const { version } = source
  const tags = tagging === 'REPLACE' ? newTags : version.tags
  if (tagging === 'COPY' && Object.keys(tags).length > 0) {
    authorizeObject(call, source.bucket, 'GetObjectTagging', version.key)
    authorizeObject(call, target, 'PutObjectTagging')
  }
  const own = storedHeaders(call.headers)
  const headers = metadata === 'REPLACE' ? own : { ...version.headers, ...encryptionHeaders(own) }
  const onItself =
    source.bucket === target && version.key === call.key && !call.headers['x-amz-copy-source']?.includes('?')
  if (onItself && metadata === 'COPY' && call.headers['x-amz-server-side-encryption'] === undefined)
    throw invalidRequest(
      "This copy request is illegal because it is trying to copy an object to itself without changing the object's metadata, storage class, website redirect location or encryption attributes.",
    )
  checkWrite(call.headers, call.key, target.current(call.key))
  const { etag, checksum } = await digests(call, source)
  const file = await target.copyBodyFrom(source.bucket, version.file)
  const draft = { key: call.key, size: version.size, etag, file, headers, tags }
  const copy = commitObject(
    call,
    target,
    checksum === undefined ? draft : { ...draft, checksum },
    'CopyObject',
  )
  return xmlReply(
    'CopyObjectResult',
    { LastModified: copy.lastModified, ETag: `"${copy.etag}"`, ...checksumElements(copy.checksum) },
    { ...versionHeaders(target, copy), ...sourceHeaders(source), ...encryptionHeaders(headers) },
  )
}

// A copy is one part: the ETag and checksum of a multipart source do not carry over.
async function digests(
  call: S3Call,
  { bucket, version }: CopySource,
): Promise<{ etag: string; checksum: Checksum | undefined }> {
  const wanted = call.headers['x-amz-checksum-algorithm']
  const whole = version.checksum?.type === 'FULL_OBJECT' ? version.checksum : undefined
  if (wanted === undefined && version.partSizes === undefined) return { etag: version.etag, checksum: whole }
  const body = await bucket.readBody(version.file, 0, version.size)
  const algorithm = wanted === undefined ? version.checksum?.algorithm : readAlgorithm(wanted)
  const checksum: Checksum | undefined =
    algorithm === undefined
      ? undefined
      : { algorithm, value: digestBase64(algorithm, body), type: 'FULL_OBJECT' }
  return { etag: md5Hex(body), checksum }
}
