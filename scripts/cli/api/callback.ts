/** The one request by which the browser brings a sign-in back. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { UsageError } from '../../lib/options.ts'

/** Of the client that the stack registers; Cognito takes the name localhost there, and no address. */
export const CALLBACK_PORT = 47_615
const PATH = '/callback'

export interface Callback {
  /** Where the browser is to be sent back to. */
  readonly redirectUri: string
  /** The code. Rejects when the issuer refused, the state is another, or the time is over. */
  readonly code: Promise<string>
  close(): void
}

/** @throws UsageError when the port is taken */
export async function listen(state: string, port: number, timeoutMs: number): Promise<Callback> {
  let settle: { resolve(code: string): void; reject(error: Error): void } | undefined
  const code = new Promise<string>((resolve, reject) => {
    settle = { resolve, reject }
  })
  // Whoever waits hears of it; until then it is nobody's fault.
  code.catch(() => {})
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? '/', 'http://localhost')
    if (url.pathname !== PATH || request.method !== 'GET')
      return page(response, 404, 'There is nothing here.')
    const answer = read(url.searchParams, state)
    if (answer instanceof Error) {
      page(response, 400, `Not signed in: ${answer.message}. You may close this page.`)
      // Another page may have sent the browser here; the right answer can still come.
      if (!(answer instanceof Strange)) settle?.reject(answer)
      return
    }
    page(response, 200, 'Signed in. You may close this page and go back to the terminal.')
    settle?.resolve(answer)
  })
  const bound = await bind(server, port)
  const timer = setTimeout(() => settle?.reject(new Error('nobody signed in in time')), timeoutMs)
  return {
    redirectUri: `http://localhost:${bound}${PATH}`,
    code,
    close() {
      clearTimeout(timer)
      server.close()
      server.closeAllConnections()
    },
  }
}

class Strange extends Error {}

function read(query: URLSearchParams, state: string): string | Error {
  if (query.get('state') !== state) return new Strange('this answer belongs to another sign-in')
  const refused = query.get('error_description') ?? query.get('error')
  if (refused !== null) return new UsageError(`the issuer refused: ${refused.slice(0, 200)}`)
  return query.get('code') ?? new Strange('the answer has no code')
}

/** Text of the issuer is in it, so it is text and nothing else. */
function page(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'x-content-type-options': 'nosniff',
    'cache-control': 'no-store',
    connection: 'close',
  })
  response.end(`${text}\n`)
}

/** On this machine only, by both of its addresses' families where there are both: `localhost` is either. */
const bind = (server: Server, port: number): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new UsageError(`port ${port} of this machine is taken; another sign-in may be waiting`)
          : error,
      ),
    )
    server.listen(port, 'localhost', () => {
      const address = server.address()
      resolve(typeof address === 'object' && address !== null ? address.port : port)
    })
  })
