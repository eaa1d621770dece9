/** API destinations: real HTTP to a receiver of the test's own. */
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, type IncomingHttpHeaders, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createDestinations } from '../../local/events/destinations.ts'
import { postEvent } from '../../local/events/http-target.ts'
import { openAuthority } from '../../local/iot/ca/authority.ts'
import { bridge, DLQ, faults, needs, put, realm, rule, sent, untrusted, useBridge } from './events-bridge.ts'
import { until } from './events-support.ts'

useBridge()

const ROLE = 'arn:aws:iam::123456789012:role/webhook'
const CONNECTION = {
  Name: 'c',
  AuthorizationType: 'API_KEY',
  AuthParameters: { ApiKeyAuthParameters: { ApiKeyName: 'X-Key', ApiKeyValue: 'sesame' } },
}
interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}
interface Got {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}
let got: Got[]
let answers: (Answer | 'silence')[]
let server: Server
let port: number
const listen = (made: Server): Promise<number> =>
  new Promise(resolve => made.listen(0, '127.0.0.1', () => resolve((made.address() as AddressInfo).port)))
const close = (made: Server): Promise<void> =>
  new Promise(resolve => {
    made.close(() => resolve())
    made.closeAllConnections()
  })
/** Answers from the list, the last one for ever. */
const receive: RequestListener = async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  const { method, url, headers } = request
  got.push({ method, path: url, headers, body: Buffer.concat(chunks).toString() })
  const answer = answers.length > 1 ? answers.shift() : answers[0]
  if (answer === undefined || answer === 'silence') return
  response.writeHead(answer.status, answer.headers).end(answer.body)
}
beforeEach(async () => {
  got = []
  answers = [{ status: 200, body: 'thanks' }]
  server = createServer(receive)
  port = await listen(server)
})
afterEach(() => close(server))

const destination = (properties: Record<string, unknown> = {}): string =>
  bridge.createApiDestination({
    Name: 'd',
    ConnectionArn: bridge.createConnection(CONNECTION).arn,
    HttpMethod: 'POST',
    InvocationEndpoint: `http://127.0.0.1:${port}/hook?a=1`,
    ...properties,
  }).arn
const target = (arn: string, rest: Record<string, unknown> = {}) => ({
  ...{ Arn: arn, RoleArn: ROLE, DeadLetterConfig: { Arn: DLQ } },
  InputTransformer: { InputPathsMap: { n: '$.detail.n' }, InputTemplate: '{"n":<n>}' },
  ...rest,
})
const attributes = () => sent[0]?.options?.['attributes']

