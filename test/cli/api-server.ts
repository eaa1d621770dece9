/**
 * The operators' API over HTTP, for commands: its own handlers over the rows of the whole loop, by the contract's
 * routes; and answers that a test makes up, each held against the contract.
 */
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { api, type OperationName, operations, routeKey } from '../../src/contracts/api/index.ts'
import type { Operation } from '../../src/contracts/api/operation.ts'
import { type Chain, runChain } from '../loop/chain.ts'

export interface Sent {
  readonly name: OperationName
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}
export interface Reply {
  readonly status: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}
export interface ApiServer {
  readonly url: string
  readonly chain: Chain
  /** Newest last. */
  readonly sent: Sent[]
  /** Token → who it is, and what it may do; `all` for every scope. */
  readonly tokens: Map<string, { readonly sub: string; readonly scope: string }>
  /** In place of the handler, once or for good; the body of a 200 must fit the contract. */
  reply<N extends OperationName>(name: N, make: (sent: Sent) => Reply | undefined): void
  reset(): void
  close(): Promise<void>
}
export const GOOD = 'good-token'

const matchers = (Object.keys(api) as OperationName[]).map(name => {
  const { method, path } = api[name]
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(m => m[1] ?? '')
  const pattern = new RegExp(`^${path.replace(/\{\w+\}/g, '([^/]+)')}$`)
  return { name, method, names, pattern }
})

export async function startApiServer(): Promise<ApiServer> {
  const chain = await runChain()
  const sent: Sent[] = []
  const tokens = new Map<string, { sub: string; scope: string }>()
  const replies = new Map<OperationName, (sent: Sent) => Reply | undefined>()
  let requests = 0

  const answer = async (request: IncomingMessage, body: string): Promise<Reply> => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    const to = matchers.find(m => m.method === request.method && m.pattern.test(pathname))
    if (to === undefined) return { status: 404, body: { message: 'Not Found' } }
    const who = tokens.get((request.headers.authorization ?? '').replace(/^Bearer /, ''))
    if (who === undefined) return { status: 401, body: { message: 'Unauthorized' } }
    const operation: Operation = api[to.name] as unknown as Operation
    if (who.scope !== 'all' && !who.scope.split(' ').includes(operation.scope))
      return { status: 403, body: { message: 'Forbidden' } }
    const values = to.pattern.exec(pathname) ?? []
    const path = Object.fromEntries(to.names.map((name, i) => [name, values[i + 1] ?? '']))
    const query = Object.fromEntries(searchParams)
    const one: Sent = {
      ...{ name: to.name, path, query, headers: request.headers },
      body: body === '' ? undefined : JSON.parse(body),
    }
    sent.push(one)
    const made = replies.get(to.name)?.(one)
    if (made !== undefined) {
      if (made.status === 200 || made.status === 202) operation.answer.parse(made.body)
      return made
    }
    const scope = who.scope === 'all' ? operations.map(o => o.scope).join(' ') : who.scope
    const handler = operation.function === 'opsQuery' ? 'ops-query' : 'ops-command'
    const {
      statusCode,
      headers,
      body: text,
    } = (await chain.world.handlers()[handler]!({
      ...{
        routeKey: routeKey(operation),
        rawPath: pathname,
        pathParameters: path,
        queryStringParameters: query,
      },
      headers: request.headers,
      ...(body === '' ? {} : { body }),
      requestContext: {
        requestId: `request-${++requests}`,
        authorizer: { jwt: { claims: { sub: who.sub, scope } } },
      },
    })) as { statusCode: number; headers: Record<string, string>; body: string }
    return { status: statusCode, headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', chunk => chunks.push(chunk))
    request.on('end', () => {
      void answer(request, Buffer.concat(chunks).toString('utf8')).then(
        ({ status, headers = {}, body }) =>
          response.writeHead(status, headers).end(body === undefined ? '' : JSON.stringify(body)),
        error => response.writeHead(500).end(JSON.stringify({ message: String(error) })),
      )
    })
  })
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve))
  const reset = (): void => {
    replies.clear()
    sent.length = 0
    tokens.clear()
    tokens.set(GOOD, { sub: 'alice', scope: 'all' })
  }
  reset()
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ chain, sent, tokens, reset },
    reply: (name, make) => void replies.set(name, make),
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Variables for the commands of a test, and back. */
export function variables(set: Readonly<Record<string, string | undefined>>): () => void {
  const before = Object.keys(set).map(name => [name, process.env[name]] as const)
  const apply = (all: Iterable<readonly [string, string | undefined]>): void => {
    for (const [name, value] of all)
      if (value === undefined) delete process.env[name]
      else process.env[name] = value
  }
  apply(Object.entries(set))
  return () => apply(before)
}
