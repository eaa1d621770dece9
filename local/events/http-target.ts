/** One call of an API destination, and what its answer means for another try. */
import http from 'node:http'
import https from 'node:https'

export interface HttpRequest {
  readonly url: URL
  /** Of the connection. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
  readonly timeoutMs: number
}

/** A call that was not answered with 2xx. */
export class HttpFailure extends Error {
  readonly permanent: boolean
  /** What the endpoint asked for at least, by `Retry-After`. */
  readonly retryAfterMs: number
  constructor(reason: string, permanent = false, retryAfterMs = 0) {
    // The words of AWS's own ERROR_MESSAGE.
    super(`Unable to invoke ApiDestination endpoint: ${reason}`)
    this.permanent = permanent
    this.retryAfterMs = retryAfterMs
  }
}

/** EventBridge tries again after these, after any 5xx, and when there was no answer; a redirect is not followed. */
const RETRIED = [401, 407, 409, 429]

/** POSTs JSON with the headers that EventBridge sends. Resolves on 2xx, throws HttpFailure otherwise. */
export async function postEvent({ url, headers, body, timeoutMs }: HttpRequest): Promise<void> {
  const signal = AbortSignal.timeout(timeoutMs)
  const { status, retryAfter } = await new Promise<{ status: number; retryAfter: string | undefined }>(
    (resolve, reject) => {
      const request = (url.protocol === 'https:' ? https : http).request(
        url,
        {
          method: 'POST',
          // A connection of its own for each call, as in AWS (`Connection: close`).
          agent: false,
          signal,
          headers: {
            'Content-Type': 'application/json; charset=utf-8',
            'User-Agent': 'Amazon/EventBridge/ApiDestinations',
            Range: 'bytes=0-1048575',
            'Accept-Encoding': 'gzip,deflate',
            'Content-Length': Buffer.byteLength(body),
            ...headers,
          },
        },
        response => {
          response.on('error', reject)
          response.on('end', () =>
            resolve({ status: response.statusCode ?? 0, retryAfter: response.headers['retry-after'] }),
          )
          response.resume()
        },
      )
      request.on('error', reject)
      request.end(body)
    },
  ).catch((cause: Error) => {
    throw new HttpFailure(
      signal.aborted
        ? `Timeout calling endpoint for API Destination: no answer within ${timeoutMs} ms`
        : `API destination endpoint cannot be reached (${cause.message || String(cause)})`,
    )
  })
  if (status >= 200 && status < 300) return
  const seconds = secondsOf(retryAfter)
  throw new HttpFailure(
    `the endpoint answered ${status}`,
    // A negative Retry-After asks EventBridge to give up.
    seconds < 0 || !(RETRIED.includes(status) || status >= 500),
    Math.max(0, seconds) * 1000,
  )
}

/** `Retry-After` in seconds or as a date (RFC 9110, 10.2.3); 0 for none and for anything else. */
function secondsOf(value: string | undefined): number {
  if (value === undefined) return 0
  if (/^-?\d{1,9}$/.test(value.trim())) return Number(value)
  const at = Date.parse(value)
  return Number.isNaN(at) ? 0 : Math.max(0, (at - Date.now()) / 1000)
}