describe('a delivery', () => {
  it('is a POST of the transformed event with the headers of EventBridge and the key, as the target’s role', async () => {
    const arn = destination()
    rule(target(arn))
    await put()
    await until(() => got.length === 1)
    expect(got[0]).toMatchObject({ method: 'POST', path: '/hook?a=1', body: '{"n":1}' })
    expect(got[0]?.headers).toMatchObject({
      'x-key': 'sesame',
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Amazon/EventBridge/ApiDestinations',
      connection: 'close',
    })
    expect(needs).toContainEqual({ action: 'events:InvokeApiDestination', resource: arn })
    await bridge.close()
    expect(got).toHaveLength(1)
    expect(sent).toEqual([])
  })
  it.each([401, 407, 409, 429, 500, 503])('that is answered with %d is tried again', async status => {
    answers = [{ status }, { status }, { status: 204 }]
    rule(target(destination()))
    await put()
    await until(() => got.length === 3)
    await bridge.close()
    expect(got).toHaveLength(3)
    expect(sent).toEqual([])
  })
  it.each([301, 400, 403, 404, 422])('that is answered with %d is buried at once', async status => {
    answers = [{ status, headers: { location: `http://127.0.0.1:${port}/other` } }]
    rule(target(destination()))
    await put()
    await until(() => sent.length === 1)
    expect(got).toHaveLength(1)
    expect(sent[0]?.queue).toBe(DLQ)
    expect(JSON.parse(sent[0]?.body ?? '')).toMatchObject({ source: 'app', detail: { n: 1 } })
    expect(attributes()).toMatchObject({
      ERROR_CODE: 'SDK_CLIENT_ERROR',
      ERROR_MESSAGE: `Unable to invoke ApiDestination endpoint: the endpoint answered ${status}`,
    })
    expect(attributes()).not.toHaveProperty('EXHAUSTED_RETRY_CONDITION')
  })
  it('is tried as often as the policy says, and buried then', async () => {
    answers = [{ status: 500 }]
    rule(target(destination(), { RetryPolicy: { MaximumRetryAttempts: 2 } }))
    await put()
    await until(() => sent.length === 1)
    expect(got).toHaveLength(3)
    expect(attributes()).toMatchObject({
      EXHAUSTED_RETRY_CONDITION: 'MaximumRetryAttempts',
      RETRY_ATTEMPTS: '2',
    })
  })
  it('waits as long as Retry-After asks, while others go on', async () => {
    const busy = { status: 500 }
    answers = [{ status: 429, headers: { 'retry-after': '3600' } }, busy, busy, busy, { status: 200 }]
    rule(target(destination()))
    await put()
    await until(() => got.length === 1)
    await put()
    await until(() => got.length === 5)
    await bridge.close()
    expect(got).toHaveLength(5)
    expect(realm.logged).toContainEqual(
      expect.objectContaining({ level: 'warn', message: expect.stringContaining('closed before') }),
    )
  })
  it.each([
    ['7', 7000, false],
    ['-1', 0, true],
    ['soon', 0, false],
    ['Sun, 06 Nov 1994 08:49:37 GMT', 0, false],
  ])('reads Retry-After: %s', async (header, retryAfterMs, permanent) => {
    answers = [{ status: 503, headers: { 'retry-after': header } }]
    const url = new URL(`http://127.0.0.1:${port}/`)
    await expect(postEvent({ url, headers: {}, body: '{}', timeoutMs: 5_000 })).rejects.toMatchObject({
      retryAfterMs,
      permanent,
    })
  })
  it('takes an answer in time only', async () => {
    answers = ['silence']
    rule(target(destination(), { RetryPolicy: { MaximumRetryAttempts: 1 } }))
    await put()
    await until(() => sent.length === 1)
    expect(got).toHaveLength(2)
    expect(attributes()).toMatchObject({ ERROR_MESSAGE: expect.stringContaining('Timeout') })
  })
  it('to nobody is tried again, and buried then', async () => {
    const arn = destination()
    await close(server)
    rule(target(arn, { RetryPolicy: { MaximumRetryAttempts: 1 } }))
    await put()
    await until(() => sent.length === 1)
    expect(attributes()).toMatchObject({
      ERROR_MESSAGE: expect.stringContaining('cannot be reached'),
      RETRY_ATTEMPTS: '1',
    })
  })
  it('over TLS gives the key to nobody with a certificate that this machine does not trust', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'authority-'))
    const { certificatePem: cert, privateKeyPem: key } = (await openAuthority(dir, '127.0.0.1')).server
    const secure = createTlsServer({ cert, key }, receive)
    try {
      const InvocationEndpoint = `https://127.0.0.1:${await listen(secure)}/hook`
      rule(target(destination({ InvocationEndpoint }), { RetryPolicy: { MaximumRetryAttempts: 0 } }))
      await put()
      await until(() => sent.length === 1)
      expect(attributes()).toMatchObject({ ERROR_MESSAGE: expect.stringMatching(/certificate/) })
      expect(got).toEqual([])
    } finally {
      await close(secure)
      rmSync(dir, { recursive: true })
    }
  })
  it('by a role that may not is refused, not sent, and buried', async () => {
    faults.refused = 'events:InvokeApiDestination'
    rule(target(destination()))
    await put()
    await until(() => sent.length === 1)
    expect(got).toEqual([])
    expect(attributes()).toMatchObject({
      ERROR_CODE: 'NO_PERMISSIONS',
      ERROR_MESSAGE: expect.stringContaining('events:InvokeApiDestination'),
    })
  })
})

