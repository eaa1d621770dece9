import type * as z from 'zod'
import { parseUntrustedJson, UnsafeJsonError } from '../../verifier/json.ts'
import type { httpCommand } from '../contracts/aws.ts'
import { EdgeloopError, failurePolicy, InputError } from '../domain/errors.ts'
import type { Log } from '../domain/ports.ts'

export interface HttpResponse {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}
export const respond = (statusCode: number, body: unknown): HttpResponse => ({
  statusCode,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  body: JSON.stringify(body),
})

/** Answers a request; what is thrown becomes the status of its code, and faults of ours say nothing about us. */
export async function answering(
  log: Log,
  route: string,
  run: () => Promise<HttpResponse>,
): Promise<HttpResponse> {
  try {
    return await run()
  } catch (error) {
    if (!(error instanceof EdgeloopError)) throw error
    const { http } = failurePolicy[error.code]
    if (http >= 500) log.error('REQUEST_FAILED', { route, error: error.message })
    return respond(http, { error: error.code, message: http >= 500 ? 'try again later' : error.message })
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

export function decoded(path: Readonly<Record<string, string>>, name: string): string {
  const value = path[name]
  if (value === undefined || value === '')
    throw new InputError('MISSING_PARAMETER', `${name} is missing in the path`, name)
  try {
    return decodeURIComponent(value)
  } catch {
    throw new InputError('BAD_PARAMETER', `${name} is not percent-encoded UTF-8`, name)
  }
}
