import { request } from 'node:http'
import { beforeEach, describe, expect, it } from 'vitest'
import {
  apiId,
  apis,
  endpoint,
  events,
  FN,
  lambda,
  realm,
  route,
  sources,
  useApi,
} from './apigateway-support.ts'

useApi()

describe('requests', () => {
  it('reach the function as a payload 2.0 event', async () => {
    realm.clock = new Date('2026-03-12T19:03:58.390Z')
    route('POST /models/{model}/{rest+}')
    const url = `${endpoint}/models/cold%20chain/a/b?x=1&x=2&q=a%20b%26c`
    const sent = new Promise<{ status: number; headers: Record<string, unknown>; body: string }>(
      (resolve, reject) => {
        const req = request(
          url,
          {
            method: 'POST',
            headers: [
              ['X-Many', 'a'],
              ['X-Many', 'b'],
              ['Cookie', 'c1=1; c2=2'],
              ['User-Agent', 'test'],
              ['Content-Type', 'application/json'],
              ['Host', 'api.local'],
            ].flat(),
          },
          async res => {
            let body = ''
            for await (const chunk of res) body += chunk
            resolve({ status: res.statusCode ?? 0, headers: res.headers, body })
          },
        )
        req.on('error', reject)
        req.end('{"a":1}')
      },
    )
    const answer = await sent
    expect(answer).toMatchObject({
      status: 200,
      body: '{"ok":true}',
      headers: { 'content-type': 'application/json' },
    })
    const [event] = events
    expect(event).toMatchObject({
      version: '2.0',
      routeKey: 'POST /models/{model}/{rest+}',
      rawPath: '/models/cold chain/a/b',
      rawQueryString: 'x=1&x=2&q=a%20b%26c',
      cookies: ['c1=1', 'c2=2'],
      queryStringParameters: { x: '1,2', q: 'a b&c' },
      pathParameters: { model: 'cold chain', rest: 'a/b' },
      body: '{"a":1}',
      isBase64Encoded: false,
      requestContext: {
        accountId: '123456789012',
        apiId,
        domainName: 'api.local',
        domainPrefix: apiId,
        http: {
          method: 'POST',
          path: '/models/cold chain/a/b',
          protocol: 'HTTP/1.1',
          sourceIp: '127.0.0.1',
          userAgent: 'test',
        },
        routeKey: 'POST /models/{model}/{rest+}',
        stage: '$default',
        time: '12/Mar/2026:19:03:58 +0000',
        timeEpoch: 1773342238390,
      },
    })
    expect(event?.headers['x-many']?.replaceAll(' ', '')).toBe('a,b')
    expect(event?.headers).not.toHaveProperty('cookie')
    expect(event?.requestContext).not.toHaveProperty('authorizer')
    expect(sources).toEqual([
      {
        service: 'apigateway.amazonaws.com',
        sourceArn: `arn:aws:execute-api:eu-west-1:123456789012:${apiId}/$default/POST/models/{model}/{rest+}`,
      },
    ])
  })
  it('send binary and form bodies in base64', async () => {
    route('POST /v1/x')
    await fetch(`${realm.endpoint}/v1/x`, {
      method: 'POST',
      body: Buffer.from([0, 255]),
      headers: { 'content-type': 'image/png' },
    })
    await fetch(`${realm.endpoint}/v1/x`, { method: 'POST', body: new URLSearchParams({ a: 'b' }) })
    expect(events.map(event => [event['body'], event['isBase64Encoded']])).toEqual([
      ['AP8=', true],
      [Buffer.from('a=b').toString('base64'), true],
    ])
  })
  it('reach the first API at its own paths, others under /_api only, and stages by name', async () => {
    route('GET /v1/who')
    const second = apis.createApi({ Name: 'second', ProtocolType: 'HTTP' })
    const own = apis.createIntegration(second.apiId, {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: `arn:aws:apigateway:eu-west-1:lambda:path/2015-03-31/functions/${FN}/invocations`,
      PayloadFormatVersion: '2.0',
    })
    apis.createRoute(second.apiId, { RouteKey: 'ANY /who', Target: `integrations/${own}` })
    apis.createStage(second.apiId, { StageName: 'prod', StageVariables: { level: '1' } })
    expect((await fetch(`${realm.endpoint}/v1/who`)).status).toBe(200)
    expect((await fetch(`${second.endpoint}/prod/who`)).status).toBe(200)
    expect((await fetch(`${realm.endpoint}/_api/nope/who`)).status).toBe(404)
    expect((await fetch(`${realm.endpoint}/_api/nope`)).status).toBe(404)
    expect(events[1]).toMatchObject({
      rawPath: '/prod/who',
      requestContext: { stage: 'prod' },
      stageVariables: { level: '1' },
    })
    expect(sources[1]?.sourceArn).toMatch(/\/prod\/\*\/who$/)
  })
  it.each([
    ['GET', '/none', 404, 'Not Found'],
    ['POST', '/v1/x', 404, 'Not Found'],
    ['GET', '/v1/%zz', 400, 'Bad Request'],
  ])('%s %s → %i', async (method, path, status, message) => {
    route('GET /v1/x')
    const answer = await fetch(`${endpoint}${path}`, { method })
    expect([answer.status, await answer.json()]).toEqual([status, { message }])
  })
  it('are refused above 10 MB', async () => {
    route('POST /v1/x')
    const answer = await fetch(`${endpoint}/v1/x`, {
      method: 'POST',
      body: Buffer.alloc(10 * 1024 * 1024 + 1),
    })
    expect(answer.status).toBe(413)
  })
})