it('the rate of a destination spreads its calls', () => {
  let now = 500
  const { createConnection, createApiDestination, reserve } = createDestinations(realm, 1, () => now)
  const { arn } = createApiDestination({
    ...{ Name: 'd', ConnectionArn: createConnection(CONNECTION).arn, HttpMethod: 'POST' },
    ...{ InvocationEndpoint: 'https://label.example.com/', InvocationRateLimitPerSecond: 4 },
  })
  expect([reserve(arn), reserve(arn), reserve(arn)]).toEqual([0, 250, 500])
  now += 600
  expect([reserve(arn), reserve(arn)]).toEqual([150, 400])
  now += 10_000
  expect(reserve(arn)).toBe(0)
})

describe('what AWS, or this cloud, refuses', () => {
  const key = (ApiKeyAuthParameters: unknown) => ({ AuthParameters: { ApiKeyAuthParameters } })
  it.each([
    [{ Name: 'a b' }, 'Name must be'],
    [{ AuthorizationType: 'BASIC' }, 'AuthorizationType BASIC'],
    [{ KmsKeyIdentifier: 'k' }, 'KmsKeyIdentifier is not run'],
    [{ AuthParameters: { InvocationHttpParameters: {} } }, 'AuthParameters.InvocationHttpParameters'],
    [key({ ApiKeyName: 'X-Key', ApiKeyValue: '' }), 'ApiKeyValue must be'],
    [key({ ApiKeyName: 'X-Key', ApiKeyValue: 'a\r\nb' }), 'ApiKeyValue must be'],
    [key({ ApiKeyName: 'X Key', ApiKeyValue: 'v' }), 'name of a header'],
  ])('of a connection: %j', (properties, words) => {
    expect(() => bridge.createConnection({ ...CONNECTION, ...properties })).toThrow(words)
  })
  it.each([
    [{ Name: '' }, 'Name must be'],
    [{ ConnectionArn: 'arn:c' }, 'there is no connection arn:c'],
    [{ HttpMethod: 'GET' }, 'HttpMethod GET'],
    [{ InvocationEndpoint: 'http://label.example.com/' }, 'must be https://'],
    [{ InvocationEndpoint: 'file:///etc/passwd' }, 'must be https://'],
    [{ InvocationEndpoint: 'hook' }, 'must be https://'],
    [{ InvocationEndpoint: 'https://u:p@label.example.com/' }, 'with a user'],
    [{ InvocationEndpoint: 'https://label.example.com/*' }, 'with *'],
    [{ InvocationRateLimitPerSecond: 0 }, 'InvocationRateLimitPerSecond'],
    [{ Tags: [] }, 'Tags is not run'],
  ])('of a destination: %j', (properties, words) => {
    expect(() => destination(properties)).toThrow(words)
  })
  it('of a target: no role, one that EventBridge may not assume, no such destination', () => {
    const arn = destination()
    expect(() => rule(target(arn, { RoleArn: undefined }))).toThrow('needs RoleArn')
    expect(() => rule(target(`${arn}0`))).toThrow('there is no API destination')
    untrusted.add('webhook')
    expect(() => rule(target(arn))).toThrow('events.amazonaws.com may not assume webhook')
  })
  it('a second one of the same name', () => {
    const arn = destination()
    expect(arn).toMatch(/^arn:aws:events:eu-west-1:123456789012:api-destination\/d\/[0-9a-f-]{36}$/)
    expect(() => bridge.createConnection(CONNECTION)).toThrow('already exists')
  })
})
