/**
 * HTTP APIs (API Gateway v2) on one machine. Every API answers under `/_api/{apiId}/…`; the first one also at
 * `/` for its own routes, so that `/v1/…` works as with a custom domain. Token issuers are served beside.
 */
import type { Http } from '../core/services.ts'
import { AwsError, type Realm, type RestRequest, type RestResponse } from '../core/types.ts'
import { stableId } from '../http/stable-id.ts'
import type { OpenEndpoint } from '../oidc/http.ts'
import { createHttpApi, type HttpApi, type Invoke, message } from './api.ts'

export { createIssuer } from './issuer.ts'

export interface HttpApisOptions {
  readonly realm: Realm
  readonly invoke: Invoke
  /** Asked before the APIs, without SigV4. */
  readonly beside?: readonly OpenEndpoint[]
}
export interface HttpApis extends Http {
  /** Properties of AWS::ApiGatewayV2::Stage. Without a stage an API has `$default`. */
  createStage(apiId: string, properties: Readonly<Record<string, unknown>>): void
}

const PREFIX = /^\/_api\/([a-z0-9]+)(\/.*)?$/

export function createHttpApis(options: HttpApisOptions): HttpApis {
  const { realm, invoke, beside = [] } = options
  const apis = new Map<string, HttpApi>()

  const api = (apiId: string): HttpApi => {
    const found = apis.get(apiId)
    if (!found) throw new AwsError('NotFoundException', `Invalid API identifier specified ${apiId}`, 404)
    return found
  }

  async function handle(request: RestRequest): Promise<RestResponse> {
    const other = beside.find(each => each.handles(request.rawPath))
    if (other) return other.handle(request)
    const [, apiId, path = '/'] = PREFIX.exec(request.rawPath) ?? []
    if (apiId !== undefined) return apis.get(apiId)?.handle(request, path) ?? message(404, 'Not Found')
    const [first] = apis.values()
    return first?.handle(request, request.rawPath) ?? message(404, 'Not Found')
  }

  return {
    service: { kind: 'rest', name: 'http', signingNames: ['execute-api'], handle },
    createApi(properties) {
      const apiId = freeId(String(properties['Name']), apis)
      apis.set(apiId, createHttpApi(realm, invoke, apiId, properties))
      return { apiId, endpoint: `${realm.endpoint}/_api/${apiId}` }
    },
    createStage: (apiId, properties) => api(apiId).createStage(properties),
    createAuthorizer: (apiId, properties) => api(apiId).createAuthorizer(properties),
    createIntegration: (apiId, properties) => api(apiId).createIntegration(properties),
    createRoute: (apiId, properties) => api(apiId).createRoute(properties),
  }
}

/** Two APIs may have one name. */
function freeId(name: string, taken: ReadonlyMap<string, unknown>): string {
  for (let attempt = 0; ; attempt++) {
    const id = stableId(`${name}\n${attempt}`, 10)
    if (!taken.has(id)) return id
  }
}
