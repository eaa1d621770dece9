/** Bytes into the drop bucket, with a checksum that S3 compares, in parts when there are many. */
import { createHash } from 'node:crypto'
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { onInterrupt } from '../interrupt.ts'
import type { Progress } from '../screen.ts'

/** Up to here one call does it. */
export const IN_PARTS_FROM = 16 * 1024 ** 2
const PART = 8 * 1024 ** 2
const AT_ONCE = 4

export interface Uploaded {
  readonly etag: string
  readonly versionId: string | undefined
}

/** An upload that is interrupted leaves no parts behind. */
export async function upload(
  s3: S3Client,
  at: { readonly bucket: string; readonly key: string; readonly contentType: string },
  bytes: Buffer,
  progress: Progress,
): Promise<Uploaded> {
  const params = { Bucket: at.bucket, Key: at.key, Body: bytes, ContentType: at.contentType }
  progress.at(0)
  if (bytes.length <= IN_PARTS_FROM) {
    const ChecksumSHA256 = createHash('sha256').update(bytes).digest('base64')
    const { ETag = '', VersionId } = await s3.send(new PutObjectCommand({ ...params, ChecksumSHA256 }))
    progress.at(bytes.length)
    return { etag: unquoted(ETag), versionId: VersionId }
  }
  const parts = new Upload({
    client: s3,
    params: { ...params, ChecksumAlgorithm: 'SHA256' },
    ...{ partSize: PART, queueSize: AT_ONCE },
  })
  parts.on('httpUploadProgress', ({ loaded = 0 }) => progress.at(loaded))
  const done = onInterrupt(() => parts.abort())
  try {
    const { ETag = '', VersionId } = await parts.done()
    return { etag: unquoted(ETag), versionId: VersionId }
  } finally {
    done()
  }
}

/** Events have it without quotes. */
const unquoted = (etag: string): string => etag.replaceAll('"', '')
