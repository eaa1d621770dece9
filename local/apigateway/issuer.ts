/**
 * An OpenID Connect issuer beside the local cloud, for a template that takes any: what a company's own would be in
 * AWS. Nothing of this file is deployed. It grants `client_credentials` only (RFC 6749 §4.4) and mints tokens in
 * process for tools. Access tokens carry `aud`, as RFC 9068 asks.
 */
import type { Realm, RestResponse } from '../core/types.ts'
import { json, type OpenEndpoint, readClient, sameSecret, words } from '../oidc/http.ts'
import { createSigner, type Signer } from '../oidc/signer.ts'

export interface IssuerClient {
  readonly id: string
  readonly secret: string
  /** Scopes the client may ask for; `*` means whatever it asks for. Without a request it gets the listed ones. */
  readonly scopes: readonly string[] | '*'
}
export interface IssuerOptions {
  readonly realm: Realm
  readonly signer?: Signer
  readonly path?: string
  /** Default: `operator` / `local-operator-secret`, any scope. */
  readonly clients?: readonly IssuerClient[]
  /** `aud` of tokens from the token endpoint. Without it they carry only `client_id`. */
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
export interface Issuer extends OpenEndpoint {
  readonly path: string
  /** `iss` of every token; follows the endpoint, so it is right only after the port is bound. */
  readonly url: string
  /** A signed access token. */
  mint(options: MintOptions): Promise<string>
}

const LIFETIME_SECONDS = 3600
const OPERATOR: IssuerClient = { id: 'operator', secret: 'local-operator-secret', scopes: '*' }

export function createIssuer(options: IssuerOptions): Issuer {
  const { realm, signer = createSigner(realm), path = '/_issuer', clients = [OPERATOR], audience } = options
  const url = (): string => `${realm.endpoint}${path}`

  const mint = (wanted: MintOptions): Promise<string> =>
    signer.sign(
      {
        iss: url(),
        sub: wanted.sub,
        client_id: wanted.clientId ?? wanted.sub,
        token_use: 'access',
        ...(wanted.scope && { scope: wanted.scope }),
        ...(wanted.audience !== undefined &&
          wanted.audience.length > 0 && {
            aud: typeof wanted.audience === 'string' ? wanted.audience : [...wanted.audience],
          }),
      },
      wanted.expiresIn ?? LIFETIME_SECONDS,
    )

  async function token(body: Buffer, authorization: string | undefined): Promise<RestResponse> {
    const form = new URLSearchParams(body.toString('utf8'))
    const given = readClient(authorization, form)
    const client = clients.find(each => each.id === given?.id)
    if (!client || !sameSecret(client.secret, given?.secret ?? ''))
      return json(401, { error: 'invalid_client' }, { 'www-authenticate': 'Basic realm="local-issuer"' })
    if (form.get('grant_type') !== 'client_credentials') return json(400, { error: 'unsupported_grant_type' })
    const asked = words(form.get('scope'))
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
    handles: rawPath => rawPath.startsWith(`${path}/`),
    async handle({ method, rawPath, headers, body }) {
      const route = `${method} ${rawPath.slice(path.length)}`
      if (route === 'GET /.well-known/openid-configuration') return json(200, discovery(url()))
      if (route === 'GET /.well-known/jwks.json') return json(200, { keys: [await signer.jwk()] })
      if (route === 'POST /oauth2/token') return token(body, headers['authorization'])
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
