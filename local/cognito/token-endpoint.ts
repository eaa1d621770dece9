/**
 * The clients' side of a pool's domain: /oauth2/token, /oauth2/revoke, /oauth2/userInfo. Reference: RFC 6749 §§4–6,
 * RFC 7636 §4.6, RFC 7009, and Amazon Cognito developer guide, "The token issuer endpoint", whose errors are all 400.
 */
import { createHash } from 'node:crypto'
import type { Realm, RestRequest, RestResponse } from '../core/types.ts'
import { json, readClient, sameSecret, words } from '../oidc/http.ts'
import type { Signer } from '../oidc/signer.ts'
import type { Grants } from './grants.ts'
import { attributesFor, type SignIn, type Tokens, type Trigger, TriggerFailed } from './tokens.ts'
import type { Client, Pool } from './types.ts'

class Refused extends Error {
  readonly error: string
  constructor(error: string, description = '') {
    super(description)
    this.error = error
  }
}
export interface TokenEndpointOptions {
  readonly realm: Realm
  readonly pool: Pool
  readonly grants: Grants
  readonly tokens: Tokens
  readonly signer: Signer
}

export function createTokenEndpoint({ realm, pool, grants, tokens, signer }: TokenEndpointOptions) {
  const now = (): number => realm.now().getTime()

  /** The client that the request proves to be from: by its secret, or by having none. */
  function authenticated({ headers }: RestRequest, form: URLSearchParams): Client {
    const given = readClient(headers['authorization'], form)
    const client = given && pool.clients.get(given.id)
    if (!client || !given) throw new Refused('invalid_client')
    const { secret } = client
    const proven = secret === undefined ? given.secret === undefined : sameSecret(secret, given.secret ?? '')
    if (!proven) throw new Refused('invalid_client', 'invalid_client_secret')
    return client
  }

  async function answer(signIn: SignIn, trigger: Trigger, refreshToken: string | undefined) {
    // Rights may have been taken since the sign-in.
    if (!signIn.user.enabled) throw new Refused('invalid_grant', 'User is disabled')
    const { accessToken, idToken } = await tokens.forPerson(pool, signIn, trigger)
    return json(200, {
      ...(idToken !== undefined && { id_token: idToken }),
      access_token: accessToken,
      ...(refreshToken !== undefined && { refresh_token: refreshToken }),
      expires_in: signIn.client.accessSeconds,
      token_type: 'Bearer',
    })
  }

  async function byCode(client: Client, form: URLSearchParams): Promise<RestResponse> {
    if (!client.flows.includes('code')) throw new Refused('unauthorized_client')
    const key = required(form, 'code')
    const redirectUri = required(form, 'redirect_uri')
    const code = grants.redeem(key)
    if (code?.signIn.client.id !== client.id || code.redirectUri !== redirectUri)
      throw new Refused('invalid_grant')
    const verifier = form.get('code_verifier')
    if (code.challenge === undefined ? verifier !== null : !provesChallenge(code.challenge, verifier ?? ''))
      throw new Refused('invalid_grant', 'code_verifier does not fit code_challenge')
    const refresh = grants.issueRefreshToken(code.signIn, key, now() + client.refreshSeconds * 1000)
    return answer(code.signIn, 'TokenGeneration_HostedAuth', refresh)
  }

  async function byRefreshToken(client: Client, form: URLSearchParams): Promise<RestResponse> {
    const key = required(form, 'refresh_token')
    const found = grants.refreshToken(key)
    if (found?.signIn.client.id !== client.id) throw new Refused('invalid_grant')
    const { rotationGraceSeconds: grace } = client
    if (grace === undefined) return answer(found.signIn, 'TokenGeneration_RefreshTokens', undefined)
    const next = grants.issueRefreshToken(found.signIn, found.code, found.expires)
    found.expires = Math.min(found.expires, now() + grace * 1000)
    return answer(found.signIn, 'TokenGeneration_RefreshTokens', next)
  }

  async function byClient(client: Client, form: URLSearchParams): Promise<RestResponse> {
    if (!client.flows.includes('client_credentials')) throw new Refused('unauthorized_client')
    const asked = words(form.get('scope'))
    const foreign = asked.find(scope => !client.scopes.includes(scope))
    if (foreign !== undefined) throw new Refused('invalid_scope', `${foreign} is not allowed for the client`)
    const token = await tokens.forMachine(pool, client, asked.length > 0 ? asked : client.scopes)
    return json(200, { access_token: token, expires_in: client.accessSeconds, token_type: 'Bearer' })
  }

  const grantTypes: Readonly<Record<string, typeof byCode>> = {
    authorization_code: byCode,
    refresh_token: byRefreshToken,
    client_credentials: byClient,
  }

  return {
    token: (request: RestRequest): Promise<RestResponse> =>
      refusing(async () => {
        const form = readForm(request)
        const type = required(form, 'grant_type')
        const grant = Object.hasOwn(grantTypes, type) ? grantTypes[type] : undefined
        if (!grant) throw new Refused('unsupported_grant_type')
        return grant(authenticated(request, form), form)
      }),
    /** A token that is not there is revoked already. */
    revoke: (request: RestRequest): Promise<RestResponse> =>
      refusing(async () => {
        const form = readForm(request)
        const client = authenticated(request, form)
        const key = required(form, 'token')
        if (grants.refreshToken(key)?.signIn.client.id === client.id) grants.revoke(key)
        return { status: 200, headers: { 'cache-control': 'no-store' } }
      }),
    async userInfo({ headers }: RestRequest): Promise<RestResponse> {
      const token = /^bearer (\S+)$/i.exec(headers['authorization'] ?? '')?.[1]
      const claims = token === undefined ? undefined : await signer.verified(token)
      const user = pool.users.bySub(String(claims?.['sub']))
      const scopes = words(String(claims?.['scope'] ?? ''))
      if (claims?.['token_use'] !== 'access' || !user?.enabled || !scopes.includes('openid'))
        return json(401, { error: 'invalid_token' }, { 'www-authenticate': 'Bearer error="invalid_token"' })
      return json(200, { sub: user.sub, username: user.username, ...attributesFor(user, scopes) })
    },
  }
}

async function refusing(run: () => Promise<RestResponse>): Promise<RestResponse> {
  try {
    return await run()
  } catch (error) {
    if (error instanceof TriggerFailed)
      return json(400, { error: 'invalid_request', error_description: error.message })
    if (!(error instanceof Refused)) throw error
    const { error: code, message } = error
    return json(400, { error: code, ...(message !== '' && { error_description: message }) })
  }
}

function readForm({ headers, body }: RestRequest): URLSearchParams {
  if (!(headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded'))
    throw new Refused('invalid_request', 'content-type must be application/x-www-form-urlencoded')
  const form = new URLSearchParams(body.toString('utf8'))
  // RFC 6749 §3.2.
  const twice = [...form.keys()].find((name, at, all) => all.indexOf(name) < at)
  if (twice !== undefined) throw new Refused('invalid_request', `${twice} is there twice`)
  return form
}

function required(form: URLSearchParams, name: string): string {
  const value = form.get(name)
  if (value === null || value === '') throw new Refused('invalid_request', `${name} is missing`)
  return value
}

function provesChallenge(challenge: string, verifier: string): boolean {
  if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier)) return false
  return sameSecret(createHash('sha256').update(verifier).digest('base64url'), challenge)
}
