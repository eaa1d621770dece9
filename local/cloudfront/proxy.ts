/** Requests that a behaviour hands on to a custom origin, streamed both ways. */
import { type IncomingMessage, request, type ServerResponse } from 'node:http'

/** Of the connection, not of the message. RFC 9110 §7.6.1. */
const HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export const endToEnd = (
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Record<string, string | string[]> =>
  Object.fromEntries(
    Object.entries(headers).filter(
      (pair): pair is [string, string | string[]] => pair[1] !== undefined && !HOP.has(pair[0]),
    ),
  )

/**
 * `origin` is a URL without a slash at the end. `decorate` sees the origin's headers and gives those that go out.
 * Rejects when the origin does not answer and nothing was sent yet.
 */
export function proxy(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  origin: string,
  decorate: (headers: Record<string, string | string[]>) => Record<string, string | string[]>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host: _, ...viewer } = endToEnd(incoming.headers)
    const headers = { ...viewer, via: '1.1 local (CloudFront)', 'x-forwarded-for': '127.0.0.1' }
    const onward = request(
      `${origin}${incoming.url ?? '/'}`,
      // A connection of its own: one that is kept may be closed by the origin just as it is used again.
      { method: incoming.method, headers, agent: false },
      answer => {
        outgoing.writeHead(answer.statusCode ?? 502, decorate(endToEnd(answer.headers)))
        answer.pipe(outgoing)
        answer.once('end', resolve)
        answer.once('error', error => {
          outgoing.destroy(error)
          resolve()
        })
      },
    )
    onward.once('error', error => {
      if (!outgoing.headersSent) return reject(error)
      outgoing.destroy(error)
      resolve()
    })
    // A viewer that goes away takes its request with it.
    outgoing.once('close', () => onward.destroy())
    incoming.pipe(onward)
  })
}
