/** A way to the local cloud on which single answers are changed, to see whether somebody notices. */
import { createServer, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: string
}
/** Undefined lets the answer through as it is. */
export type Tamper = (asked: Asked, answer: Answer) => Answer | undefined
export interface Asked {
  readonly method: string
  readonly path: string
  /** `AWSEvents.ListRules` and so on, of the JSON protocols. */
  readonly target: string
  readonly body: string
}
export interface TamperedWay {
  readonly url: string
  with(tamper: Tamper | undefined): void
  close(): Promise<void>
}

const all = async (message: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = []
  for await (const chunk of message) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

/** Host and path go on as they came, so that what was signed still fits. */
export async function tamperedWay(to: string): Promise<TamperedWay> {
  const { hostname, port } = new URL(to)
  let tamper: Tamper | undefined
  const server = createServer((asked, reply) => {
    void all(asked).then(body => {
      const { method = 'GET', url: path = '/', headers } = asked
      const onward = request({ hostname, port, method, path, headers }, answer => {
        void all(answer).then(content => {
          const came: Answer = {
            status: answer.statusCode ?? 500,
            headers: answer.headers,
            body: content.toString('utf8'),
          }
          const target = String(headers['x-amz-target'] ?? '')
          const changed = tamper?.({ method, path, target, body: body.toString('utf8') }, came)
          if (changed === undefined) reply.writeHead(came.status, answer.headers).end(content)
          else {
            const {
              'content-length': _,
              'transfer-encoding': __,
              'x-amz-crc32': ___,
              ...rest
            } = changed.headers
            reply.writeHead(changed.status, rest).end(changed.body)
          }
        })
      })
      onward.once('error', () => reply.destroy())
      onward.end(body)
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    with(next) {
      tamper = next
    },
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
