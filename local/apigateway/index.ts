/**
 * HTTP APIs (API Gateway v2) on one machine. Every API answers under `/_api/{apiId}/…`; the first one also at
 * `/` for its own routes, so that `/v1/…` works as with a custom domain. The local OIDC issuer is served beside.
 */
import { createHash } from 'node:crypto'
import type { Http } from '../core/services.ts'
import { AwsError, type Realm, type RestRequest, type RestResponse } from '../core/types.ts'
import { createHttpApi, type HttpApi, type Invoke, message } from './api.ts'
import type { Issuer } from './issuer.ts'

export { createIssuer } from './issuer.ts'

export interface HttpApisOptions {
  readonly realm: Realm
  readonly invoke: Invoke
  /** Served under its own path, without SigV4. */
  readonly issuer?: Issuer | undefined
}
export interface HttpApis extends Http {
  /** Properties of AWS::ApiGatewayV2::Stage. Without a stage an API has `$default`. */
  createStage(apiId: string, properties: Readonly<Record<string, unknown>>): void
}

const PREFIX = /^\/_api\/([a-z0-9]+)(\/.*)?$/

export function createHttpApis(options: HttpApisOptions): HttpApis {
  const { realm, invoke, issuer } = options
  const apis = new Map<string, HttpApi>()

  const api = (apiId: string): HttpApi => {
    const found = apis.get(apiId)
    if (!found) throw new AwsError('NotFoundException', `Invalid API identifier specified ${apiId}`, 404)
    return found
  }
  const isIssuer = (rawPath: string): boolean => issuer !== undefined && rawPath.startsWith(`${issuer.path}/`)

  async function handle(request: RestRequest): Promise<RestResponse> {
    if (issuer && isIssuer(request.rawPath)) return issuer.handle(request)
    const [, apiId, path = '/'] = PREFIX.exec(request.rawPath) ?? []
    if (apiId !== undefined) return apis.get(apiId)?.handle(request, path) ?? message(404, 'Not Found')
    const [first] = apis.values()
    return first?.handle(request, request.rawPath) ?? message(404, 'Not Found')
  }

  return {
    service: { kind: 'rest', name: 'http', signingNames: ['execute-api'], handle },
    createApi(properties) {
      const apiId = stableId(String(properties['Name']), apis)
      apis.set(apiId, createHttpApi(realm, invoke, apiId, properties))
      return { apiId, endpoint: `${realm.endpoint}/_api/${apiId}` }
    },
    createStage: (apiId, properties) => api(apiId).createStage(properties),
    createAuthorizer: (apiId, properties) => api(apiId).createAuthorizer(properties),
    createIntegration: (apiId, properties) => api(apiId).createIntegration(properties),
    createRoute: (apiId, properties) => api(apiId).createRoute(properties),
  }
}

/** Ten characters like AWS's, but the same at every start, so that a bookmarked address stays good. */
function stableId(name: string, taken: ReadonlyMap<string, unknown>): string {
  for (let attempt = 0; ; attempt++) {
    const digest = createHash('sha256').update(`${name}\n${attempt}`).digest()
    const id = BigInt(`0x${digest.toString('hex')}`)
      .toString(36)
      .slice(0, 10)
    if (!taken.has(id)) return id
  }
}
