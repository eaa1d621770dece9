import { createHash } from 'node:crypto'
import { SignatureV4 } from '@smithy/signature-v4'
import { describe, expect, it } from 'vitest'
import { readSignature, verifySignature } from '../../local/http/sigv4.ts'
import type { WireRequest } from '../../local/http/sigv4-canonical.ts'
import { SignatureFault } from '../../local/http/sigv4-fault.ts'
import { Sha256 } from '../../scripts/lib/sha256.ts'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'secret', sessionToken: 'session/token+=' }
const principal = { arn: 'arn:aws:iam::000000000000:user/operator', kind: 'operator' } as const
const signedAt = new Date('2026-03-01T12:00:00Z')

type HttpRequest = Parameters<SignatureV4['presign']>[0]
type Query = Record<string, string | string[] | null>
const signerFor = (service: string) =>
  new SignatureV4({
    credentials: keys,
    region: 'eu-west-1',
    service,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
  })

function toWire(signed: {
  method: string
  path: string
  query?: unknown
  headers: Record<string, string>
  body?: unknown
}): WireRequest {
  const query = Object.entries((signed.query ?? {}) as Record<string, string | string[]>)
    .flatMap(([name, value]) =>
      [value].flat().map(item => `${encodeURIComponent(name)}=${encodeURIComponent(item)}`),
    )
    .join('&')
  return {
    method: signed.method,
    rawPath: signed.path,
    rawQuery: query,
    rawHeaders: Object.entries(signed.headers),
    body: Buffer.from((signed.body as string | undefined) ?? ''),
  }
}

async function signed(service: string, path: string, query: Query = {}, body = '{"a":1}') {
  const request = {
    method: 'POST',
    protocol: 'http:',
    hostname: '127.0.0.1',
    path,
    query,
    headers: { host: '127.0.0.1:4566', 'content-type': 'application/json', 'x-amz-target': 'A.B' },
    body,
  }
  return toWire(await signerFor(service).sign(request as HttpRequest, { signingDate: signedAt }))
}

function verify(wire: WireRequest, now = signedAt, identity = keys) {
  const signature = readSignature(wire)
  if (signature === undefined) throw new Error('no signature found')
  return verifySignature(
    wire,
    signature,
    id => (id === identity.accessKeyId ? { principal, ...identity } : undefined),
    now,
  )
}
function faultOf(wire: WireRequest, now?: Date, identity?: typeof keys): string {
  try {
    verify(wire, now, identity)
  } catch (error) {
    if (error instanceof SignatureFault) return error.kind
    throw error
  }
  return 'accepted'
}
const withHeader = (wire: WireRequest, name: string, value: string): WireRequest => ({
  ...wire,
  rawHeaders: [...wire.rawHeaders.filter(([key]) => key.toLowerCase() !== name), [name, value]],
})
const header = (wire: WireRequest, name: string): string =>
  wire.rawHeaders.find(([key]) => key.toLowerCase() === name)?.[1] ?? ''

