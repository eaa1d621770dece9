/**
 * Amazon Cognito user pools on one machine: the pool's issuer at `/POOL_ID/`, as at cognito-idp.REGION.amazonaws.com,
 * and its domain at the root of the endpoint, as at PREFIX.auth.REGION.amazoncognito.com. Stricter than Cognito in one
 * thing: a client without a secret must use PKCE.
 */
import type { LambdaHost, ServiceOptions } from '../core/services.ts'
import type { JsonService, RestRequest, RestResponse } from '../core/types.ts'
import { type Json, list, record, text } from '../events/read.ts'
import { stableId } from '../http/stable-id.ts'
import { json, type OpenEndpoint } from '../oidc/http.ts'
import type { Signer } from '../oidc/signer.ts'
import { invalidParameter, notFound } from './errors.ts'
import { createGrants } from './grants.ts'
import { createManagedLogin } from './managed-login.ts'
import { operationsOf } from './operations.ts'
import { passwordPolicy } from './passwords.ts'
import { only, readClient } from './resources.ts'
import { createTokenEndpoint } from './token-endpoint.ts'
import { createTokens, type MintOptions } from './tokens.ts'
import type { Pool } from './types.ts'
import { openUsers } from './users.ts'

export type { MintOptions } from './tokens.ts'

export interface CognitoOptions extends ServiceOptions {
  readonly signer: Signer
  readonly invoke: LambdaHost['invoke']
  /** Called with each path prefix that is to be served without a signature. */
  readonly open: (prefix: string) => void
  /** An address of AWS's as it is on this machine. */
  readonly localUrl: (url: string) => string
}
export interface Cognito extends OpenEndpoint {
  readonly service: JsonService
  /** Each takes the properties of its AWS::Cognito type; names are stable across restarts. */
  createPool(
    name: string,
    properties: Json,
  ): { readonly id: string; readonly arn: string; readonly issuer: string }
  createDomain(properties: Json): { readonly domain: string; readonly awsUrl: string; readonly url: string }
  createResourceServer(properties: Json): string
  createGroup(properties: Json): string
  createClient(name: string, properties: Json): { readonly id: string; readonly secret: string | undefined }
  /** An access token of the only pool, signed without a sign-in, for tools in this process. Throws without a pool. */
  mint(options: MintOptions): Promise<string>
  close(): Promise<void>
}

const POOL_PROPERTIES =
  'UserPoolName UserPoolTier DeletionProtection AdminCreateUserConfig UsernameConfiguration AutoVerifiedAttributes ' +
  'AccountRecoverySetting MfaConfiguration EnabledMfas Policies LambdaConfig UserPoolTags'
const DOMAIN_PATHS = ['/oauth2/', '/login/', '/logout/']

