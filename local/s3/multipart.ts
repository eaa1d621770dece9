import { randomBytes } from 'node:crypto'
import type { Bucket } from './bucket.ts'
import type { UploadState } from './bucket-state.ts'
import { authorizeObject, bucketOf, type Handler, type S3Call } from './call.ts'
import {
  type Algorithm,
  type Checksum,
  type ChecksumType,
  checksumElements,
  checksumHeaders,
  digestBase64,
  md5Hex,
  readAlgorithm,
  verifyBody,
} from './checksums.ts'
import { copySource, sourceHeaders } from './copy.ts'
import { invalidArgument, invalidRequest, noSuchUpload } from './errors.ts'
import { headerTags, storedHeaders } from './metadata.ts'
import type { Part } from './model.ts'
import { xmlReply } from './object-details.ts'
import { authorizeWrite, encryptionHeaders } from './objects.ts'
import { sliceOf } from './ranges.ts'
import { stamp } from './write.ts'

export function uploadOf(call: S3Call, bucket: Bucket): UploadState {
  const id = call.query.get('uploadId') ?? ''
  const found = bucket.state.uploads.get(id)
  if (found === undefined || found.upload.key !== call.key) throw noSuchUpload(id)
  return found
}

export const createUpload: Handler = async call => {
  const bucket = bucketOf(call)
  const tags = headerTags(call.headers)
  authorizeWrite(call, bucket, tags)
  const name = call.headers['x-amz-checksum-algorithm']
  const algorithm = name === undefined ? undefined : readAlgorithm(name)
  const id = randomBytes(32).toString('base64url')
  const headers = storedHeaders(call.headers)
  const checksums =
    algorithm === undefined
      ? {}
      : {
          checksumAlgorithm: algorithm,
          checksumType: checksumType(algorithm, call.headers['x-amz-checksum-type']),
        }
  const initiated = call.env.realm.now().toISOString()
  bucket.commit({ op: 'upload', upload: { id, key: call.key, initiated, headers, tags, ...checksums } })
  return xmlReply(
    'InitiateMultipartUploadResult',
    { Bucket: bucket.name, Key: call.key, UploadId: id },
    {
      ...encryptionHeaders(headers),
      ...(algorithm === undefined ? {} : { 'x-amz-checksum-algorithm': algorithm }),
      ...(checksums.checksumType === undefined ? {} : { 'x-amz-checksum-type': checksums.checksumType }),
    },
  )
}

// Only CRCs have a full-object form over parts, and CRC64NVME has no other.
function checksumType(algorithm: Algorithm, given: string | undefined): ChecksumType {
  const sha = algorithm.startsWith('SHA')
  const type = given ?? (algorithm === 'CRC64NVME' ? 'FULL_OBJECT' : 'COMPOSITE')
  const valid = sha
    ? ['COMPOSITE']
    : algorithm === 'CRC64NVME'
      ? ['FULL_OBJECT']
      : ['COMPOSITE', 'FULL_OBJECT']
  if (!valid.includes(type))
    throw invalidRequest(`The ${type} checksum type cannot be used with the ${algorithm} checksum algorithm.`)
  return type as ChecksumType
}

function partNumberOf(call: S3Call): number {
  const number = Number(call.query.get('partNumber'))
  if (!Number.isInteger(number) || number < 1 || number > 10_000)
    throw invalidArgument('partNumber', 'Part number must be an integer between 1 and 10000, inclusive')
  return number
}

async function storePart(
  call: S3Call,
  bucket: Bucket,
  body: Buffer,
  sent: Checksum | undefined,
): Promise<Part> {
  const number = partNumberOf(call)
  const { upload } = uploadOf(call, bucket)
  const wanted = upload.checksumAlgorithm
  if (sent !== undefined && wanted !== undefined && sent.algorithm !== wanted)
    throw invalidRequest(
      `Checksum Type mismatch occurred, expected checksum Type: ${wanted.toLowerCase()}, actual checksum Type: ${sent.algorithm.toLowerCase()}`,
    )
  const checksum: Checksum | undefined =
    sent ??
    (wanted === undefined
      ? undefined
      : { algorithm: wanted, value: digestBase64(wanted, body), type: 'FULL_OBJECT' })
  const file = await bucket.writeBody(body)
  // The upload may have been aborted or completed while the body was written.
  if (!bucket.state.uploads.has(upload.id)) {
    bucket.discardBody(file)
    throw noSuchUpload(upload.id)
  }
  const base = { number, size: body.length, etag: md5Hex(body), file, lastModified: stamp(call) }
  const part: Part = checksum === undefined ? base : { ...base, checksum }
  bucket.commit({ op: 'part', uploadId: upload.id, part })
  return part
}

export const uploadPart: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeObject(call, bucket, 'PutObject')
  const { body, trailers } = call.request
  const part = await storePart(call, bucket, body, verifyBody(body, call.headers, trailers))
  const headers = checksumHeaders(part.checksum)
  delete headers['x-amz-checksum-type']
  return { headers: { etag: `"${part.etag}"`, ...headers } }
}

export const uploadPartCopy: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeObject(call, bucket, 'PutObject')
  const source = copySource(call)
  const range = call.headers['x-amz-copy-source-range']
  if (range !== undefined && !/^bytes=\d+-\d+$/.test(range))
    throw invalidArgument(
      'x-amz-copy-source-range',
      'The x-amz-copy-source-range value must be of the form bytes=first-last',
    )
  const { start, length } = sliceOf(source.version, range, null)
  const body = await source.bucket.readBody(source.version.file, start, length)
  const part = await storePart(call, bucket, body, undefined)
  const { ChecksumType: _type, ...sums } = checksumElements(part.checksum)
  return xmlReply(
    'CopyPartResult',
    { LastModified: part.lastModified, ETag: `"${part.etag}"`, ...sums },
    sourceHeaders(source),
  )
}

export const abortUpload: Handler = async call => {
  const bucket = bucketOf(call)
  authorizeObject(call, bucket, 'AbortMultipartUpload')
  bucket.commit({ op: 'drop', uploadId: uploadOf(call, bucket).upload.id })
  return { status: 204 }
}
