import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { decodeJwt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createIssuer } from '../../local/apigateway/index.ts'
import { issuer, realm, useApi } from './apigateway-support.ts'

useApi()

describe('the issuer', () => {
  const grant = (body: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${issuer.url}/oauth2/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'client_credentials', ...body }),
      headers,
    })
  const basic = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString('base64')}` })

  it('publishes discovery and keys, and keeps its key private and stable', async () => {
    const found = (await (await fetch(`${issuer.url}/.well-known/openid-configuration`)).json()) as Record<
      string,
      string
    >
    expect(found['issuer']).toBe(`${realm.endpoint}/_issuer`)
    const keys = await (await fetch(found['jwks_uri'] ?? '')).json()
    expect(keys).toEqual({
      keys: [
        { kty: 'RSA', n: expect.any(String), e: 'AQAB', alg: 'RS256', use: 'sig', kid: expect.any(String) },
      ],
    })
    const file = await stat(join(realm.dir, 'issuer', 'key.pem'))
    expect(file.mode & 0o777).toBe(0o600)
    const again = await createIssuer({ realm }).handle({
      method: 'GET',
      rawPath: '/_issuer/.well-known/jwks.json',
      query: new URLSearchParams(),
      headers: {},
      body: Buffer.alloc(0),
      trailers: {},
    })
    expect(JSON.parse(String(again.body))).toEqual(keys)
    expect((await fetch(`${issuer.url}/else`)).status).toBe(404)
  })
  it('grants client_credentials by Basic or form', async () => {
    const answer = (await (
      await grant({ scope: 'models:read rollouts:write' }, basic('operator:op-secret'))
    ).json()) as Record<string, string>
    expect(answer).toMatchObject({
      token_type: 'Bearer',
      expires_in: 3600,
      scope: 'models:read rollouts:write',
    })
    expect(decodeJwt(answer['access_token'] ?? '')).toMatchObject({
      iss: issuer.url,
      sub: 'operator',
      client_id: 'operator',
      aud: 'ops',
      scope: 'models:read rollouts:write',
    })
    const form = (await (await grant({ client_id: 'reader', client_secret: 'rd:secret' })).json()) as Record<
      string,
      string
    >
    expect(form['scope']).toBe('models:read')
    expect((await grant({}, basic('reader:rd:secret'))).status).toBe(200)
  })
  it.each([
    [{}, basic('operator:wrong'), 401, 'invalid_client'],
    [{}, basic('nobody:x'), 401, 'invalid_client'],
    [{}, {}, 401, 'invalid_client'],
    [{ grant_type: 'password' }, basic('operator:op-secret'), 400, 'unsupported_grant_type'],
    [{ scope: 'rollouts:write' }, basic('reader:rd:secret'), 400, 'invalid_scope'],
    [{ scope: 'a"b' }, basic('operator:op-secret'), 400, 'invalid_scope'],
  ])('refuses %j', async (body, headers, status, error) => {
    const answer = await grant(body, headers)
    expect([answer.status, ((await answer.json()) as Record<string, string>)['error']]).toEqual([
      status,
      error,
    ])
  })
})
