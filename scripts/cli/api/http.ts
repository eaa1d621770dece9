/** One request to the API, again where it is worth it. */
import { randomUUID } from 'node:crypto'
import { CloudError } from '../command.ts'

/** An answer is a few hundred kilobytes at most; API Gateway ends at 10 MB. */
const MAX_BYTES = 10 * 1024 * 1024
const TIMEOUT_MS = 30_000
const TRIES = 4
const MAX_PAUSE_MS = 30_000
const AGAIN = [429, 502, 503, 504]

export interface Request {
  readonly url: URL
  readonly method: string
  readonly token: string
  readonly body?: unknown
  /** Of an answer that is known: 304 says that it still holds. */
  readonly etag?: string | undefined
}
export interface Answer {
  readonly status: number
  /** Undefined with 304. */
  readonly body: unknown
  readonly etag: string | undefined
}

/**
 * A command carries a key by which the API knows it when it comes a second time, so that it may be sent again.
 * @param note is told why it takes longer
 * @throws CloudError when nobody answers, or with something else than JSON
 */
export async function send(request: Request, note: (line: string) => void): Promise<Answer> {
  const key = request.method === 'GET' ? undefined : randomUUID()
  for (let attempt = 1; ; attempt++) {
    const outcome = await once(request, key).catch((error: unknown) => {
      if (!(error instanceof CloudError) || attempt === TRIES) throw error
      return { error }
    })
    if (!('error' in outcome) && (!AGAIN.includes(outcome.status) || attempt === TRIES)) return outcome
    const asked = 'error' in outcome ? undefined : outcome.retryAfterMs
    const pause = Math.min(MAX_PAUSE_MS, asked ?? 250 * 2 ** attempt * (0.5 + Math.random()))
    const why = 'error' in outcome ? outcome.error.message : `the API answered with ${outcome.status}`
    if (pause > 1_000) note(`${why}; again in ${Math.ceil(pause / 1_000)} s`)
    await new Promise(resolve => setTimeout(resolve, pause))
  }
}

async function once(
  { url, method, token, body, etag }: Request,
  key: string | undefined,
): Promise<Answer & { readonly retryAfterMs: number | undefined }> {
  let answer: Response
  let text: string
  try {
    answer = await fetch(url, {
      method,
      headers: {
        authorization: `Bearer ${token}`,
        accept: 'application/json, application/problem+json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }),
        ...(etag === undefined ? {} : { 'if-none-match': etag }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    text = await answer.text()
  } catch (error) {
    const { message, cause } = error as Error
    throw new CloudError(`the API could not be reached (${(cause as Error | undefined)?.message || message})`)
  }
  if (text.length > MAX_BYTES) throw new CloudError('the API answered with more than 10 MB')
  const { status, headers } = answer
  return {
    status,
    body: status === 304 ? undefined : parsed(status, text),
    etag: headers.get('etag') ?? undefined,
    retryAfterMs: pauseIn(headers.get('retry-after')),
  }
}

function parsed(status: number, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // A gateway in between says so in HTML, and is asked again.
    if (AGAIN.includes(status)) return { message: `status ${status}` }
    throw new CloudError(`the API answered with ${status} and no JSON; is --api the API's address?`)
  }
}

/** Seconds, or a date. */
function pauseIn(header: string | null): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - Date.now()
  return Number.isFinite(ms) ? Math.max(0, ms) : undefined
}
