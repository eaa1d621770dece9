/**
 * JWT authorizer of an HTTP API. Reference: API Gateway developer guide, "Control access to HTTP APIs with JWT
 * authorizers": RSA algorithms only, keys cached up to two hours, `client_id` counts only when `aud` is absent.
 */
import {
  createRemoteJWKSet,
  decodeProtectedHeader,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import { AwsError, type Realm, type RestRequest } from '../core/types.ts'
import { isRecord, list, record, text } from '../events/read.ts'
import type { JwtContext } from './payload.ts'

export type Decision =
  | { readonly allowed: true; readonly jwt: JwtContext }
  | { readonly allowed: false; readonly status: 401 | 403; readonly reason: string }

export interface JwtAuthorizer {
  /** `scopes` are the route's AuthorizationScopes; one of them is enough. */
  check(request: RestRequest, scopes: readonly string[]): Promise<Decision>
}

const ALGORITHMS = ['RS256', 'RS384', 'RS512']
const KEY_CACHE_MS = 2 * 3_600_000
const FETCH_TIMEOUT_MS = 3_000

/** Takes the properties of AWS::ApiGatewayV2::Authorizer. Throws AwsError BadRequestException naming the property. */
export function createJwtAuthorizer(
  realm: Realm,
  properties: Readonly<Record<string, unknown>>,
): JwtAuthorizer {
  const refuse = (reason: string): AwsError =>
    new AwsError('BadRequestException', `Authorizer ${String(properties['Name'])}: ${reason}.`)
  if (properties['AuthorizerType'] !== 'JWT')
    throw refuse('AuthorizerType must be JWT; the local cloud runs no Lambda authorizers')
  const configuration = record(properties['JwtConfiguration'])
  const issuer = text(configuration['Issuer']) ?? ''
  const audiences = list(configuration['Audience']).map(String)
  if (!URL.canParse(issuer)) throw refuse('JwtConfiguration.Issuer must be a URL')
  if (audiences.length === 0) throw refuse('JwtConfiguration.Audience must name at least one audience')
  const given = properties['IdentitySource']
  const sources = (Array.isArray(given) ? given : [given]).map(String)
  const source = /^\$request\.(header|querystring)\.([A-Za-z0-9_-]+)$/.exec(sources[0] ?? '')
  if (!source || sources.length !== 1)
    throw refuse('IdentitySource must be one "$request.header.NAME" or "$request.querystring.NAME"')

  let keys: { readonly get: JWTVerifyGetKey; readonly at: number } | undefined
  const keySet = async (): Promise<JWTVerifyGetKey> => {
    const now = realm.now().getTime()
    if (keys && now - keys.at < KEY_CACHE_MS) return keys.get
    const discovery = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
    const response = await fetch(discovery, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) })
    const document: unknown = response.ok ? await response.json() : undefined
    const uri = isRecord(document) ? text(document['jwks_uri']) : undefined
    if (!uri || !URL.canParse(uri))
      throw new Error(`${discovery} gives no jwks_uri (HTTP ${response.status})`)
    keys = {
      at: now,
      get: createRemoteJWKSet(new URL(uri), { timeoutDuration: FETCH_TIMEOUT_MS, cacheMaxAge: KEY_CACHE_MS }),
    }
    return keys.get
  }

  async function verify(token: string): Promise<JWTPayload> {
    const { kid } = decodeProtectedHeader(token)
    if (!kid) throw new Error('the token has no kid')
    const { payload } = await jwtVerify(token, await keySet(), {
      issuer,
      algorithms: ALGORITHMS,
      currentDate: realm.now(),
      requiredClaims: ['exp'],
    })
    const subject = payload.aud ?? payload['client_id']
    const held = Array.isArray(subject) ? subject : [subject]
    if (!held.some(each => typeof each === 'string' && audiences.includes(each)))
      throw new Error('neither aud nor client_id is an audience of the authorizer')
    if (payload.iat !== undefined && payload.iat * 1000 > realm.now().getTime() + 1000)
      throw new Error('iat lies in the future')
    return payload
  }

  return {
    async check(request, scopes) {
      const value =
        source[1] === 'header'
          ? request.headers[(source[2] ?? '').toLowerCase()]
          : (request.query.get(source[2] ?? '') ?? undefined)
      const token = value?.replace(/^bearer\s+/i, '').trim()
      if (!token) return { allowed: false, status: 401, reason: 'no token' }
      let payload: JWTPayload
      try {
        payload = await verify(token)
      } catch (error) {
        return { allowed: false, status: 401, reason: error instanceof Error ? error.message : String(error) }
      }
      const held = scopesOf(payload)
      if (scopes.length > 0 && !scopes.some(each => held.includes(each)))
        return { allowed: false, status: 403, reason: `needs one of the scopes ${scopes.join(', ')}` }
      const granted = scopes.length > 0 ? scopes.filter(each => held.includes(each)) : null
      return { allowed: true, jwt: { claims: claimTexts(payload), scopes: granted } }
    },
  }
}

function scopesOf(payload: JWTPayload): readonly string[] {
  const claim = payload['scope'] ?? payload['scp']
  if (Array.isArray(claim)) return claim.map(String)
  return typeof claim === 'string' ? claim.split(' ') : []
}

/** API Gateway hands every claim over as text; lists come as `[a b]`, the way Go prints a slice. */
function claimTexts(payload: JWTPayload): Record<string, string> {
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      Array.isArray(value) ? `[${value.join(' ')}]` : isRecord(value) ? JSON.stringify(value) : String(value),
    ]),
  )
}
