import { createHash, createHmac, createSecretKey, type KeyObject } from 'node:crypto'
import { byCodePoint, decodePercent, encodeRfc3986, parseQuery } from './encoding.ts'

/** A request as it came over the wire, before anything was decoded. */
export interface WireRequest {
  readonly method: string
  readonly rawPath: string
  readonly rawQuery: string
  /** Names and values in wire order. */
  readonly rawHeaders: readonly (readonly [string, string])[]
  readonly body: Buffer
}

/** Date, region and service that a signing key is bound to. */
export interface Scope {
  readonly date: string
  readonly region: string
  readonly service: string
}

export const sha256Hex = (data: Buffer | string): string => createHash('sha256').update(data).digest('hex')
export const hmac = (key: Buffer | KeyObject, data: string): Buffer =>
  createHmac('sha256', key).update(data).digest()

/** All values of one header, comma-joined, with runs of spaces folded, as the canonical form wants them. */
export function headerValue(request: WireRequest, name: string): string | undefined {
  const values = request.rawHeaders
    .filter(([header]) => header.toLowerCase() === name)
    .map(([, value]) => value.trim().replace(/\s+/g, ' '))
  return values.length === 0 ? undefined : values.join(',')
}

// S3 signs the path encoded once and untouched; every other service signs the normalised path encoded twice.
function canonicalPath(rawPath: string, service: string): string {
  if (service === 's3') {
    return rawPath
      .split('/')
      .map(segment => encodeRfc3986(decodePercent(segment) ?? segment))
      .join('/')
  }
  const kept: string[] = []
  for (const segment of rawPath.split('/')) {
    if (segment === '' || segment === '.') continue
    if (segment === '..') kept.pop()
    else kept.push(encodeRfc3986(segment))
  }
  const trailing = kept.length > 0 && rawPath.endsWith('/') ? '/' : ''
  return `/${kept.join('/')}${trailing}`
}

function canonicalQuery(rawQuery: string): string {
  return parseQuery(rawQuery)
    .filter(([name]) => name !== 'X-Amz-Signature')
    .map(([name, value]) => [encodeRfc3986(name), encodeRfc3986(value)] as const)
    .sort((a, b) => byCodePoint(a[0], b[0]) || byCodePoint(a[1], b[1]))
    .map(pair => pair.join('='))
    .join('&')
}

/** The canonical request of the SigV4 specification. */
export function canonicalRequest(
  request: WireRequest,
  service: string,
  signedHeaders: readonly string[],
  payloadHash: string,
): string {
  const headers = signedHeaders.map(name => `${name}:${headerValue(request, name) ?? ''}\n`).join('')
  return [
    request.method,
    canonicalPath(request.rawPath, service),
    canonicalQuery(request.rawQuery),
    headers,
    signedHeaders.join(';'),
    payloadHash,
  ].join('\n')
}

export const scopeText = (scope: Scope): string =>
  `${scope.date}/${scope.region}/${scope.service}/aws4_request`

export function stringToSign(amzDate: string, scope: Scope, canonical: string): string {
  return ['AWS4-HMAC-SHA256', amzDate, scopeText(scope), sha256Hex(canonical)].join('\n')
}

/** A key is good for a day, and making it costs more than all the rest of a check. */
const signingKeys = new Map<string, KeyObject>()
const MAX_KEYS = 500

export function signingKey(secretAccessKey: string, scope: Scope): KeyObject {
  const id = `${scopeText(scope)}/${secretAccessKey}`
  const known = signingKeys.get(id)
  if (known !== undefined) return known
  const day = hmac(Buffer.from(`AWS4${secretAccessKey}`), scope.date)
  const key = createSecretKey(hmac(hmac(hmac(day, scope.region), scope.service), 'aws4_request'))
  if (signingKeys.size >= MAX_KEYS) signingKeys.clear()
  signingKeys.set(id, key)
  return key
}
