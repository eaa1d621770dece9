import { httpRequest } from '../contracts/aws.ts'
import { EdgeloopError, failurePolicy } from '../domain/errors.ts'
import { routes } from '../domain/operators/routes.ts'
import type { Core } from '../domain/ports.ts'
import { lambda } from '../runtime/lambda.ts'

export interface HttpResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
const respond = (statusCode: number, body: unknown): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
})

/** Read-only questions of operators. The authorizer has checked token and scope before this runs. */
export const opsQuery =
  (deps: Core) =>
  async (event: unknown): Promise<HttpResponse> => {
    const request = httpRequest.parse(event)
    const route = routes[request.routeKey]
    if (route === undefined)
      return respond(404, { error: 'NOT_FOUND', message: `no route ${request.routeKey}` })
    try {
      return respond(
        200,
        await route(deps.store, {
          path: request.pathParameters ?? {},
          query: request.queryStringParameters ?? {},
        }),
      )
    } catch (error) {
      if (!(error instanceof EdgeloopError)) throw error
      const { http } = failurePolicy[error.code]
      if (http >= 500) deps.log.error('QUERY_FAILED', { route: request.routeKey, error: error.message })
      return respond(http, { error: error.code, message: http >= 500 ? 'try again later' : error.message })
    }
  }

export const handler = lambda({}, (_env, core) => opsQuery(core))
