import { httpRequest } from '../contracts/aws.ts'
import { routes } from '../domain/operators/routes.ts'
import type { Core } from '../domain/ports.ts'
import { answering, type HttpResponse, respond } from '../runtime/http.ts'
import { lambda } from '../runtime/lambda.ts'

/** Read-only questions of operators. The authorizer has checked token and scope before this runs. */
export const opsQuery =
  (deps: Core) =>
  async (event: unknown): Promise<HttpResponse> => {
    const request = httpRequest.parse(event)
    const route = routes[request.routeKey]
    if (route === undefined)
      return respond(404, { error: 'NOT_FOUND', message: `no route ${request.routeKey}` })
    return answering(deps.log, request.routeKey, async () =>
      respond(
        200,
        await route(
          deps.store,
          { path: request.pathParameters ?? {}, query: request.queryStringParameters ?? {} },
          deps.now(),
        ),
      ),
    )
  }

export const handler = lambda({}, (_env, core) => opsQuery(core))
