import type { IncomingMessage, ServerResponse } from 'node:http'

export class BodyTooLarge extends Error {}

/**
 * Reads the whole body; rejects with BodyTooLarge above `limit` bytes. A client that waits for `100 Continue`
 * is refused before it sends; from others the rest is read and thrown away, as an answer on a connection that
 * is still being written to would be lost.
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  expectsContinue: boolean,
  limit: number,
): Promise<Buffer> {
  if (expectsContinue) {
    if (Number(request.headers['content-length'] ?? 0) > limit) throw new BodyTooLarge()
    response.writeContinue()
  }
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > limit) chunks.length = 0
    else chunks.push(chunk)
  }
  if (size > limit) throw new BodyTooLarge()
  return chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks, size)
}
