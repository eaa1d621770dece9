import { scanJson } from './json-scan.ts'

/**
 * Limits on what a stranger wrote, checked before any of it is interpreted. What JSON.parse builds takes up to 25
 * times the bytes of the text (a list of empty objects is the worst), so `maxBytes` also bounds memory.
 */
export interface JsonLimits {
  readonly maxBytes: number
  readonly maxDepth: number
}

export type UnsafeJsonCode =
  | 'TOO_LARGE'
  | 'NOT_UTF8'
  | 'BYTE_ORDER_MARK'
  | 'TOO_DEEP'
  | 'LONE_SURROGATE'
  | 'FORBIDDEN_KEY'
  | 'DUPLICATE_KEY'
  | 'NOT_FINITE'
  | 'PRECISION_LOST'
  | 'NOT_JSON'

export class UnsafeJsonError extends Error {
  readonly code: UnsafeJsonCode
  constructor(code: UnsafeJsonCode, message: string) {
    // A long path is cut, perhaps within a surrogate pair, and nobody takes half of one in a report.
    super(message.toWellFormed())
    this.name = 'UnsafeJsonError'
    this.code = code
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * Parses JSON that a stranger wrote, if every parser would read the same from it: no key twice, no `__proto__`, no
 * half of a surrogate pair, and no number that a double cannot hold. `1e999`, and an integer that would come out with
 * other digits, are such numbers; whatever JSON.stringify writes is not.
 * @throws UnsafeJsonError whose message names the place
 */
export function parseUntrustedJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  if (bytes.byteLength > limits.maxBytes)
    throw new UnsafeJsonError(
      'TOO_LARGE',
      `${bytes.byteLength} bytes; at most ${limits.maxBytes} are accepted`,
    )
  if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    throw new UnsafeJsonError('BYTE_ORDER_MARK', '$ begins with a byte order mark; leave it out')
  let text: string
  try {
    text = utf8.decode(bytes)
  } catch {
    throw new UnsafeJsonError('NOT_UTF8', 'the payload is not valid UTF-8')
  }
  scanJson(text, limits.maxDepth, (code, message) => new UnsafeJsonError(code, message))
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UnsafeJsonError('NOT_JSON', `not JSON: ${(error as Error).message}`)
  }
}