export function createCognito(options: CognitoOptions): Cognito {
  const { realm, signer, open, localUrl } = options
  const pools = new Map<string, Pool>()
  const issuerOf = (pool: Pool): string => `${realm.endpoint}/${pool.id}`
  const tokens = createTokens({ ...options, issuerOf })
  let domain: ReturnType<typeof createDomainRoutes> | undefined

  const poolOf = (properties: Json): Pool => {
    const id = String(properties['UserPoolId'])
    const pool = pools.get(id)
    if (!pool) throw notFound(`User pool ${id} does not exist.`)
    return pool
  }

  function createDomainRoutes(pool: Pool): Readonly<Record<string, Route>> {
    const grants = createGrants(realm)
    const browser = createManagedLogin(realm, pool, grants)
    const clients = createTokenEndpoint({ realm, pool, grants, tokens, signer })
    return {
      'GET /oauth2/authorize': browser.authorize,
      'GET /login': browser.loginPage,
      'POST /login': browser.login,
      'GET /logout': async request => browser.logout(request),
      'POST /oauth2/token': withCors(clients.token),
      'POST /oauth2/revoke': withCors(clients.revoke),
      'GET /oauth2/userInfo': withCors(clients.userInfo),
      'OPTIONS /oauth2/token': preflight,
      'OPTIONS /oauth2/revoke': preflight,
      'OPTIONS /oauth2/userInfo': preflight,
    }
  }

  async function underIssuer(pool: Pool, route: string): Promise<RestResponse> {
    if (route === 'GET /.well-known/jwks.json') return json(200, { keys: [await signer.jwk()] }, ANY_ORIGIN)
    if (route === 'GET /.well-known/openid-configuration')
      return json(200, discovery(issuerOf(pool), realm.endpoint), ANY_ORIGIN)
    return json(404, { message: 'Not Found' })
  }

  return {
    service: {
      kind: 'json',
      name: 'cognito-idp',
      targetPrefix: 'AWSCognitoIdentityProviderService',
      jsonVersion: '1.1',
      operations: operationsOf(realm, pools),
    },
    handles: rawPath =>
      pools.has(rawPath.split('/')[1] ?? '') ||
      (domain !== undefined && DOMAIN_PATHS.some(prefix => `${rawPath}/`.startsWith(prefix))),
    async handle(request) {
      const { method, rawPath } = request
      const pool = pools.get(rawPath.split('/')[1] ?? '')
      if (pool) return underIssuer(pool, `${method} ${rawPath.slice(pool.id.length + 1)}`)
      const key = `${method} ${rawPath}`
      const route = domain && Object.hasOwn(domain, key) ? domain[key] : undefined
      return route ? route(request) : json(404, { message: 'Not Found' })
    },
    createPool(name, properties) {
      only('AWS::Cognito::UserPool', properties, POOL_PROPERTIES)
      if (String(record(properties['AdminCreateUserConfig'])['AllowAdminCreateUserOnly']) !== 'true')
        throw invalidParameter(
          'AdminCreateUserConfig.AllowAdminCreateUserOnly must be true: nobody signs up here',
        )
      const id = `${realm.region}_${stableId(name, 9)}`
      const caseSensitive =
        String(record(properties['UsernameConfiguration'])['CaseSensitive'] ?? true) === 'true'
      const policy = record(properties['Policies'])['PasswordPolicy']
      const pool: Pool = {
        id,
        arn: `arn:aws:cognito-idp:${realm.region}:${realm.accountId}:userpool/${id}`,
        name: text(properties['UserPoolName']) ?? name,
        caseSensitive,
        passwords: passwordPolicy(policy === undefined ? undefined : record(policy)),
        triggerArn: readTrigger(properties),
        clients: new Map(),
        scopes: new Set(),
        groups: new Map(),
        users: openUsers(realm, id, caseSensitive),
      }
      pools.set(id, pool)
      open(`/${id}/`)
      return { id, arn: pool.arn, issuer: issuerOf(pool) }
    },
    createDomain(properties) {
      only('AWS::Cognito::UserPoolDomain', properties, 'UserPoolId Domain ManagedLoginVersion')
      if (domain) throw invalidParameter('Domain: the local cloud runs one user pool domain')
      const prefix = String(properties['Domain'])
      if (!/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(prefix) || /aws|amazon|cognito/.test(prefix))
        throw invalidParameter(`Domain: ${prefix} is no prefix that Cognito takes`)
      domain = createDomainRoutes(poolOf(properties))
      for (const path of DOMAIN_PATHS) open(path)
      const awsUrl = `https://${prefix}.auth.${realm.region}.amazoncognito.com`
      return { domain: prefix, awsUrl, url: realm.endpoint }
    },
    createResourceServer(properties) {
      only('AWS::Cognito::UserPoolResourceServer', properties, 'UserPoolId Identifier Name Scopes')
      const identifier = text(properties['Identifier']) ?? ''
      if (!/^[\x21\x23-\x5b\x5d-\x7e]{1,256}$/.test(identifier))
        throw invalidParameter('Identifier: must be 1 to 256 printable characters without spaces')
      for (const each of list(properties['Scopes']).map(record)) {
        const name = text(each['ScopeName']) ?? ''
        if (!/^[\x21\x23-\x2e\x30-\x5b\x5d-\x7e]{1,256}$/.test(name) || !text(each['ScopeDescription']))
          throw invalidParameter(
            `Scopes: "${name}" needs a name without "/" or spaces, and a ScopeDescription`,
          )
        poolOf(properties).scopes.add(`${identifier}/${name}`)
      }
      return identifier
    },
    createGroup(properties) {
      only('AWS::Cognito::UserPoolGroup', properties, 'UserPoolId GroupName Description Precedence')
      const name = text(properties['GroupName'])
      if (name === undefined) throw invalidParameter('GroupName is missing')
      const precedence = properties['Precedence']
      poolOf(properties).groups.set(name, {
        name,
        description: text(properties['Description']) ?? '',
        precedence: precedence === undefined ? undefined : Number(precedence),
      })
      return name
    },
    createClient(name, properties) {
      const pool = poolOf(properties)
      const client = readClient(stableId(name, 26), properties, scope => pool.scopes.has(scope), localUrl)
      pool.clients.set(client.id, client)
      return { id: client.id, secret: client.secret }
    },
    async mint(wanted) {
      const [pool] = pools.values()
      if (!pool) throw notFound('There is no user pool in this template.')
      return tokens.mint(pool, wanted)
    },
    async close() {
      for (const pool of pools.values()) await pool.users.close()
    },
  }
}

