import { createHash } from 'node:crypto'
import { children, childText, readXml } from '../http/xml.ts'
import type { UploadState } from './bucket-state.ts'
import { bucketOf, type Handler, type S3Call } from './call.ts'
import {
  type Checksum,
  checksumElements,
  compositeChecksum,
  digestBase64,
  readChecksum,
} from './checksums.ts'
import { checkWrite } from './conditions.ts'
import { invalidRequest, malformedXml, noSuchUpload, S3Error } from './errors.ts'
import type { Part } from './model.ts'
import { uploadOf } from './multipart.ts'
import { xmlReply } from './object-details.ts'
import { authorizeWrite, encryptionHeaders, versionHeaders } from './objects.ts'
import { commitObject } from './write.ts'

const smallestPart = 5 * 1024 * 1024

/** The parts that the client lists, checked against those that arrived. */
function listedParts(call: S3Call, state: UploadState): readonly Part[] {
  const nodes = children(readXml(call.request.body.toString('utf8'), 'CompleteMultipartUpload'), 'Part')
  if (nodes.length === 0) throw malformedXml()
  const parts: Part[] = []
  for (const node of nodes) {
    const number = Number(childText(node, 'PartNumber'))
    const etag = (childText(node, 'ETag') ?? '').replaceAll('"', '')
    const part = state.parts.get(number)
    const sum = part?.checksum
    const claimed = sum === undefined ? undefined : childText(node, `Checksum${sum.algorithm}`)
    if (part === undefined || part.etag !== etag || (claimed !== undefined && claimed !== sum?.value))
      throw new S3Error(
        'InvalidPart',
        "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
        400,
        { UploadId: state.upload.id, PartNumber: String(number), ETag: etag },
      )
    if (number <= (parts.at(-1)?.number ?? 0))
      throw new S3Error('InvalidPartOrder', 'The list of parts was not in ascending order.', 400)
    parts.push(part)
  }
  const small = parts.slice(0, -1).find(part => part.size < smallestPart)
  if (small !== undefined)
    throw new S3Error(
      'EntityTooSmall',
      'Your proposed upload is smaller than the minimum allowed size',
      400,
      {
        ProposedSize: String(small.size),
        MinSizeAllowed: String(smallestPart),
        PartNumber: String(small.number),
      },
    )
  return parts
}

function wholeChecksum(call: S3Call, state: UploadState, parts: readonly Part[], body: () => Buffer) {
  const { checksumAlgorithm: algorithm, checksumType: type } = state.upload
  if (algorithm === undefined) return undefined
  const sums = parts.map(part => part.checksum?.value ?? '')
  const checksum: Checksum =
    type === 'FULL_OBJECT'
      ? { algorithm, value: digestBase64(algorithm, body()), type }
      : compositeChecksum(algorithm, sums)
  const claimed = readChecksum(call.headers, {})
  if (claimed === undefined) return checksum
  // Clients may leave out the number of parts.
  const expected = claimed.value.includes('-') ? checksum.value : checksum.value.replace(/-\d+$/, '')
  if (claimed.algorithm !== algorithm)
    throw invalidRequest(`The upload was created with the checksum algorithm ${algorithm}.`)
  if (claimed.value !== expected)
    throw new S3Error(
      'BadDigest',
      `The ${algorithm} you specified did not match the calculated checksum.`,
      400,
    )
  return checksum
}

export const completeUpload: Handler = async call => {
  const bucket = bucketOf(call)
  const state = uploadOf(call, bucket)
  const { upload } = state
  authorizeWrite(call, bucket, upload.tags)
  const parts = listedParts(call, state)
  checkWrite(call.headers, call.key, bucket.current(call.key))
  const chunks: Buffer[] = []
  const keep = upload.checksumType === 'FULL_OBJECT'
  const file = await bucket.joinBodies(
    parts.map(part => part.file),
    chunk => {
      if (keep) chunks.push(chunk)
    },
  )
  let checksum: Checksum | undefined
  try {
    // Two completions at once: the first wins, the second finds the upload gone.
    if (!bucket.state.uploads.has(upload.id)) throw noSuchUpload(upload.id)
    checksum = wholeChecksum(call, state, parts, () => Buffer.concat(chunks))
  } catch (error) {
    bucket.discardBody(file)
    throw error
  }
  const size = parts.reduce((sum, part) => sum + part.size, 0)
  const md5 = createHash('md5')
  for (const part of parts) md5.update(Buffer.from(part.etag, 'hex'))
  const draft = {
    key: call.key,
    size,
    etag: `${md5.digest('hex')}-${parts.length}`,
    file,
    headers: upload.headers,
    tags: upload.tags,
    partSizes: parts.map(part => part.size),
    ...(checksum === undefined ? {} : { checksum }),
  }
  const version = commitObject(call, bucket, draft, 'CompleteMultipartUpload')
  bucket.commit({ op: 'drop', uploadId: upload.id })
  return xmlReply(
    'CompleteMultipartUploadResult',
    {
      Location: `${call.env.realm.endpoint}/${bucket.name}/${encodeURI(call.key)}`,
      Bucket: bucket.name,
      Key: call.key,
      ETag: `"${version.etag}"`,
      ...checksumElements(checksum),
    },
    { ...versionHeaders(bucket, version), ...encryptionHeaders(upload.headers) },
  )
}
