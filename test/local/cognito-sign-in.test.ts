import { decodeJwt, decodeProtectedHeader } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  admin,
  authorize,
  authorizeQuery,
  basic,
  CALLBACK,
  codeFor,
  endpoint,
  hire,
  locationOf,
  logIn,
  machine,
  page,
  pool,
  realm,
  redeem,
  token,
  trigger,
  triggered,
  usePool,
} from './cognito-support.ts'

usePool()

describe('a person signs in', () => {
  it('with a page, a code and its verifier, and gets tokens with Cognito’s claims', async () => {
    await hire('Kim')
    const sent = await authorize()
    expect([sent.status, locationOf(sent).pathname]).toEqual([302, '/login'])
    const form = await fetch(locationOf(sent))
    expect(await form.text()).toContain('<form method="post" action="/login?response_type=code')
    const back = locationOf(await logIn('kim', 'Correct-horse-1', locationOf(sent).searchParams))
    expect(back.href.startsWith(`${CALLBACK}?`)).toBe(true)
    expect(back.searchParams.get('state')).toBe('st')
    const { status, body } = await redeem(back.searchParams.get('code') ?? '')
    expect([status, body]).toEqual([
      200,
      {
        ...{ id_token: expect.any(String), access_token: expect.any(String) },
        ...{ refresh_token: expect.any(String), expires_in: 3600, token_type: 'Bearer' },
      },
    ])
    const keys = (await (await fetch(`${pool.issuer}/.well-known/jwks.json`)).json()) as {
      keys: { kid: string }[]
    }
    expect(decodeProtectedHeader(body['access_token'] ?? '')).toMatchObject({
      ...{ alg: 'RS256', kid: keys.keys[0]?.kid },
    })
    const person = { sub: expect.stringMatching(/^[\da-f-]{36}$/), 'cognito:groups': ['crew'] }
    const times = { iat: expect.any(Number), exp: expect.any(Number), auth_time: expect.any(Number) }
    const ids = { jti: expect.any(String), origin_jti: expect.any(String), event_id: expect.any(String) }
    expect(decodeJwt(body['access_token'] ?? '')).toEqual({
      ...{ ...person, ...times, ...ids, iss: pool.issuer, client_id: page, token_use: 'access', version: 2 },
      ...{ scope: 'openid profile', username: 'kim' },
    })
    expect(decodeJwt(body['id_token'] ?? '')).toEqual({
      ...{ ...person, ...times, ...ids, iss: pool.issuer, aud: page, token_use: 'id', nonce: 'no' },
      ...{ at_hash: expect.any(String), 'cognito:username': 'kim', name: 'Kim' },
    })
    const headers = { authorization: `Bearer ${body['access_token']}` }
    const info = await fetch(`${endpoint}/oauth2/userInfo`, { headers })
    expect(await info.json()).toEqual({ sub: person.sub, username: 'kim', name: 'Kim' })
    expect((await fetch(`${endpoint}/oauth2/userInfo`)).status).toBe(401)
  })

  it('once: the browser’s session spares the next sign-in, until it signs out', async () => {
    await hire('kim')
    const answer = await logIn('kim', 'Correct-horse-1')
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/; HttpOnly; SameSite=Lax$/)
    const headers = { cookie: cookie.split(';')[0] ?? '' }
    expect(locationOf(await authorize({}, headers)).searchParams.get('code')).toBeTruthy()
    const out = new URLSearchParams({ client_id: page, logout_uri: 'https://page.example.com/' })
    const gone = await fetch(`${endpoint}/logout?${out}`, { headers, redirect: 'manual' })
    expect([gone.status, gone.headers.get('location')]).toEqual([302, 'https://page.example.com/'])
    expect(locationOf(await authorize({}, headers)).pathname).toBe('/login')
    out.set('logout_uri', 'https://elsewhere.example.com/')
    expect((await fetch(`${endpoint}/logout?${out}`, { redirect: 'manual' })).status).toBe(400)
  })

  it.each([
    ['a wrong password', 'kim', 'wrong', 'Incorrect username or password.'],
    ['nobody', 'nobody', 'wrong', 'Incorrect username or password.'],
    ['a password that was never set', 'new', 'Correct-horse-1', 'must be changed first'],
  ])('not with %s', async (_, username, password, words) => {
    await hire('kim')
    await admin('AdminCreateUser', { Username: 'new' })
    const answer = await logIn(username, password)
    expect([answer.status, answer.headers.get('location')]).toEqual([401, null])
    expect(await answer.text()).toContain(words)
  })

  it('and shows nobody’s markup', async () => {
    const text = await (await logIn('"><script>', 'x')).text()
    expect(text).not.toContain('<script>')
  })
})