type Route = (request: RestRequest) => Promise<RestResponse>
const ANY_ORIGIN = { 'access-control-allow-origin': '*' } as const
/** Pages of other origins redeem their codes here. */
const withCors =
  (run: Route): Route =>
  async request => {
    const answer = await run(request)
    return { ...answer, headers: { ...answer.headers, ...ANY_ORIGIN } }
  }
const preflight: Route = async () => ({
  status: 204,
  headers: {
    ...ANY_ORIGIN,
    'access-control-allow-methods': 'GET, POST, OPTIONS',
    'access-control-allow-headers': 'authorization, content-type',
    'access-control-max-age': '600',
  },
})

/** The one trigger that is run. */
function readTrigger(properties: Json): string | undefined {
  const config = record(properties['LambdaConfig'])
  const other = Object.keys(config).find(name => name !== 'PreTokenGenerationConfig')
  if (other !== undefined) throw invalidParameter(`LambdaConfig.${other} is not run by the local cloud`)
  if (config['PreTokenGenerationConfig'] === undefined) return undefined
  const { LambdaArn, LambdaVersion } = record(config['PreTokenGenerationConfig'])
  if (LambdaVersion !== 'V2_0')
    throw invalidParameter('LambdaConfig.PreTokenGenerationConfig.LambdaVersion: only V2_0 is run here')
  if (properties['UserPoolTier'] !== 'ESSENTIALS' && properties['UserPoolTier'] !== 'PLUS')
    throw invalidParameter('UserPoolTier: V2_0 of the trigger needs ESSENTIALS or PLUS')
  return String(LambdaArn)
}

const discovery = (issuer: string, domain: string) => ({
  issuer,
  jwks_uri: `${issuer}/.well-known/jwks.json`,
  authorization_endpoint: `${domain}/oauth2/authorize`,
  token_endpoint: `${domain}/oauth2/token`,
  revocation_endpoint: `${domain}/oauth2/revoke`,
  userinfo_endpoint: `${domain}/oauth2/userInfo`,
  end_session_endpoint: `${domain}/logout`,
  response_types_supported: ['code'],
  subject_types_supported: ['public'],
  id_token_signing_alg_values_supported: ['RS256'],
  scopes_supported: ['openid', 'email', 'phone', 'profile'],
  token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
})
