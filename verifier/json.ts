/**
 * Limits checked on every byte that comes from outside, before any of it is interpreted: length, then depth,
 * then finiteness. `JSON.parse` turns `1e999` into Infinity without complaint, so finiteness needs its own pass.
 */
export interface JsonLimits {
  readonly maxBytes: number
  readonly maxDepth: number
}

export class UnsafeJsonError extends Error {
  readonly code: 'TOO_LARGE' | 'NOT_UTF8' | 'NOT_JSON' | 'TOO_DEEP' | 'NOT_FINITE'
  constructor(code: UnsafeJsonError['code'], message: string) {
    super(message)
    this.name = 'UnsafeJsonError'
    this.code = code
  }
}

/** Parses JSON that a stranger wrote. Throws {@link UnsafeJsonError}; the message names the place. */
export function parseUntrustedJson(bytes: Uint8Array, limits: JsonLimits): unknown {
  if (bytes.byteLength > limits.maxBytes) {
    throw new UnsafeJsonError(
      'TOO_LARGE',
      `${bytes.byteLength} bytes; at most ${limits.maxBytes} are accepted`,
    )
  }
  let text: string
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new UnsafeJsonError('NOT_UTF8', 'the payload is not valid UTF-8')
  }
  assertDepth(text, limits.maxDepth)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new UnsafeJsonError('NOT_JSON', `not JSON: ${(error as Error).message}`)
  }
  assertFinite(value, '$')
  return value
}

/** Counts brackets outside strings, so that the recursive parser never sees a text that nests too deep. */
function assertDepth(text: string, maxDepth: number): void {
  let depth = 0
  let inString = false
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i)
    if (inString) {
      if (c === 0x5c) i++
      else if (c === 0x22) inString = false
    } else if (c === 0x22) inString = true
    else if (c === 0x7b || c === 0x5b) {
      if (++depth > maxDepth) throw new UnsafeJsonError('TOO_DEEP', `nests deeper than ${maxDepth} levels`)
    } else if (c === 0x7d || c === 0x5d) depth--
  }
}

function assertFinite(value: unknown, path: string): void {
  if (typeof value === 'number') {
    if (!Number.isFinite(value)) throw new UnsafeJsonError('NOT_FINITE', `${path} is not a finite number`)
  } else if (Array.isArray(value)) {
    value.forEach((item, i) => {
      assertFinite(item, `${path}[${i}]`)
    })
  } else if (value !== null && typeof value === 'object') {
    for (const [key, item] of Object.entries(value)) assertFinite(item, `${path}.${key}`)
  }
}
