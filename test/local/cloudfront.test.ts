import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { brotliDecompressSync, gunzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type CloudFront, createCloudFront, type Distribution } from '../../local/cloudfront/index.ts'
import type { CallContext, PolicyStatement } from '../../local/core/types.ts'
import { createIam } from '../../local/iam/index.ts'
import { createS3 } from '../../local/s3/index.ts'
import { type TestRealm, testRealm } from './events-support.ts'

const BUCKET = 'page-files'
const OPTIMIZED = '658327ea-f89d-4fab-a63d-7e88639e58f6'
const DISABLED = '4135ea2d-6df8-44a3-9df3-4b5a84be39ad'
const EXCEPT_HOST = 'b689b0a8-53d0-40ab-baf2-68738e2966ac'
const PAGE = `<!doctype html>${'a page '.repeat(300)}`

let realm: TestRealm
let iam: ReturnType<typeof createIam>
let s3: ReturnType<typeof createS3>
let cloudfront: CloudFront
let site: Distribution
let origin: Server
let originUrl: string
let heard: { method: string; url: string; headers: Record<string, unknown>; body: string }[]

const admin: CallContext = {
  principal: { kind: 'operator', arn: 'arn:aws:iam::123456789012:user/operator' },
  requestId: 'r',
  authorize: () => {},
}
const put = (key: string, body: string, headers: Record<string, string>) =>
  s3.service.handle(
    {
      ...{ method: 'PUT', rawPath: `/${BUCKET}/${key}`, query: new URLSearchParams() },
      ...{ headers, body: Buffer.from(body), trailers: {} },
    },
    admin,
  )
/** What the bucket lets CloudFront do, for the distribution with this ARN. */
function letIn(arn: string, ...actions: readonly ('GetObject' | 'ListBucket')[]): void {
  const Statement = actions.map(
    (action): PolicyStatement => ({
      Effect: 'Allow',
      Principal: { Service: 'cloudfront.amazonaws.com' },
      Action: `s3:${action}`,
      Resource: action === 'GetObject' ? `arn:aws:s3:::${BUCKET}/*` : `arn:aws:s3:::${BUCKET}`,
      Condition: { StringEquals: { 'aws:SourceArn': arn } },
    }),
  )
  s3.setBucketPolicy(BUCKET, { Version: '2012-10-17', Statement })
}

const FUNCTION = `function handler(event) {
  var request = event.request
  if (!/[.]/.test(request.uri)) request.uri = '/index.html'
  return request
}`
const HEADERS = {
  Name: 'h',
  SecurityHeadersConfig: {
    ContentSecurityPolicy: { Override: true, ContentSecurityPolicy: "default-src 'none'" },
    StrictTransportSecurity: { Override: true, AccessControlMaxAgeSec: 60, IncludeSubdomains: true },
    ContentTypeOptions: { Override: true },
    FrameOptions: { Override: true, FrameOption: 'DENY' },
    ReferrerPolicy: { Override: false, ReferrerPolicy: 'no-referrer' },
  },
  CustomHeadersConfig: { Items: [{ Header: 'X-Own', Value: 'yes', Override: true }] },
}
/** A distribution's configuration, as a template has it. */
function config(change: object = {}, behaviorChange: object = {}) {
  const oac = cloudfront.createAccessControl('oac', {
    OriginAccessControlConfig: { OriginAccessControlOriginType: 's3', SigningBehavior: 'always' },
  })
  const policy = cloudfront.createHeadersPolicy('h', { ResponseHeadersPolicyConfig: HEADERS })
  const { arn } = cloudfront.createFunction('f', {
    ...{ Name: 'f', FunctionConfig: { Runtime: 'cloudfront-js-2.0' }, FunctionCode: FUNCTION },
  })
  return {
    Enabled: true,
    DefaultRootObject: 'index.html',
    Origins: [
      {
        ...{ Id: 'files', DomainName: `${BUCKET}.s3.eu-west-1.amazonaws.com` },
        ...{ OriginAccessControlId: oac, S3OriginConfig: { OriginAccessIdentity: '' } },
      },
      {
        Id: 'api',
        DomainName: 'api.example.com',
        CustomOriginConfig: { OriginProtocolPolicy: 'https-only' },
      },
    ],
    DefaultCacheBehavior: {
      ...{ TargetOriginId: 'files', ViewerProtocolPolicy: 'redirect-to-https', Compress: true },
      ...{ AllowedMethods: ['GET', 'HEAD'], CachePolicyId: OPTIMIZED, ResponseHeadersPolicyId: policy },
      FunctionAssociations: [{ EventType: 'viewer-request', FunctionARN: arn }],
      ...behaviorChange,
    },
    CacheBehaviors: [
      {
        ...{ PathPattern: '/v1/*', TargetOriginId: 'api', ViewerProtocolPolicy: 'https-only' },
        ...{ AllowedMethods: ['GET', 'HEAD', 'POST', 'DELETE'], CachePolicyId: DISABLED },
        ...{ OriginRequestPolicyId: EXCEPT_HOST, ResponseHeadersPolicyId: policy },
      },
    ],
    ...change,
  }
}

