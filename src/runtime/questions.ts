import type { Operation } from '../contracts/api/operation.ts'
import { httpRequest } from '../contracts/aws.ts'
import type { Log } from '../domain/ports.ts'
import { answering, type HttpResponse, problem, readParameters, tagged } from './http.ts'

interface Asked {
  readonly operation: Operation
  readonly answer: (asked: {
    readonly path: unknown
    readonly query: unknown
    readonly body: undefined
  }) => Promise<unknown>
}

/** One question over HTTP: parameters against the contract, and the answer with its ETag. */
export async function answerQuestion(
  log: Log,
  event: unknown,
  find: (routeKey: string) => Asked | undefined,
): Promise<HttpResponse> {
  const request = httpRequest.parse(event)
  const found = find(request.routeKey)
  if (found === undefined) {
    const instance = request.requestContext.requestId
    return problem(404, 'NOT_FOUND', `no route ${request.routeKey}`, { instance })
  }
  return answering(log, request, async () => {
    const asked = { ...readParameters(found.operation, request), body: undefined }
    return tagged(await found.answer(asked), request)
  })
}