describe('answers', () => {
  beforeEach(() => route('$default'))
  const get = () => fetch(`${endpoint}/x`)
  it('pass status, headers and cookies on', async () => {
    lambda.reply = () => ({
      statusCode: 202,
      headers: { 'X-A': 1 },
      cookies: ['a=1', 'b=2; Secure'],
      body: 'hi',
    })
    const answer = await get()
    expect(answer.status).toBe(202)
    expect(answer.headers.get('x-a')).toBe('1')
    expect(answer.headers.getSetCookie()).toEqual(['a=1', 'b=2; Secure'])
    expect(answer.headers.get('apigw-requestid')).toBe(events[0]?.requestContext['requestId'])
    expect(await answer.text()).toBe('hi')
    expect(sources[0]?.sourceArn).toMatch(/\/\$default\/\$default$/)
  })
  it.each([
    ['crash', () => 'crash'],
    ['a malformed answer', () => ({ statusCode: 200, body: {} })],
    ['a refused invocation', () => Promise.reject(new Error('not permitted'))],
  ])('%s is a 500', async (_name, value) => {
    lambda.reply = value
    const answer = await get()
    expect([answer.status, await answer.json()]).toEqual([500, { message: 'Internal Server Error' }])
    expect(realm.logged).toContainEqual(expect.objectContaining({ level: 'error', service: 'apigateway' }))
  })
  it('that take longer than the integration allows are a 503', async () => {
    const quick = apis.createIntegration(apiId, {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: FN,
      PayloadFormatVersion: '2.0',
      TimeoutInMillis: 50,
    })
    route('GET /slow', { Target: `integrations/${quick}` })
    let finish = () => {}
    lambda.reply = () =>
      new Promise(resolve => {
        finish = () => resolve(1)
      })
    const answer = await fetch(`${endpoint}/slow`)
    finish()
    expect([answer.status, await answer.json()]).toEqual([503, { message: 'Service Unavailable' }])
  })
})

describe('CORS', () => {
  const api = (CorsConfiguration: Record<string, unknown>) => {
    const made = apis.createApi({ Name: 'cors', ProtocolType: 'HTTP', CorsConfiguration })
    const own = apis.createIntegration(made.apiId, {
      IntegrationType: 'AWS_PROXY',
      IntegrationUri: FN,
      PayloadFormatVersion: '2.0',
    })
    apis.createRoute(made.apiId, { RouteKey: 'GET /x', Target: `integrations/${own}` })
    return `${made.endpoint}/x`
  }
  const preflight = (url: string, origin: string) =>
    fetch(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'GET' } })
  it('answers preflights itself and replaces the headers of the function', async () => {
    const url = api({
      AllowOrigins: ['https://a.example', 'https://*.b.example'],
      AllowMethods: ['get'],
      AllowHeaders: ['Authorization'],
      ExposeHeaders: ['X-A'],
      MaxAge: 300,
      AllowCredentials: true,
    })
    const answer = await preflight(url, 'https://x.b.example')
    expect(answer.status).toBe(204)
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'access-control-allow-origin': 'https://x.b.example',
      'access-control-allow-methods': 'GET',
      'access-control-allow-headers': 'authorization',
      'access-control-expose-headers': 'x-a',
      'access-control-max-age': '300',
      'access-control-allow-credentials': 'true',
    })
    expect(events).toEqual([])
    expect((await preflight(url, 'https://evil.example')).headers.has('access-control-allow-origin')).toBe(
      false,
    )
    lambda.reply = () => ({ statusCode: 200, headers: { 'Access-Control-Allow-Origin': '*' } })
    const refused = await fetch(url, { headers: { origin: 'https://evil.example' } })
    expect(refused.headers.has('access-control-allow-origin')).toBe(false)
  })
  it('allows every origin with a star, and errors carry the headers too', async () => {
    const url = api({ AllowOrigins: ['*'] })
    const answer = await fetch(`${url}/none`, { headers: { origin: 'https://a.example' } })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([404, '*'])
  })
})