beforeEach(async () => {
  realm = testRealm()
  heard = []
  origin = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    const { method = '', url = '', headers } = request
    heard.push({ method, url, headers, body })
    if (url === '/v1/hangs-up') {
      response.destroy()
      return
    }
    const status = url === '/v1/nothing' ? 404 : 202
    response.writeHead(status, {
      'content-type': 'application/json',
      'referrer-policy': 'origin',
      etag: '"7"',
    })
    response.end('{"from":"origin"}')
  })
  await new Promise<void>(up => origin.listen(0, '127.0.0.1', up))
  originUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`
  iam = createIam(realm)
  s3 = createS3({ realm, iam, emit: () => {} })
  s3.createBucket({ BucketName: BUCKET })
  const localUrl = (url: string) => url.replace('https://api.example.com', originUrl)
  cloudfront = createCloudFront({ realm, iam, s3, port: 0, host: '127.0.0.1', localUrl })
  site = await cloudfront.createDistribution('site', { DistributionConfig: config() })
  letIn(site.arn, 'GetObject', 'ListBucket')
  await put('index.html', PAGE, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' })
  await put('small.css', 'a{}', { 'content-type': 'text/css' })
  await put('photo.png', 'p'.repeat(5000), { 'content-type': 'image/png' })
})
afterEach(async () => {
  await cloudfront.close()
  await s3.close()
  await new Promise(down => origin.close(down))
  realm.remove()
})
/** Without the decoding that fetch does by itself. */
const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(site.url + path, { method, headers: { 'accept-encoding': 'identity', ...headers } })

describe('files', () => {
  it.each(['/', '/index.html', '/fleets/cold-chain', '/?code=1'])('%s is the page', async path => {
    const answer = await get(path)
    expect([answer.status, await answer.text()]).toEqual([200, PAGE])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-cache',
      vary: 'accept-encoding',
      'content-security-policy': "default-src 'none'",
      'strict-transport-security': 'max-age=60; includeSubDomains',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'x-own': 'yes',
    })
  })
  it('that are missing are 404, with the headers of all answers', async () => {
    const answer = await get('/none.js')
    expect([answer.status, answer.headers.get('x-frame-options')]).toEqual([404, 'DENY'])
  })
  it('have no body on HEAD, and the same length', async () => {
    const answer = await get('/index.html', {}, 'HEAD')
    expect([answer.status, answer.headers.get('content-length')]).toEqual([200, String(PAGE.length)])
    expect(await answer.text()).toBe('')
  })
  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS'])('take no %s', async method => {
    expect((await get('/', {}, method)).status).toBe(403)
  })
  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['br;q=1.0, gzip', 'br', brotliDecompressSync],
    ['br;q=0, gzip', 'gzip', gunzipSync],
  ])('go out compressed for %s', async (accepts, encoding, unpack) => {
    const { headers, body } = await raw('/', accepts)
    expect([headers['content-encoding'], headers['etag']?.startsWith('W/"')]).toEqual([encoding, true])
    expect(body.length).toBeLessThan(PAGE.length / 5)
    expect(unpack(body).toString()).toBe(PAGE)
  })
  it.each(['/small.css', '/photo.png'])('go out as they are where it does not pay: %s', async path => {
    const { headers } = await raw(path, 'gzip, br')
    expect(headers['content-encoding']).toBeUndefined()
  })
  it('are not sent again to somebody who has them, in either form of the tag', async () => {
    const etag = (await get('/')).headers.get('etag') ?? ''
    for (const tag of [etag, `W/${etag}`, `"x", ${etag}`, '*']) {
      const answer = await get('/', { 'if-none-match': tag })
      expect([answer.status, await answer.text(), answer.headers.get('etag')]).toEqual([304, '', etag])
    }
    expect((await get('/', { 'if-none-match': '"other"' })).status).toBe(200)
  })
})

describe('the bucket policy decides', () => {
  it('not for another distribution', async () => {
    letIn(site.arn.replace(/\w+$/, 'EANOTHER'), 'GetObject', 'ListBucket')
    expect((await get('/')).status).toBe(403)
    expect(iam.denials.at(-1)?.message).toContain('cloudfront.amazonaws.com is not authorized')
  })
  it('and who may not list is not told what is missing', async () => {
    letIn(site.arn, 'GetObject')
    expect([(await get('/none.js')).status, (await get('/small.css')).status]).toEqual([403, 200])
  })
})

describe('a path of another origin', () => {
  it('goes there with headers, query and body, but not the host, and comes back as it is', async () => {
    const answer = await fetch(`${site.url}/v1/rollouts?limit=3`, {
      method: 'POST',
      headers: { authorization: 'Bearer t', 'content-type': 'application/json', 'idempotency-key': 'k' },
      body: '{"a":1}',
    })
    expect([answer.status, await answer.json()]).toEqual([202, { from: 'origin' }])
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      ...{ etag: '"7"', 'referrer-policy': 'origin', 'x-frame-options': 'DENY' },
    })
    expect(heard).toMatchObject([
      {
        ...{ method: 'POST', url: '/v1/rollouts?limit=3', body: '{"a":1}' },
        headers: { authorization: 'Bearer t', 'idempotency-key': 'k', host: new URL(originUrl).host },
      },
    ])
  })
  it('keeps its own 404', async () => {
    const answer = await get('/v1/nothing')
    expect([answer.status, await answer.json()]).toEqual([404, { from: 'origin' }])
  })
  it('is 502 when it hangs up, and the page goes on', async () => {
    expect((await get('/v1/hangs-up')).status).toBe(502)
    expect((await get('/')).status).toBe(200)
  })
  it('begins where the pattern says', async () => {
    expect([(await get('/v1')).status, (await get('/v12/x')).status]).toEqual([200, 200])
    expect(heard).toEqual([])
  })
})

describe('what a template may not ask for', () => {
  const deploy = (given: object) => cloudfront.createDistribution('other', { DistributionConfig: given })
  it.each([
    [
      'error pages',
      { CustomErrorResponses: [{ ErrorCode: 404, ResponsePagePath: '/index.html', ResponseCode: 200 }] },
      {},
      'DistributionConfig.CustomErrorResponses',
    ],
    [
      'errors that are kept',
      { CustomErrorResponses: [{ ErrorCode: 503, ErrorCachingMinTTL: 10 }] },
      {},
      'ErrorCachingMinTTL',
    ],
    ['being off', { Enabled: false }, {}, 'DistributionConfig.Enabled'],
    ['another cache policy', {}, { CachePolicyId: 'x' }, 'CachePolicyId: x is not run'],
    [
      'another origin request policy',
      {},
      { OriginRequestPolicyId: 'x' },
      'OriginRequestPolicyId: x is not run',
    ],
    ['headers that nothing declares', {}, { ResponseHeadersPolicyId: 'x' }, 'x is not a policy'],
    ['an origin that is not there', {}, { TargetOriginId: 'x' }, 'TargetOriginId'],
    ['Lambda@Edge', {}, { LambdaFunctionAssociations: [] }, 'LambdaFunctionAssociations'],
    [
      'a function on answers',
      {},
      { FunctionAssociations: [{ EventType: 'viewer-response', FunctionARN: 'x' }] },
      'viewer-response is not run',
    ],
    [
      'a bucket without access control',
      {
        Origins: [{ Id: 'files', DomainName: `${BUCKET}.s3.amazonaws.com`, S3OriginConfig: {} }],
        CacheBehaviors: [],
      },
      {},
      'OriginAccessControlId',
    ],
  ])('%s', async (_, change, behaviorChange, words) => {
    await expect(deploy(config(change, behaviorChange))).rejects.toThrow(words)
  })
  it('code that is none, or of the older runtime', () => {
    const make = (FunctionCode: string, Runtime = 'cloudfront-js-2.0') =>
      cloudfront.createFunction('g', { Name: 'g', FunctionConfig: { Runtime }, FunctionCode })
    expect(() => make('function (')).toThrow('SyntaxError')
    expect(() => make('var other = 1')).toThrow('handler is not defined')
    expect(() => make(FUNCTION, 'cloudfront-js-1.0')).toThrow('only cloudfront-js-2.0')
  })
  it('a function that never ends ends in a 502', async () => {
    const { arn } = cloudfront.createFunction('loop', {
      Name: 'loop',
      FunctionConfig: { Runtime: 'cloudfront-js-2.0' },
      FunctionCode: 'function handler() { for (;;) {} }',
    })
    const FunctionAssociations = [{ EventType: 'viewer-request', FunctionARN: arn }]
    const other = await deploy(config({}, { FunctionAssociations }))
    expect((await fetch(other.url)).status).toBe(502)
  })
})

it('a port in use is named with its option', async () => {
  const port = Number(new URL(site.url).port)
  const another = createCloudFront({ realm, iam, s3, port, host: '127.0.0.1', localUrl: url => url })
  const oac = another.createAccessControl('oac', {
    OriginAccessControlConfig: { OriginAccessControlOriginType: 's3', SigningBehavior: 'always' },
  })
  const DistributionConfig = {
    ...config({ CacheBehaviors: [] }, { FunctionAssociations: [], ResponseHeadersPolicyId: undefined }),
  }
  expect(DistributionConfig.Origins[0]).toMatchObject({ OriginAccessControlId: oac })
  await expect(another.createDistribution('site', { DistributionConfig })).rejects.toThrow('--console-port')
})

/** The answer's bytes as they are on the wire. */
async function raw(path: string, accepts: string) {
  const { request } = await import('node:http')
  return new Promise<{ headers: Record<string, string | undefined>; body: Buffer }>((resolve, reject) => {
    request(site.url + path, { headers: { 'accept-encoding': accepts } }, answer => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('end', () =>
        resolve({
          headers: answer.headers as Record<string, string | undefined>,
          body: Buffer.concat(chunks),
        }),
      )
    })
      .on('error', reject)
      .end()
  })
}