describe('the authorize endpoint', () => {
  it.each([
    ['an unknown client', { client_id: 'nobody' }],
    ['another redirect_uri', { redirect_uri: 'https://elsewhere.example.com/' }],
    ['a redirect_uri that only begins like one', { redirect_uri: `${CALLBACK}/more` }],
    ['no redirect_uri', { redirect_uri: undefined }],
  ])('redirects nobody for %s', async (_, change) => {
    const answer = await authorize(change)
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null])
  })
  it.each([
    ['response_type', { response_type: 'token' }, 'unsupported_response_type'],
    ['no challenge', { code_challenge: undefined }, 'invalid_request'],
    ['the method plain', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['a short challenge', { code_challenge: 'abc' }, 'invalid_request'],
    ['a scope of another client', { scope: 'openid api/write' }, 'invalid_scope'],
  ])('tells the client of %s', async (_, change, error) => {
    const answer = await authorize(change)
    const to = locationOf(answer)
    expect([answer.status, to.origin + to.pathname]).toEqual([302, CALLBACK])
    expect(to.searchParams.get('error')).toBe(error)
    expect(to.searchParams.get('state')).toBe('st')
  })
  it('gives no code for an unsound request that comes with a right password', async () => {
    await hire('kim')
    const query = authorizeQuery({ scope: 'api/write' })
    expect(locationOf(await logIn('kim', 'Correct-horse-1', query)).searchParams.get('code')).toBeNull()
  })
})

