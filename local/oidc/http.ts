/** What the token endpoints of the local cloud have in common. */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { RestRequest, RestResponse } from '../core/types.ts'

/** Something that the HTTP front serves without a signature. */
export interface OpenEndpoint {
  handles(rawPath: string): boolean
  handle(request: RestRequest): Promise<RestResponse>
}
export interface ClientCredentials {
  readonly id: string
  /** Undefined for a client that shows none. */
  readonly secret: string | undefined
}

/** HTTP Basic or form fields, RFC 6749 §2.3.1. Undefined when the request names no client. */
export function readClient(
  authorization: string | undefined,
  form: URLSearchParams,
): ClientCredentials | undefined {
  const basic = /^basic (\S+)$/i.exec(authorization ?? '')?.[1]
  if (basic !== undefined) {
    const [id = '', ...rest] = Buffer.from(basic, 'base64').toString('utf8').split(':')
    return { id: decoded(id), secret: decoded(rest.join(':')) }
  }
  const id = form.get('client_id')
  return id === null ? undefined : { id, secret: form.get('client_secret') ?? undefined }
}

/** Id and secret are form-encoded before they are joined; many clients do not do it, and an id needs none. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

/** In constant time. */
export function sameSecret(a: string, b: string): boolean {
  const digest = (value: string): Buffer => createHash('sha256').update(value).digest()
  return timingSafeEqual(digest(a), digest(b))
}

export const words = (text: string | null): readonly string[] =>
  (text ?? '').split(' ').filter(each => each !== '')

export const json = (
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): RestResponse => ({
  status,
  headers: { 'content-type': 'application/json', 'cache-control': 'no-store', ...headers },
  body: JSON.stringify(body),
})
