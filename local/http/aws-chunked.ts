import { type KeyObject, timingSafeEqual } from 'node:crypto'
import { hmac, type Scope, scopeText, sha256Hex } from './sigv4-canonical.ts'
import { mismatch, SignatureFault } from './sigv4-fault.ts'

/** What a chain of chunk signatures is checked against. */
export interface ChunkSigning {
  readonly key: KeyObject
  readonly amzDate: string
  readonly scope: Scope
  readonly seedSignature: string
}
export interface Unframed {
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, string>>
}

const emptyHash = sha256Hex('')
const bad = (what: string) => new SignatureFault('bad-framing', `The aws-chunked body is malformed: ${what}.`)

/**
 * Removes `aws-chunked` framing and, where chunks are signed, checks each signature (and the trailer's).
 * Throws SignatureFault `bad-framing` or `mismatch`.
 */
export function unframe(
  framed: Buffer,
  signing: ChunkSigning | undefined,
  expectTrailer: boolean,
  decodedLength: number | undefined,
): Unframed {
  const parts: Buffer[] = []
  let at = 0
  let previous = signing?.seedSignature ?? ''
  for (;;) {
    const lineEnd = framed.indexOf('\r\n', at)
    if (lineEnd < 0) throw bad('a chunk header is missing')
    const header = framed.toString('latin1', at, lineEnd)
    const match = /^([0-9a-fA-F]{1,8})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(header)
    if (match === null) throw bad('a chunk header is no hexadecimal length')
    const size = Number.parseInt(match[1] ?? '', 16)
    const start = lineEnd + 2
    const end = start + size
    if (end > framed.length) throw bad('it ends within a chunk')
    const data = framed.subarray(start, end)
    if (signing !== undefined) previous = checkChunk(signing, previous, match[2], data)
    if (size === 0) {
      at = start
      break
    }
    if (framed.toString('latin1', end, end + 2) !== '\r\n')
      throw bad('a chunk is longer than its length says')
    parts.push(data)
    at = end + 2
  }
  const body = parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)
  if (decodedLength !== undefined && decodedLength !== body.length)
    throw bad(`x-amz-decoded-content-length says ${decodedLength} bytes, the chunks hold ${body.length}`)
  const trailers = readTrailers(framed.toString('latin1', at))
  if (!expectTrailer) return { body, trailers: {} }
  if (signing !== undefined) checkTrailer(signing, previous, trailers)
  delete trailers['x-amz-trailer-signature']
  return { body, trailers }
}

function checkChunk(
  signing: ChunkSigning,
  previous: string,
  given: string | undefined,
  data: Buffer,
): string {
  const text = [
    'AWS4-HMAC-SHA256-PAYLOAD',
    signing.amzDate,
    scopeText(signing.scope),
    previous,
    emptyHash,
    sha256Hex(data),
  ].join('\n')
  return expectSignature(signing, text, given)
}

function checkTrailer(
  signing: ChunkSigning,
  previous: string,
  trailers: Readonly<Record<string, string>>,
): void {
  const canonical = Object.entries(trailers)
    .filter(([name]) => name !== 'x-amz-trailer-signature')
    .map(([name, value]) => `${name}:${value}\n`)
    .join('')
  const text = [
    'AWS4-HMAC-SHA256-TRAILER',
    signing.amzDate,
    scopeText(signing.scope),
    previous,
    sha256Hex(canonical),
  ].join('\n')
  expectSignature(signing, text, trailers['x-amz-trailer-signature'])
}

function expectSignature(signing: ChunkSigning, text: string, given: string | undefined): string {
  const expected = hmac(signing.key, text).toString('hex')
  if (!sameSignature(expected, given)) throw mismatch()
  return expected
}

/** Constant-time comparison of two hex signatures. */
export function sameSignature(expected: string, given: string | undefined): boolean {
  if (given === undefined || given.length !== expected.length) return false
  return timingSafeEqual(Buffer.from(expected), Buffer.from(given))
}

function readTrailers(text: string): Record<string, string> {
  const trailers: Record<string, string> = {}
  for (const line of text.split('\r\n')) {
    const colon = line.indexOf(':')
    if (colon > 0) trailers[line.slice(0, colon).trim().toLowerCase()] = line.slice(colon + 1).trim()
  }
  return trailers
}