describe('a code', () => {
  it.each([
    ['another verifier', { code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
    ['no verifier', { code_verifier: undefined }, 'invalid_grant'],
    ['another redirect_uri', { redirect_uri: 'https://page.example.com/' }, 'invalid_grant'],
    ['no redirect_uri', { redirect_uri: undefined }, 'invalid_request'],
    ['another code', { code: 'nothing' }, 'invalid_grant'],
    ['an unknown client', { client_id: 'nobody' }, 'invalid_client'],
    ['no client', { client_id: undefined }, 'invalid_client'],
    ['a secret that the client does not have', { client_secret: 'x' }, 'invalid_client'],
    ['an unknown grant', { grant_type: 'password' }, 'unsupported_grant_type'],
    ['no grant', { grant_type: undefined }, 'invalid_request'],
  ])('is not redeemed with %s', async (_, change, error) => {
    await hire('kim')
    const { status, body } = await redeem(await codeFor('kim'), change)
    expect([status, body['error'], body['access_token']]).toEqual([400, error, undefined])
  })
  it('is good once, and a second try takes back what the first brought', async () => {
    await hire('kim')
    const code = await codeFor('kim')
    const first = await redeem(code)
    expect((await redeem(code)).body).toEqual({ error: 'invalid_grant' })
    const again = { grant_type: 'refresh_token', client_id: page, refresh_token: first.body['refresh_token'] }
    expect((await token(again)).body).toEqual({ error: 'invalid_grant' })
  })
  it('is good for five minutes', async () => {
    await hire('kim')
    const code = await codeFor('kim')
    realm.clock = new Date(Date.now() + 5 * 60_000 + 1000)
    expect((await redeem(code)).body['error']).toBe('invalid_grant')
  })
  it('is not redeemed by two parameters of one name, nor as JSON', async () => {
    const url = `${endpoint}/oauth2/token`
    const twice = new URLSearchParams([
      ['grant_type', 'authorization_code'],
      ['grant_type', 'refresh_token'],
    ])
    for (const body of [twice, '{"grant_type":"authorization_code"}']) {
      const answer = await fetch(url, { method: 'POST', body })
      expect([answer.status, await answer.json()]).toMatchObject([400, { error: 'invalid_request' }])
    }
  })
  it('is redeemed by pages of other origins', async () => {
    const answer = await fetch(`${endpoint}/oauth2/token`, { method: 'OPTIONS' })
    expect([answer.status, answer.headers.get('access-control-allow-origin')]).toEqual([204, '*'])
  })
})

describe('a refresh token', () => {
  const refresh = (refresh_token: string | undefined, client_id = page) =>
    token({ grant_type: 'refresh_token', client_id, refresh_token })
  it('is exchanged for another; the used one works for its grace period', async () => {
    await hire('kim')
    const first = (await redeem(await codeFor('kim'))).body['refresh_token']
    const { status, body } = await refresh(first)
    expect([status, body['refresh_token'] === first]).toEqual([200, false])
    expect((await refresh(first)).status).toBe(200)
    realm.clock = new Date(Date.now() + 11_000)
    expect((await refresh(first)).body).toEqual({ error: 'invalid_grant' })
    expect((await refresh(body['refresh_token'])).status).toBe(200)
  })
  it('brings the groups of now, and nothing for somebody disabled', async () => {
    await hire('kim')
    const { body } = await redeem(await codeFor('kim'))
    await admin('AdminRemoveUserFromGroup', { Username: 'kim', GroupName: 'crew' })
    const next = await refresh(body['refresh_token'])
    expect(decodeJwt(next.body['access_token'] ?? '')['cognito:groups']).toBeUndefined()
    await admin('AdminDisableUser', { Username: 'kim' })
    expect((await refresh(next.body['refresh_token'])).body['error']).toBe('invalid_grant')
    expect((await logIn('kim', 'Correct-horse-1')).status).toBe(401)
  })
  it('can be revoked by its client only', async () => {
    await hire('kim')
    const { body } = await redeem(await codeFor('kim'))
    const revoke = (form: Record<string, string>, headers = {}) =>
      fetch(`${endpoint}/oauth2/revoke`, { method: 'POST', body: new URLSearchParams(form), headers })
    const key = body['refresh_token'] ?? ''
    await revoke({ token: key }, basic(`${machine.id}:${machine.secret}`))
    const next = await refresh(key)
    expect(next.status).toBe(200)
    const left = next.body['refresh_token'] ?? ''
    expect((await revoke({ token: left, client_id: page })).status).toBe(200)
    expect((await refresh(left)).status).toBe(400)
  })
  it('is another client’s to no client', async () => {
    await hire('kim')
    const { body } = await redeem(await codeFor('kim'))
    const { id, secret } = machine
    const form = { grant_type: 'refresh_token', refresh_token: body['refresh_token'] }
    expect((await token(form, basic(`${id}:${secret}`))).body['error']).toBe('invalid_grant')
  })
})

describe('a machine', () => {
  const form = { grant_type: 'client_credentials' }
  it('gets the scopes of its client, by Basic or form, without the trigger', async () => {
    const { id, secret } = machine
    const { status, body } = await token({ ...form, scope: 'api/read' }, basic(`${id}:${secret}`))
    expect([status, Object.keys(body).sort()]).toEqual([200, ['access_token', 'expires_in', 'token_type']])
    expect(decodeJwt(body['access_token'] ?? '')).toMatchObject({
      ...{ iss: pool.issuer, sub: id, client_id: id, scope: 'api/read', token_use: 'access' },
    })
    const bare = await token({ ...form, client_id: id, client_secret: secret })
    expect(decodeJwt(bare.body['access_token'] ?? '')['scope']).toBe('api/read')
    expect(triggered).toEqual([])
  })
  it.each([
    [{ scope: 'api/write' }, 'right', 'invalid_scope'],
    [{}, 'wrong', 'invalid_client'],
    [{ grant_type: 'authorization_code', code: 'x' }, 'right', 'unauthorized_client'],
  ])('is refused with %j and a %s secret', async (change, which, error) => {
    const secret = which === 'right' ? machine.secret : 'wrong'
    const { status, body } = await token({ ...form, ...change }, basic(`${machine.id}:${secret}`))
    expect([status, body['error']]).toEqual([400, error])
  })
  it('is nobody with a page’s client', async () => {
    const { body } = await token({ ...form, client_id: page })
    expect(body['error']).toBe('unauthorized_client')
  })
})

describe('the trigger', () => {
  const adding = (accessTokenGeneration: object, more: object = {}) => {
    trigger.answer = event => ({
      ...event,
      response: { claimsAndScopeOverrideDetails: { accessTokenGeneration, ...more } },
    })
  }
  it('is asked with Cognito’s event at each token, and adds and suppresses scopes', async () => {
    await hire('kim')
    adding({ scopesToAdd: ['api/write'], scopesToSuppress: ['profile'] })
    const { body } = await redeem(await codeFor('kim'))
    expect(decodeJwt(body['access_token'] ?? '')['scope']).toBe('openid api/write')
    await token({ grant_type: 'refresh_token', client_id: page, refresh_token: body['refresh_token'] })
    const { sub } = decodeJwt(body['access_token'] ?? '')
    const event = (triggerSource: string) => ({
      ...{ version: '2', triggerSource, region: 'eu-west-1', userPoolId: pool.id, userName: 'kim' },
      callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: page },
      request: {
        userAttributes: { sub, name: 'Kim', 'cognito:user_status': 'CONFIRMED' },
        groupConfiguration: { groupsToOverride: ['crew'], iamRolesToOverride: [], preferredRole: null },
        scopes: ['openid', 'profile'],
      },
      response: { claimsAndScopeOverrideDetails: null },
    })
    expect(triggered.map(each => each.event)).toEqual([
      event('TokenGeneration_HostedAuth'),
      event('TokenGeneration_RefreshTokens'),
    ])
    expect(triggered[0]?.source).toEqual({ service: 'cognito-idp.amazonaws.com', sourceArn: pool.arn })
  })
  it.each([
    ['fails', () => 'crash', 'PreTokenGeneration failed with error no rights today.'],
    ['answers nothing', () => null, 'Unrecognizable lambda output'],
    ['answers with another event', () => ({ triggerSource: 'x' }), 'Unrecognizable lambda output'],
  ])('brings no token when it %s', async (_, answer, words) => {
    await hire('kim')
    trigger.answer = answer
    const { status, body } = await redeem(await codeFor('kim'))
    expect([status, body['error']]).toEqual([400, 'invalid_request'])
    expect(body['error_description']).toContain(words)
  })
  it.each([
    [{ scopesToAdd: ['two words'] }, {}, 'scopesToAdd'],
    [{ claimsToAddOrOverride: { a: 'b' } }, {}, 'claimsToAddOrOverride'],
    [{}, { groupOverrideDetails: {} }, 'groupOverrideDetails'],
  ])('brings no token for what is not run: %j %j', async (generation, more, word) => {
    await hire('kim')
    adding(generation, more)
    expect((await redeem(await codeFor('kim'))).body['error_description']).toContain(word)
  })
})

it('the pool’s issuer says where everything is', async () => {
  const found = (await (await fetch(`${pool.issuer}/.well-known/openid-configuration`)).json()) as object
  expect(found).toMatchObject({
    ...{ issuer: pool.issuer, jwks_uri: `${pool.issuer}/.well-known/jwks.json` },
    ...{ authorization_endpoint: `${endpoint}/oauth2/authorize`, token_endpoint: `${endpoint}/oauth2/token` },
  })
  expect((await fetch(`${pool.issuer}/else`)).status).toBe(404)
  expect((await fetch(`${endpoint}/oauth2/else`)).status).toBe(404)
})