describe('header signatures', () => {
  it.each([
    ['kms', '/', {}],
    ['iotdata', '/topics/a%2Fb%2Fc%20d', { qos: '1' }],
    ['lambda', '/2015-03-31/functions/f%3A1/invocations', { 'z z': ['b', 'a'], a: '~*()' }],
    ['s3', '/bkt/m/a%20b%2Bc%3D%C3%BC%26%25.txt%27', { 'x-id': 'PutObject', prefix: 'a/b c' }],
    ['s3', '/bkt//double//slash', {}],
  ])('accepts what the AWS SDK signs for %s %s', async (service, path, query) => {
    const wire = await signed(service, path, query)
    expect(verify(wire)).toMatchObject({ principal, trailers: {} })
    expect(verify(wire).body.toString()).toBe('{"a":1}')
  })

  it('notices a change of any signed part', async () => {
    for (const service of ['kms', 's3']) {
      const wire = await signed(service, '/path', { q: '1' })
      expect(faultOf({ ...wire, method: 'PUT' })).toBe('mismatch')
      expect(faultOf({ ...wire, rawPath: '/path2' })).toBe('mismatch')
      expect(faultOf({ ...wire, rawQuery: 'q=2' })).toBe('mismatch')
      expect(faultOf({ ...wire, rawQuery: 'q=1&r=2' })).toBe('mismatch')
      expect(faultOf(withHeader(wire, 'host', 'other:4566'))).toBe('mismatch')
      expect(faultOf(withHeader(wire, 'x-amz-target', 'A.C'))).toBe('mismatch')
      expect(faultOf(withHeader(wire, 'content-type', 'text/plain'))).toBe('mismatch')
      expect(faultOf(withHeader(wire, 'x-amz-date', '20260301T120001Z'))).toBe('mismatch')
      expect(faultOf(withHeader(wire, 'x-amz-acl', 'public-read'))).toBe('unsigned-headers')
      expect(faultOf({ ...wire, body: Buffer.from('{"a":2}') })).toBe(
        service === 's3' ? 'payload-mismatch' : 'mismatch',
      )
    }
  })

  it('notices a change of the signature, the scope and the key', async () => {
    const wire = await signed('kms', '/')
    const authorization = header(wire, 'authorization')
    const other = (from: RegExp, to: string) =>
      faultOf(withHeader(wire, 'authorization', authorization.replace(from, to)))
    expect(other(/Signature=.{4}/, 'Signature=0000')).toBe('mismatch')
    expect(other(/Signature=.*/, 'Signature=ab')).toBe('mismatch')
    expect(other(/eu-west-1/, 'us-east-1')).toBe('mismatch')
    expect(other(/\/kms\//, '/sts/')).toBe('mismatch')
    expect(other(/20260301/, '20260302')).toBe('malformed')
    expect(other(/AKIDEXAMPLE/, 'AKIDOTHER')).toBe('unknown-key')
    expect(other(/;host;/, ';')).toBe('unsigned-headers')
    expect(other(/Credential=.*/, 'nonsense')).toBe('malformed')
  })

  it('notices a wrong secret, a missing, a foreign and a superfluous session token', async () => {
    const wire = await signed('kms', '/')
    expect(faultOf(wire, signedAt, { ...keys, secretAccessKey: 'other' })).toBe('mismatch')
    expect(faultOf(wire, signedAt, { ...keys, sessionToken: 'other' })).toBe('wrong-token')
    const { sessionToken: _token, ...longTerm } = keys
    expect(faultOf(wire, signedAt, longTerm as typeof keys)).toBe('wrong-token')
  })

  it('tolerates 5 minutes of skew, and S3 15', async () => {
    const at = (minutes: number) => new Date(signedAt.getTime() + minutes * 60_000)
    const kms = await signed('kms', '/')
    const s3 = await signed('s3', '/b/k')
    expect(faultOf(kms, at(4.9))).toBe('accepted')
    expect(faultOf(kms, at(-5.1))).toBe('skewed')
    expect(faultOf(s3, at(14.9))).toBe('accepted')
    expect(faultOf(s3, at(15.1))).toBe('skewed')
  })
})

describe('presigned URLs', () => {
  const presigned = async (expiresIn: number) => {
    const request = {
      method: 'GET',
      protocol: 'http:',
      hostname: '127.0.0.1',
      path: '/b/k%20ey',
      query: { versionId: 'v1' },
      // As the S3 presigner sets it: the payload is not known yet.
      headers: { host: '127.0.0.1:4566', 'x-amz-content-sha256': 'UNSIGNED-PAYLOAD' },
    }
    const done = await signerFor('s3').presign(request as HttpRequest, { signingDate: signedAt, expiresIn })
    return toWire(done)
  }

  it('accepts one within its time, and nothing that was changed', async () => {
    const wire = await presigned(60)
    expect(verify(wire).principal).toEqual(principal)
    const change = (from: RegExp, to: string) =>
      faultOf({ ...wire, rawQuery: wire.rawQuery.replace(from, to) })
    expect(change(/versionId=v1/, 'versionId=v2')).toBe('mismatch')
    expect(change(/X-Amz-Expires=60/, 'X-Amz-Expires=6000')).toBe('mismatch')
    expect(change(/X-Amz-Signature=.{4}/, 'X-Amz-Signature=0000')).toBe('mismatch')
    expect(change(/&X-Amz-Security-Token=[^&]*/, '')).toBe('mismatch')
    expect(change(/&X-Amz-Signature=[^&]*/, '')).toBe('malformed-query')
    expect(change(/X-Amz-Expires=60/, 'X-Amz-Expires=604801')).toBe('malformed-query')
    expect(faultOf({ ...wire, method: 'PUT' })).toBe('mismatch')
    expect(faultOf(withHeader(wire, 'x-amz-acl', 'public-read'))).toBe('unsigned-headers')
  })

  it('refuses one after its time and before it', async () => {
    const wire = await presigned(60)
    expect(faultOf(wire, new Date(signedAt.getTime() + 60_000))).toBe('accepted')
    expect(faultOf(wire, new Date(signedAt.getTime() + 61_000))).toBe('expired')
    expect(faultOf(wire, new Date(signedAt.getTime() - 16 * 60_000))).toBe('not-yet-valid')
  })
})

// The worked examples of the S3 API reference ("Authenticating requests"), which give all inputs and signatures.
const example = {
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}
const exampleTime = new Date('2013-05-24T00:00:00Z')
const verifyExample = (wire: WireRequest) => {
  const signature = readSignature(wire)
  if (signature === undefined) throw new Error('no signature found')
  return verifySignature(wire, signature, () => ({ principal, ...example }), exampleTime)
}
const exampleFault = (wire: WireRequest): string => {
  try {
    verifyExample(wire)
  } catch (error) {
    if (error instanceof SignatureFault) return error.kind
    throw error
  }
  return 'accepted'
}

describe('the examples of the S3 API reference', () => {
  const credential = 'AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request'

  it('GET with a Range header', () => {
    const empty = createHash('sha256').digest('hex')
    const authorization = `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=host;range;x-amz-content-sha256;x-amz-date,Signature=f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41`
    const wire: WireRequest = {
      method: 'GET',
      rawPath: '/test.txt',
      rawQuery: '',
      rawHeaders: [
        ['Host', 'examplebucket.s3.amazonaws.com'],
        ['Range', 'bytes=0-9'],
        ['x-amz-content-sha256', empty],
        ['x-amz-date', '20130524T000000Z'],
        ['Authorization', authorization],
      ],
      body: Buffer.alloc(0),
    }
    expect(exampleFault(wire)).toBe('accepted')
    expect(exampleFault(withHeader(wire, 'range', 'bytes=0-10'))).toBe('mismatch')
  })

  it('presigned GET', () => {
    const query = `X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=${encodeURIComponent(credential)}&X-Amz-Date=20130524T000000Z&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404`
    const wire: WireRequest = {
      method: 'GET',
      rawPath: '/test.txt',
      rawQuery: query,
      rawHeaders: [['Host', 'examplebucket.s3.amazonaws.com']],
      body: Buffer.alloc(0),
    }
    expect(exampleFault(wire)).toBe('accepted')
    expect(exampleFault({ ...wire, rawPath: '/test2.txt' })).toBe('mismatch')
  })

  const data = Buffer.alloc(66_560, 'a')
  const frame = (sums: readonly string[], tail: string, body = data) =>
    Buffer.concat([
      Buffer.from(`10000;chunk-signature=${sums[0]}\r\n`),
      body.subarray(0, 65_536),
      Buffer.from(`\r\n400;chunk-signature=${sums[1]}\r\n`),
      body.subarray(65_536),
      Buffer.from(`\r\n0;chunk-signature=${sums[2]}\r\n${tail}\r\n`),
    ])
  const chunked = (
    hash: string,
    signedHeaders: string,
    signature: string,
    body: Buffer,
    trailer?: string,
  ) => ({
    method: 'PUT',
    rawPath: '/examplebucket/chunkObject.txt',
    rawQuery: '',
    rawHeaders: [
      ['Host', 's3.amazonaws.com'],
      ['x-amz-date', '20130524T000000Z'],
      ['x-amz-storage-class', 'REDUCED_REDUNDANCY'],
      ['Content-Encoding', 'aws-chunked'],
      ['x-amz-decoded-content-length', '66560'],
      ['x-amz-content-sha256', hash],
      ...(trailer === undefined ? [['Content-Length', '66824']] : [['x-amz-trailer', trailer]]),
      [
        'Authorization',
        `AWS4-HMAC-SHA256 Credential=${credential},SignedHeaders=${signedHeaders},Signature=${signature}`,
      ],
    ] as [string, string][],
    body,
  })

  const sums = [
    'ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648',
    '0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497',
    'b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9',
  ]
  const streamed = (body: Buffer) =>
    chunked(
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD',
      'content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class',
      '4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9',
      body,
    )

  it('PUT in signed chunks', () => {
    expect(verifyExample(streamed(frame(sums, ''))).body.equals(data)).toBe(true)
    const changed = Buffer.from(data)
    changed[66_000] = 98
    expect(exampleFault(streamed(frame(sums, '', changed)))).toBe('mismatch')
    expect(exampleFault(streamed(frame([sums[0] ?? '', sums[2] ?? '', sums[1] ?? ''], '')))).toBe('mismatch')
    expect(exampleFault(streamed(frame(sums, '').subarray(0, 66_000)))).toBe('bad-framing')
    expect(exampleFault(streamed(data))).toBe('bad-framing')
  })

  const trailerSums = [
    'b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2',
    '1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7',
    '2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992',
  ]
  const trailing = (tail: string) =>
    chunked(
      'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER',
      'content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;x-amz-storage-class;x-amz-trailer',
      '106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e',
      frame(trailerSums, tail),
      'x-amz-checksum-crc32c',
    )
  const goodTail =
    'x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n'

  it('PUT in signed chunks with a signed trailer', () => {
    expect(verifyExample(trailing(goodTail)).trailers).toEqual({ 'x-amz-checksum-crc32c': 'sOO8/Q==' })
    expect(exampleFault(trailing(goodTail.replace('sOO8', 'sOO9')))).toBe('mismatch')
    expect(exampleFault(trailing('x-amz-checksum-crc32c:sOO8/Q==\r\n'))).toBe('mismatch')
  })
})
