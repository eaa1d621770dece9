import { encodeRfc3986 } from '../http/encoding.ts'
import { authorizeBucket, authorizeObject, bucketOf, type Handler, type S3Call } from './call.ts'
import { checksumElements } from './checksums.ts'
import { invalidArgument } from './errors.ts'
import type { StoredVersion } from './model.ts'
import { uploadOf } from './multipart.ts'
import { xmlReply } from './object-details.ts'
import { pageOfKeys } from './paging.ts'

const ownerTree = (call: S3Call) => ({ ID: call.env.realm.accountId, DisplayName: 'local' })

function limitOf(call: S3Call, name: string): number {
  const text = call.query.get(name)
  if (text === null || text === '') return 1000
  if (!/^\d{1,9}$/.test(text))
    throw invalidArgument(name, `Provided ${name} not an integer or within integer range`)
  return Math.min(Number(text), 1000)
}

interface Common {
  readonly prefix: string
  readonly delimiter: string
  readonly max: number
  readonly encode: (text: string) => string
  readonly encoding: string | undefined
}

function readCommon(call: S3Call, limit: string): Common {
  const encoding = call.query.get('encoding-type') ?? undefined
  if (encoding !== undefined && encoding !== 'url')
    throw invalidArgument('encoding-type', 'Invalid Encoding Method specified in Request')
  return {
    prefix: call.query.get('prefix') ?? '',
    delimiter: call.query.get('delimiter') ?? '',
    max: limitOf(call, limit),
    // S3 leaves slashes as they are.
    encode: encoding === 'url' ? text => encodeRfc3986(text).replaceAll('%2F', '/') : text => text,
    encoding,
  }
}

function listKeys(call: S3Call, common: Common) {
  return {
    's3:prefix': call.query.get('prefix') ?? undefined,
    's3:delimiter': call.query.get('delimiter') ?? undefined,
    's3:max-keys': String(common.max),
  }
}

function entry(version: StoredVersion, common: Common) {
  return {
    Key: common.encode(version.key),
    LastModified: version.lastModified,
    ETag: `"${version.etag}"`,
    ...(version.checksum === undefined
      ? {}
      : { ChecksumAlgorithm: version.checksum.algorithm, ChecksumType: version.checksum.type }),
    Size: version.size,
    StorageClass: version.headers['x-amz-storage-class'] ?? 'STANDARD',
  }
}

/** ListObjectsV2 and the older ListObjects. */
export const listObjects: Handler = async call => {
  const bucket = bucketOf(call)
  const v2 = call.query.get('list-type') === '2'
  const common = readCommon(call, 'max-keys')
  authorizeBucket(call, bucket, 'ListBucket', listKeys(call, common))
  const token = call.query.get('continuation-token')
  const startAfter = call.query.get('start-after') ?? ''
  const marker = call.query.get('marker') ?? ''
  const after = v2 ? (token === null ? startAfter : readToken(token)) : marker
  const { prefix, delimiter, max, encode, encoding } = common
  const live = (key: string) => bucket.current(key)?.deleteMarker === false
  const page = pageOfKeys(bucket.sortedKeys(), { prefix, delimiter, after, max }, live)
  const owner = !v2 || call.query.get('fetch-owner') === 'true' ? { Owner: ownerTree(call) } : {}
  const Contents = page.keys.flatMap(key => {
    const version = bucket.current(key)
    return version === undefined ? [] : [{ ...entry(version, common), ...owner }]
  })
  const next = page.truncated ? page.last : undefined
  const position = v2
    ? {
        KeyCount: page.keys.length + page.prefixes.length,
        ContinuationToken: token ?? undefined,
        StartAfter: startAfter === '' ? undefined : encode(startAfter),
        NextContinuationToken: next === undefined ? undefined : Buffer.from(next).toString('base64'),
      }
    : {
        Marker: encode(marker),
        NextMarker: next === undefined || delimiter === '' ? undefined : encode(next),
      }
  return xmlReply('ListBucketResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    MaxKeys: max,
    EncodingType: encoding,
    ...position,
    IsTruncated: page.truncated,
    Contents,
    CommonPrefixes: page.prefixes.map(text => ({ Prefix: encode(text) })),
  })
}

function readToken(token: string): string {
  const text = Buffer.from(token, 'base64').toString('utf8')
  if (token === '' || Buffer.from(text).toString('base64') !== token)
    throw invalidArgument('continuation-token', 'The continuation token provided is incorrect')
  return text
}

