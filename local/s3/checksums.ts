import { createHash } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { crc32c, crc64nvme } from './crc.ts'
import { invalidRequest, S3Error } from './errors.ts'

export type Algorithm = 'CRC32' | 'CRC32C' | 'CRC64NVME' | 'SHA1' | 'SHA256'
export type ChecksumType = 'FULL_OBJECT' | 'COMPOSITE'
export interface Checksum {
  readonly algorithm: Algorithm
  /** Base64 of the big-endian digest; composite values end in `-PARTS`. */
  readonly value: string
  readonly type: ChecksumType
}
type Headers = Readonly<Record<string, string>>

const digests: Readonly<Record<Algorithm, (data: Buffer) => Buffer>> = {
  CRC32: data => uint32(crc32(data)),
  CRC32C: data => uint32(crc32c(data)),
  CRC64NVME: data => uint64(crc64nvme(data)),
  SHA1: data => createHash('sha1').update(data).digest(),
  SHA256: data => createHash('sha256').update(data).digest(),
}
const digestLength = { CRC32: 4, CRC32C: 4, CRC64NVME: 8, SHA1: 20, SHA256: 32 } as const
export const algorithms = Object.keys(digests) as readonly Algorithm[]
export const checksumHeader = (algorithm: Algorithm): string => `x-amz-checksum-${algorithm.toLowerCase()}`
export const digestBase64 = (algorithm: Algorithm, data: Buffer): string =>
  digests[algorithm](data).toString('base64')
export const md5Hex = (data: Buffer): string => createHash('md5').update(data).digest('hex')

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(value)
  return bytes
}

export function readAlgorithm(text: string): Algorithm {
  const found = algorithms.find(name => name === text.toUpperCase())
  if (found === undefined)
    throw invalidRequest(
      `Checksum algorithm provided is unsupported: ${text}. Use one of ${algorithms.join(', ')}.`,
    )
  return found
}

/** The checksum that the client sent, in a header or a trailer, as yet unchecked. */
export function readChecksum(headers: Headers, trailers: Headers): Omit<Checksum, 'type'> | undefined {
  const found = algorithms.flatMap(algorithm => {
    const name = checksumHeader(algorithm)
    const value = headers[name] ?? trailers[name]
    return value === undefined ? [] : [{ algorithm, value }]
  })
  if (found.length > 1)
    throw invalidRequest(
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    )
  const announced = headers['x-amz-trailer']
  if (found.length === 0 && announced?.includes('x-amz-checksum-'))
    throw new S3Error(
      'MalformedTrailerError',
      `The trailer ${announced} was announced but did not arrive.`,
      400,
    )
  return found[0]
}

/**
 * Checks Content-MD5 and the checksum against the body; returns the checksum to keep, if one was sent.
 * Throws BadDigest, InvalidDigest or InvalidRequest.
 */
export function verifyBody(body: Buffer, headers: Headers, trailers: Headers): Checksum | undefined {
  const md5 = headers['content-md5']
  if (md5 !== undefined) {
    if (Buffer.from(md5, 'base64').length !== 16)
      throw new S3Error('InvalidDigest', 'The Content-MD5 you specified is not valid.', 400)
    if (Buffer.from(md5, 'base64').toString('hex') !== md5Hex(body))
      throw new S3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.', 400)
  }
  const sent = readChecksum(headers, trailers)
  if (sent === undefined) return undefined
  if (Buffer.from(sent.value, 'base64').length !== digestLength[sent.algorithm])
    throw invalidRequest(`Value for ${checksumHeader(sent.algorithm)} header is invalid.`)
  if (digestBase64(sent.algorithm, body) !== sent.value)
    throw new S3Error(
      'BadDigest',
      `The ${sent.algorithm} you specified did not match the calculated checksum.`,
      400,
    )
  return { ...sent, type: 'FULL_OBJECT' }
}

/** Checksum of checksums of a multipart upload (S3 user guide, "Checking object integrity"). */
export function compositeChecksum(algorithm: Algorithm, partValues: readonly string[]): Checksum {
  const joined = Buffer.concat(partValues.map(value => Buffer.from(value, 'base64')))
  return { algorithm, value: `${digestBase64(algorithm, joined)}-${partValues.length}`, type: 'COMPOSITE' }
}

export function checksumHeaders(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {}
  return { [checksumHeader(checksum.algorithm)]: checksum.value, 'x-amz-checksum-type': checksum.type }
}

/** The same for XML bodies: `ChecksumCRC32` and so on. */
export function checksumElements(checksum: Checksum | undefined): Record<string, string> {
  if (checksum === undefined) return {}
  return { [`Checksum${checksum.algorithm}`]: checksum.value, ChecksumType: checksum.type }
}
