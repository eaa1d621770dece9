import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { decodeJwt, exportJWK, SignJWT } from 'jose'
import { beforeEach, describe, expect, it } from 'vitest'
import { apiId, apis, bearer, events, issuer, realm, route, useApi } from './apigateway-support.ts'

useApi()

describe('the JWT authorizer', () => {
  let authorizer: string
  beforeEach(() => {
    authorizer = apis.createAuthorizer(apiId, {
      Name: 'jwt',
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: { Issuer: issuer.url, Audience: ['ops'] },
    })
    route('GET /v1/models', {
      AuthorizationType: 'JWT',
      AuthorizerId: authorizer,
      AuthorizationScopes: ['models:read', 'models:write'],
    })
    route('GET /v1/any', { AuthorizationType: 'JWT', AuthorizerId: authorizer })
  })
  const models = (init?: RequestInit) => fetch(`${realm.endpoint}/v1/models`, init)

  it('lets a token with one of the scopes through, with its claims as text', async () => {
    const token = await issuer.mint({ sub: 'ann', scope: 'models:read x', audience: ['ops', 'other'] })
    expect((await models(bearer(token))).status).toBe(200)
    const claims = decodeJwt(token)
    expect(events[0]?.requestContext['authorizer']).toEqual({
      jwt: {
        scopes: ['models:read'],
        claims: {
          iss: issuer.url,
          sub: 'ann',
          client_id: 'ann',
          token_use: 'access',
          scope: 'models:read x',
          aud: '[ops other]',
          iat: String(claims.iat),
          exp: String(claims.exp),
          jti: claims.jti,
        },
      },
    })
  })
  it('gives null scopes on a route without scopes, and takes a bare token', async () => {
    const token = await issuer.mint({ sub: 'ann', audience: 'ops' })
    expect((await fetch(`${realm.endpoint}/v1/any`, { headers: { authorization: token } })).status).toBe(200)
    expect(events[0]?.requestContext['authorizer']).toMatchObject({ jwt: { scopes: null } })
  })
  it('answers 403 for a missing scope', async () => {
    const token = await issuer.mint({ sub: 'ann', audience: 'ops', scope: 'models:readers' })
    const answer = await models(bearer(token))
    expect([answer.status, await answer.json()]).toEqual([403, { message: 'Forbidden' }])
    expect(events).toEqual([])
  })
  it('takes client_id for a missing aud, but not for a wrong one', async () => {
    const scope = 'models:read'
    expect((await models(bearer(await issuer.mint({ sub: 'ops', scope })))).status).toBe(200)
    expect((await models(bearer(await issuer.mint({ sub: 'ops', scope, audience: 'else' })))).status).toBe(
      401,
    )
  })
  it('answers 401 for every kind of bad token', async () => {
    const good = { sub: 'ann', audience: 'ops', scope: 'models:read' }
    const token = await issuer.mint(good)
    const [head = '', body = '', signature = ''] = token.split('.')
    const swap = (text: string) => `${text.slice(0, -4)}${text.slice(-4) === 'AAAA' ? 'BBBB' : 'AAAA'}`
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = await exportJWK(publicKey)
    const { kid } = JSON.parse(Buffer.from(head, 'base64url').toString()) as { kid: string }
    const forged = (alg: string, key: Parameters<SignJWT['sign']>[0], iss = issuer.url) =>
      new SignJWT({ scope: 'models:read' })
        .setProtectedHeader({ alg, kid })
        .setIssuer(iss)
        .setAudience('ops')
        .setExpirationTime('1h')
        .sign(key)
    const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${body}.`
    const bad = {
      missing: undefined,
      empty: 'Bearer ',
      garbage: 'Bearer x.y.z',
      'changed signature': `Bearer ${head}.${body}.${swap(signature)}`,
      'changed body': `Bearer ${head}.${swap(body)}.${signature}`,
      none: `Bearer ${none}`,
      'other key': `Bearer ${await forged('RS256', privateKey)}`,
      'HMAC with the public key': `Bearer ${await forged('HS256', Buffer.from(JSON.stringify(jwk)))}`,
      expired: `Bearer ${await issuer.mint({ ...good, expiresIn: -5 })}`,
      'wrong audience': `Bearer ${await issuer.mint({ ...good, audience: 'x' })}`,
    }
    for (const [name, authorization] of Object.entries(bad)) {
      const answer = await models(authorization === undefined ? {} : { headers: { authorization } })
      expect([name, answer.status, await answer.json()]).toEqual([name, 401, { message: 'Unauthorized' }])
    }
    expect(events).toEqual([])
    expect((await models(bearer(token))).headers.has('www-authenticate')).toBe(false)
  })
  it('checks the times by the clock of the realm', async () => {
    const token = await issuer.mint({ sub: 'ann', audience: 'ops', scope: 'models:read', expiresIn: 60 })
    realm.clock = new Date(Date.now() + 3_600_000)
    expect((await models(bearer(token))).status).toBe(401)
    realm.clock = new Date(Date.now() - 3_600_000)
    expect((await models(bearer(token))).status).toBe(401)
  })
  it('refuses everybody while the issuer cannot be reached, and says why', async () => {
    const server = createServer((_req, res) => res.end('{}'))
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const broken = apis.createAuthorizer(apiId, {
      AuthorizerType: 'JWT',
      IdentitySource: ['$request.header.Authorization'],
      JwtConfiguration: {
        Issuer: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
        Audience: ['ops'],
      },
    })
    route('GET /v1/broken', { AuthorizationType: 'JWT', AuthorizerId: broken })
    const token = await issuer.mint({ sub: 'ann', audience: 'ops' })
    expect((await fetch(`${realm.endpoint}/v1/broken`, bearer(token))).status).toBe(401)
    expect(realm.logged).toContainEqual(
      expect.objectContaining({ message: expect.stringContaining('no jwks_uri') }),
    )
    server.close()
  })
  it('accepts scp lists and the query string as identity source', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const jwk = { ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS512' }
    const server = createServer((req, res) => {
      const iss = `http://${req.headers.host}`
      res.setHeader('content-type', 'application/json')
      res.end(
        JSON.stringify(req.url === '/keys' ? { keys: [jwk] } : { issuer: iss, jwks_uri: `${iss}/keys` }),
      )
    })
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
    const iss = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    const own = apis.createAuthorizer(apiId, {
      AuthorizerType: 'JWT',
      IdentitySource: '$request.querystring.token',
      JwtConfiguration: { Issuer: iss, Audience: ['ops'] },
    })
    route('GET /v1/query', { AuthorizationType: 'JWT', AuthorizerId: own, AuthorizationScopes: ['b'] })
    const token = await new SignJWT({ scp: ['a', 'b'], aud: 'ops' })
      .setProtectedHeader({ alg: 'RS512', kid: 'k' })
      .setIssuer(iss)
      .setExpirationTime('1h')
      .sign(privateKey)
    expect((await fetch(`${realm.endpoint}/v1/query?token=${token}`)).status).toBe(200)
    server.close()
  })
})