/** ListObjectVersions. Pages hold whole keys' versions in order; a page may end within a key. */
export const listVersions: Handler = async call => {
  const bucket = bucketOf(call)
  const common = readCommon(call, 'max-keys')
  authorizeBucket(call, bucket, 'ListBucketVersions', listKeys(call, common))
  const { prefix, delimiter, max, encode, encoding } = common
  const keyMarker = call.query.get('key-marker') ?? ''
  const idMarker = call.query.get('version-id-marker') ?? ''
  const rest = remaining(bucket.state.objects.get(keyMarker) ?? [], idMarker)
  const page = pageOfKeys(bucket.sortedKeys(), { prefix, delimiter, after: keyMarker, max: 1000 }, () => true)
  const all = [...rest, ...page.keys.flatMap(key => bucket.state.objects.get(key) ?? [])]
  const shown = all.slice(0, max)
  const truncated = all.length > max || page.truncated
  const last = shown.at(-1)
  const of = (deleteMarker: boolean) =>
    shown
      .filter(version => version.deleteMarker === deleteMarker)
      .map(version => ({
        ...(deleteMarker
          ? { Key: encode(version.key), LastModified: version.lastModified }
          : entry(version, common)),
        VersionId: version.versionId,
        IsLatest: bucket.current(version.key)?.versionId === version.versionId,
        Owner: ownerTree(call),
      }))
  return xmlReply('ListVersionsResult', {
    Name: bucket.name,
    Prefix: encode(prefix),
    KeyMarker: encode(keyMarker),
    VersionIdMarker: idMarker,
    NextKeyMarker: truncated ? encode(last?.key ?? page.last ?? '') : undefined,
    NextVersionIdMarker: truncated ? last?.versionId : undefined,
    MaxKeys: max,
    Delimiter: delimiter === '' ? undefined : encode(delimiter),
    EncodingType: encoding,
    IsTruncated: truncated,
    Version: of(false),
    DeleteMarker: of(true),
    CommonPrefixes: page.prefixes.map(text => ({ Prefix: encode(text) })),
  })
}

function remaining(versions: readonly StoredVersion[], idMarker: string): readonly StoredVersion[] {
  if (idMarker === '') return []
  const at = versions.findIndex(version => version.versionId === idMarker)
  return at < 0 ? [] : versions.slice(at + 1)
}

export const listUploads: Handler = async call => {
  const bucket = bucketOf(call)
  const common = readCommon(call, 'max-uploads')
  authorizeBucket(call, bucket, 'ListBucketMultipartUploads', { 's3:prefix': common.prefix })
  const Upload = [...bucket.state.uploads.values()]
    .map(({ upload }) => upload)
    .filter(upload => upload.key.startsWith(common.prefix))
    .sort((a, b) => Buffer.compare(Buffer.from(a.key), Buffer.from(b.key)))
    .map(upload => ({
      Key: common.encode(upload.key),
      UploadId: upload.id,
      Initiator: ownerTree(call),
      Owner: ownerTree(call),
      StorageClass: 'STANDARD',
      Initiated: upload.initiated,
      ChecksumAlgorithm: upload.checksumAlgorithm,
      ChecksumType: upload.checksumType,
    }))
  return xmlReply('ListMultipartUploadsResult', {
    Bucket: bucket.name,
    Prefix: common.encode(common.prefix),
    EncodingType: common.encoding,
    MaxUploads: common.max,
    IsTruncated: false,
    Upload,
  })
}

export const listParts: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeObject(call, bucket, 'ListMultipartUploadParts')
  const { upload, parts } = uploadOf(call, bucket)
  const max = limitOf(call, 'max-parts')
  const after = Number(call.query.get('part-number-marker') ?? 0)
  const all = [...parts.values()].filter(part => part.number > after).sort((a, b) => a.number - b.number)
  const shown = all.slice(0, max)
  const truncated = all.length > shown.length
  return xmlReply('ListPartsResult', {
    Bucket: bucket.name,
    Key: call.key,
    UploadId: upload.id,
    Initiator: ownerTree(call),
    Owner: ownerTree(call),
    StorageClass: 'STANDARD',
    PartNumberMarker: after,
    NextPartNumberMarker: truncated ? shown.at(-1)?.number : undefined,
    MaxParts: max,
    IsTruncated: truncated,
    ChecksumAlgorithm: upload.checksumAlgorithm,
    ChecksumType: upload.checksumType,
    Part: shown.map(part => {
      const { ChecksumType: _type, ...sums } = checksumElements(part.checksum)
      return {
        PartNumber: part.number,
        LastModified: part.lastModified,
        ETag: `"${part.etag}"`,
        Size: part.size,
        ...sums,
      }
    }),
  })
}
