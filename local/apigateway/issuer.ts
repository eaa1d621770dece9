/**
 * An OpenID Connect issuer for the local cloud, so that the HTTP API's JWT authorizer has somebody to trust.
 * In AWS this is an Amazon Cognito user pool with a resource server and app clients, or any other OIDC issuer;
 * nothing of this file is deployed. It grants `client_credentials` only (RFC 6749 §4.4) and mints tokens in
 * process for tools. Access tokens carry the claims that Cognito's do, and `aud` as RFC 9068 asks.
 */
import { createHash, generateKeyPair, randomUUID, timingSafeEqual } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, exportJWK, importPKCS8, type JWK, SignJWT } from 'jose'
import type { Realm, RestRequest, RestResponse } from '../core/types.ts'

export interface IssuerClient {
  readonly id: string
  readonly secret: string
  /** Scopes the client may ask for; `*` means whatever it asks for. Without a request it gets the listed ones. */
  readonly scopes: readonly string[] | '*'
}
export interface IssuerOptions {
  readonly realm: Realm
  readonly path?: string
  /** Default: `operator` / `local-operator-secret`, any scope. */
  readonly clients?: readonly IssuerClient[]
  /** `aud` of tokens from the token endpoint. Without it they carry only `client_id`, as Cognito's do. */
  readonly audience?: string | readonly string[]
}
export interface MintOptions {
  readonly sub: string
  /** Space-separated. */
  readonly scope?: string
  readonly audience?: string | readonly string[]
  /** Seconds; default 3600. */
  readonly expiresIn?: number
  readonly clientId?: string
}
export interface Issuer {
  readonly path: string
  /** `iss` of every token; follows the endpoint, so it is right only after the port is bound. */
  readonly url: string
  handle(request: RestRequest): Promise<RestResponse>
  /** A signed access token. */
  mint(options: MintOptions): Promise<string>
}

const LIFETIME_SECONDS = 3600
const OPERATOR: IssuerClient = { id: 'operator', secret: 'local-operator-secret', scopes: '*' }

/** The key is made on first use and kept in `realm.dir/issuer`. */
export function createIssuer(options: IssuerOptions): Issuer {
  const { realm, path = '/_issuer', clients = [OPERATOR], audience } = options
  let loading: ReturnType<typeof loadKey> | undefined
  const key = (): ReturnType<typeof loadKey> => {
    loading ??= loadKey(join(realm.dir, 'issuer'))
    return loading
  }
  const url = (): string => `${realm.endpoint}${path}`

  async function mint(wanted: MintOptions): Promise<string> {
    const { privateKey, jwk } = await key()
    const now = Math.floor(realm.now().getTime() / 1000)
    const token = new SignJWT({
      client_id: wanted.clientId ?? wanted.sub,
      token_use: 'access',
      ...(wanted.scope && { scope: wanted.scope }),
    })
      .setProtectedHeader({ alg: 'RS256', typ: 'JWT', kid: jwk.kid ?? '' })
      .setIssuer(url())
      .setSubject(wanted.sub)
      .setJti(randomUUID())
      .setIssuedAt(now)
      .setExpirationTime(now + (wanted.expiresIn ?? LIFETIME_SECONDS))
    if (wanted.audience !== undefined && wanted.audience.length > 0)
      token.setAudience(typeof wanted.audience === 'string' ? wanted.audience : [...wanted.audience])
    return token.sign(privateKey)
  }

  async function token(request: RestRequest): Promise<RestResponse> {
    const form = new URLSearchParams(request.body.toString('utf8'))
    const client = authenticate(clients, request.headers['authorization'], form)
    if (!client)
      return json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="local-issuer"' })
    if (form.get('grant_type') !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' })
    const asked = (form.get('scope') ?? '').split(' ').filter(each => each !== '')
    const { scopes } = client
    const refused = scopes === '*' ? undefined : asked.find(each => !scopes.includes(each))
    if (refused !== undefined || asked.some(each => !/^[\x21\x23-\x5b\x5d-\x7e]+$/.test(each)))
      return json(400, { error: 'invalid_scope', error_description: `scope ${refused ?? ''} is not allowed` })
    const scope = (asked.length > 0 || scopes === '*' ? asked : scopes).join(' ')
    const access = await mint({
      sub: client.id,
      clientId: client.id,
      scope,
      ...(audience !== undefined && { audience }),
    })
    return json(200, {
      access_token: access,
      token_type: 'Bearer',
      expires_in: LIFETIME_SECONDS,
      ...(scope && { scope }),
    })
  }

  return {
    path,
    get url() {
      return url()
    },
    mint,
    async handle(request) {
      const route = `${request.method} ${request.rawPath.slice(path.length)}`
      if (route === 'GET /.well-known/openid-configuration') return json(200, discovery(url()))
      if (route === 'GET /.well-known/jwks.json') return json(200, { keys: [(await key()).jwk] })
      if (route === 'POST /oauth2/token') return token(request)
      return json(404, { error: 'not_found' })
    },
  }
}

const discovery = (issuer: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  token_endpoint: `${issuer}/oauth2/token`,
  grant_types_supported: ['client_credentials'],
  response_types_supported: ['token'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
})

/** HTTP Basic or form fields, RFC 6749 §2.3.1. */
function authenticate(
  clients: readonly IssuerClient[],
  authorization: string | undefined,
  form: URLSearchParams,
): IssuerClient | undefined {
  const basic = /^basic (\S+)$/i.exec(authorization ?? '')?.[1]
  const [id = '', ...rest] = basic ? Buffer.from(basic, 'base64').toString('utf8').split(':') : []
  const given = basic
    ? { id, secret: rest.join(':') }
    : { id: form.get('client_id'), secret: form.get('client_secret') ?? '' }
  const client = clients.find(each => each.id === given.id)
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
  return client && timingSafeEqual(digest(client.secret), digest(given.secret)) ? client : undefined
}

async function loadKey(dir: string) {
  const file = join(dir, 'key.pem')
  let pem: string
  try {
    pem = await readFile(file, 'utf8')
  } catch {
    const pair = await promisify(generateKeyPair)('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    })
    pem = pair.privateKey
    await mkdir(dir, { recursive: true, mode: 0o700 })
    await writeFile(`${file}.new`, pem, { mode: 0o600 })
    await rename(`${file}.new`, file)
  }
  const privateKey = await importPKCS8(pem, 'RS256', { extractable: true })
  const { kty, n, e } = await exportJWK(privateKey)
  const jwk: JWK = { kty: kty ?? 'RSA', n: n ?? '', e: e ?? '', alg: 'RS256', use: 'sig' }
  jwk.kid = await calculateJwkThumbprint(jwk)
  return { privateKey, jwk }
}

const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RestResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
})
