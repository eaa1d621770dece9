import { createHash } from 'node:crypto'
import * as z from 'zod'
import { parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'
import type { Operation, PathParameter } from '../contracts/api/operation.ts'
import { pathParameters } from '../contracts/api/operation.ts'
import type { Problem } from '../contracts/api/problem.ts'
import type { httpCommand, httpRequest } from '../contracts/aws.ts'
import { EdgeloopError, failurePolicy, InputError, LimitError } from '../domain/errors.ts'
import type { Log } from '../domain/ports.ts'
import { parseOrReject } from './events.ts'

export interface HttpResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
export const respond = (
  statusCode: number,
  body: unknown,
  headers: HttpResponse['headers'] = {},
): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
})

const TITLES: Readonly<Record<Problem['code'], string>> = {
  INPUT_INVALID: 'The request is not as it must be',
  CONFLICT: 'Somebody else changed it at the same moment',
  NOT_FOUND: 'There is no such thing',
  GONE: 'It is gone for good',
  DEPENDENCY: 'A service that this needs did not answer',
  LIMIT: 'Too much at once',
  ILLEGAL_STATE: 'It does not fit the state',
  FORBIDDEN: 'The token does not allow it',
  IDEMPOTENCY_KEY_REUSED: 'The Idempotency-Key was used for another request',
}
/** RFC 9457. */
export const problem = (
  status: number,
  code: Problem['code'],
  detail: string,
  { instance, ...more }: { readonly instance: string; readonly reason?: string; readonly field?: string },
  headers: HttpResponse['headers'] = {},
): HttpResponse => {
  const type = `https://edgeloop.dev/problems#${code.toLowerCase().replaceAll('_', '-')}`
  const body: Problem = { type, title: TITLES[code], status, detail, instance, code, ...more }
  return respond(status, body, { 'content-type': 'application/problem+json', ...headers })
}
/** Seconds until it is worth asking again, of problems that pass by themselves. */
const RETRY_AFTER = 5

/** Answers a request; what is thrown becomes the problem of its code, and faults of ours say nothing about us. */
export async function answering(
  log: Log,
  { routeKey, requestContext }: z.infer<typeof httpRequest>,
  run: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  const instance = requestContext.requestId
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof EdgeloopError)) throw error
    // A right that our own role lacks is a fault of ours, and nothing about the asker's token.
    const ours = error.code === 'FORBIDDEN' && error.cause !== undefined
    const code = ours ? 'DEPENDENCY' : error.code
    const { http } = failurePolicy[code]
    if (http >= 500) log.error('REQUEST_FAILED', { route: routeKey, error: error.message })
    const { reason, field } = error instanceof InputError ? error : {}
    const more = { instance, ...(reason ? { reason } : {}), ...(field ? { field } : {}) }
    const again = http === 429 || http === 503
    const detail = http >= 500 && !(code === 'DEPENDENCY' && error.cause === undefined)
    return problem(
      ...([http, code, detail ? 'try again later' : error.message, more] as const),
      again ? { 'retry-after': String(error instanceof LimitError ? error.retryAfter : RETRY_AFTER) } : {},
    )
  }
}

/** An entry of the longest list has three names of at most 128 characters. */
const BODY_LIMITS = { maxBytes: 256 * 1024, maxDepth: 4 }

/** The request's body as JSON; throws InputError. */
export function readBody({ body = '', isBase64Encoded }: z.infer<typeof httpCommand>): unknown {
  try {
    return parseUntrustedJson(Buffer.from(body, isBase64Encoded ? 'base64' : 'utf8'), BODY_LIMITS)
  } catch (error) {
    if (error instanceof UnsafeJsonError) throw new InputError(error.code, `body: ${error.message}`, 'body')
    throw error
  }
}

/** Path and query as the operation has them; throws InputError BAD_PARAMETER with the name. */
export function readParameters(
  { path, query }: Operation,
  { pathParameters: given = {}, queryStringParameters = {} }: z.infer<typeof httpRequest>,
): { readonly path: Readonly<Record<string, unknown>>; readonly query: Readonly<Record<string, unknown>> } {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name as PathParameter)
  const decoded = names.map(name => [name, decodedParameter(given, name)] as const)
  const shape = Object.fromEntries(names.map(name => [name, pathParameters[name]]))
  return {
    path: checked(z.object(shape), Object.fromEntries(decoded), 'path', 'BAD_PARAMETER'),
    query: checked(query, queryStringParameters, 'query', 'BAD_PARAMETER'),
  }
}
/** `part`: of the request; it is the field of what is wrong with the whole of it. */
export function checked<S extends z.ZodType>(
  schema: S,
  given: unknown,
  part: 'path' | 'query' | 'body',
  reason?: string,
): z.infer<S> {
  try {
    return parseOrReject(schema, given)
  } catch (error) {
    if (!(error instanceof InputError)) throw error
    throw new InputError(reason ?? error.reason, error.message, error.field || part)
  }
}
function decodedParameter(path: Readonly<Record<string, string>>, name: string): string {
  const value = path[name]
  if (value === undefined || value === '')
    throw new InputError('MISSING_PARAMETER', `${name} is missing in the path`, name)
  try {
    return decodeURIComponent(value)
  } catch {
    throw new InputError('BAD_PARAMETER', `${name} is not percent-encoded UTF-8`, name)
  }
}

/** The answer, or 304 without it when the asker has it. Private: what it says is for the token's holder. */
export function tagged(body: unknown, { headers }: z.infer<typeof httpRequest>): HttpResponse {
  const answer = respond(200, body)
  const etag = `"${createHash('sha256').update(answer.body).digest('base64url').slice(0, 22)}"`
  const caching = { etag, 'cache-control': 'private, no-cache' }
  const known = (headers['if-none-match'] ?? '').split(',').map(tag => tag.trim().replace(/^W\//, ''))
  if (known.includes(etag) || known.includes('*')) return { statusCode: 304, headers: caching, body: '' }
  return { ...answer, headers: { ...answer.headers, ...caching } }
}
