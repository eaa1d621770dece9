/**
 * Checks AWS Signature Version 4: signed headers, presigned URLs and aws-chunked bodies.
 * Spec: "AWS Signature Version 4 for API requests" (IAM User Guide) and "Signature calculations for the
 * Authorization header: multiple chunks" (S3 API reference).
 */
import type { Principal } from '../core/types.ts'
import { sameSignature, type Unframed, unframe } from './aws-chunked.ts'
import { parseQuery } from './encoding.ts'
import {
  canonicalRequest,
  headerValue,
  hmac,
  type Scope,
  sha256Hex,
  signingKey,
  stringToSign,
  type WireRequest,
} from './sigv4-canonical.ts'
import { mismatch, SignatureFault } from './sigv4-fault.ts'

/** A signature as read from the request, not yet checked. */
export interface Signature {
  readonly presigned: boolean
  readonly accessKeyId: string
  readonly scope: Scope
  readonly amzDate: string
  readonly signedHeaders: readonly string[]
  readonly signature: string
  readonly sessionToken: string | undefined
  /** Lifetime of a presigned URL in seconds. */
  readonly expires: number
}
export interface Identity {
  readonly principal: Principal
  readonly secretAccessKey: string
  readonly sessionToken?: string
}
export interface Verified extends Unframed {
  readonly principal: Principal
}

const minute = 60_000
const maxPresignSeconds = 7 * 24 * 3600
const hex64 = /^[0-9a-f]{64}$/

/** Reads header or query signature; `undefined` for an unsigned request; throws SignatureFault when unreadable. */
export function readSignature(request: WireRequest): Signature | undefined {
  const query = new Map(parseQuery(request.rawQuery))
  if (query.has('X-Amz-Algorithm')) return readPresigned(query)
  const authorization = headerValue(request, 'authorization')
  // Signature version 2, which only S3 ever kept: `aws s3 presign` of the CLI v1 still makes such URLs.
  if (query.has('AWSAccessKeyId') || authorization?.startsWith('AWS ') === true)
    throw new SignatureFault(
      'old-version',
      'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
    )
  if (authorization === undefined || !authorization.startsWith('AWS4-')) return undefined
  const match =
    /^AWS4-HMAC-SHA256 Credential=([^,\s]+),? ?SignedHeaders=([^,\s]+),? ?Signature=([^,\s]+)$/.exec(
      authorization,
    )
  if (match === null)
    throw new SignatureFault('malformed', 'The authorization header is malformed: AWS4-HMAC-SHA256 expected.')
  const amzDate = headerValue(request, 'x-amz-date')
  if (amzDate === undefined)
    throw new SignatureFault('malformed', 'The authorization header needs an X-Amz-Date header beside it.')
  return {
    presigned: false,
    ...readCredential(match[1] ?? '', 'malformed'),
    amzDate,
    signedHeaders: (match[2] ?? '').split(';'),
    signature: match[3] ?? '',
    sessionToken: headerValue(request, 'x-amz-security-token'),
    expires: 0,
  }
}

function readPresigned(query: ReadonlyMap<string, string>): Signature {
  const need = (name: string): string => {
    const value = query.get(name)
    if (value === undefined || value === '')
      throw new SignatureFault('malformed-query', `Query-string authentication needs the parameter ${name}.`)
    return value
  }
  if (need('X-Amz-Algorithm') !== 'AWS4-HMAC-SHA256')
    throw new SignatureFault('malformed-query', 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
  const expires = Number(need('X-Amz-Expires'))
  if (!Number.isInteger(expires) || expires < 0)
    throw new SignatureFault('malformed-query', 'X-Amz-Expires must be a number of seconds')
  if (expires > maxPresignSeconds)
    throw new SignatureFault('malformed-query', 'X-Amz-Expires must be less than a week (in seconds)')
  return {
    presigned: true,
    ...readCredential(need('X-Amz-Credential'), 'malformed-query'),
    amzDate: need('X-Amz-Date'),
    signedHeaders: need('X-Amz-SignedHeaders').split(';'),
    signature: need('X-Amz-Signature'),
    sessionToken: query.get('X-Amz-Security-Token'),
    expires,
  }
}

function readCredential(text: string, kind: 'malformed' | 'malformed-query') {
  const [accessKeyId, date, region, service, terminator, ...rest] = text.split('/')
  if (!accessKeyId || !date || !region || !service || terminator !== 'aws4_request' || rest.length > 0)
    throw new SignatureFault(kind, 'The Credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request.')
  return { accessKeyId, scope: { date, region, service } }
}

/**
 * Checks the signature and returns who signed, with the body freed of aws-chunked framing.
 * Throws SignatureFault. `now` is the cloud's clock.
 */
export function verifySignature(
  request: WireRequest,
  signature: Signature,
  resolve: (accessKeyId: string) => Identity | undefined,
  now: Date,
): Verified {
  const signedAt = readAmzDate(signature)
  checkTime(signature, signedAt, now)
  const identity = resolve(signature.accessKeyId)
  if (identity === undefined)
    throw new SignatureFault('unknown-key', 'The security token included in the request is invalid.')
  checkSignedHeaders(request, signature)
  const payloadHash = declaredPayloadHash(request, signature)
  const canonical = canonicalRequest(request, signature.scope.service, signature.signedHeaders, payloadHash)
  const key = signingKey(identity.secretAccessKey, signature.scope)
  const expected = hmac(key, stringToSign(signature.amzDate, signature.scope, canonical)).toString('hex')
  if (!sameSignature(expected, signature.signature)) throw mismatch()
  if ((signature.sessionToken ?? '') !== (identity.sessionToken ?? ''))
    throw new SignatureFault('wrong-token', 'The security token included in the request is invalid.')
  const { amzDate, scope } = signature
  const signing = { key, amzDate, scope, seedSignature: expected }
  return { principal: identity.principal, ...openBody(request, payloadHash, signing) }
}

function openBody(
  request: WireRequest,
  payloadHash: string,
  signing: NonNullable<Parameters<typeof unframe>[1]>,
): Unframed {
  if (!payloadHash.startsWith('STREAMING-')) {
    if (hex64.test(payloadHash) && payloadHash !== sha256Hex(request.body))
      throw new SignatureFault(
        'payload-mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      )
    return { body: request.body, trailers: {} }
  }
  const length = headerValue(request, 'x-amz-decoded-content-length')
  if (length === undefined || !/^\d+$/.test(length))
    throw new SignatureFault(
      'bad-framing',
      'An aws-chunked body needs the x-amz-decoded-content-length header.',
    )
  const signed = payloadHash.startsWith('STREAMING-AWS4-HMAC-SHA256-PAYLOAD')
  const declared = (headerValue(request, 'x-amz-trailer') ?? '').toLowerCase().split(/\s*,\s*/)
  const opened = unframe(
    request.body,
    signed ? signing : undefined,
    payloadHash.endsWith('-TRAILER'),
    Number(length),
  )
  const trailers = Object.entries(opened.trailers).filter(([name]) => declared.includes(name))
  return { body: opened.body, trailers: Object.fromEntries(trailers) }
}

const streaming = [
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
]

/** The payload hash of the canonical request. Only S3 lets a client leave the payload out of the signature. */
function declaredPayloadHash(request: WireRequest, signature: Signature): string {
  if (signature.scope.service !== 's3') return sha256Hex(request.body)
  const header = headerValue(request, 'x-amz-content-sha256')
  const declared = signature.presigned
    ? (new Map(parseQuery(request.rawQuery)).get('X-Amz-Content-Sha256') ?? header ?? 'UNSIGNED-PAYLOAD')
    : header
  if (declared === undefined)
    throw new SignatureFault('malformed', 'Missing required header for this request: x-amz-content-sha256')
  if (declared === 'UNSIGNED-PAYLOAD' || hex64.test(declared) || streaming.includes(declared)) return declared
  throw new SignatureFault(
    'malformed',
    'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING-… value that is supported, or a valid sha256 value.',
  )
}

function checkSignedHeaders(request: WireRequest, signature: Signature): void {
  if (!signature.signedHeaders.includes('host'))
    throw new SignatureFault('unsigned-headers', 'The header "host" must be signed.')
  const loose = request.rawHeaders
    .map(([name]) => name.toLowerCase())
    .filter(name => name.startsWith('x-amz-') && !signature.signedHeaders.includes(name))
  if (loose.length > 0)
    throw new SignatureFault(
      'unsigned-headers',
      `There were headers present in the request which were not signed: ${loose.join(', ')}`,
    )
}

function readAmzDate(signature: Signature): number {
  const match = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(signature.amzDate)
  const kind = signature.presigned ? 'malformed-query' : 'malformed'
  if (match === null) throw new SignatureFault(kind, 'X-Amz-Date must look like 20260131T235959Z.')
  const [, year, month, day, hour, min, sec] = match
  if (`${year}${month}${day}` !== signature.scope.date)
    throw new SignatureFault(kind, 'The date in the Credential scope does not match X-Amz-Date.')
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(min), Number(sec))
}

// S3 tolerates 15 minutes of clock skew, other services 5.
function checkTime(signature: Signature, signedAt: number, now: Date): void {
  const skew = (signature.scope.service === 's3' ? 15 : 5) * minute
  if (signature.presigned) {
    if (signedAt - now.getTime() > skew) throw new SignatureFault('not-yet-valid', 'Request is not valid yet')
    if (now.getTime() > signedAt + signature.expires * 1000)
      throw new SignatureFault('expired', 'Request has expired')
  } else if (Math.abs(now.getTime() - signedAt) > skew) {
    throw new SignatureFault(
      'skewed',
      'The difference between the request time and the current time is too large.',
    )
  }
}
