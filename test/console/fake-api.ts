/** The API as the console sees it, answering from fixtures that are typed by the contract. Serves the page as well. */
import { createHash } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { extname, join } from 'node:path'
import type { Answer, OperationName } from '../../console/api/types.ts'
import { api } from '../../src/contracts/api/index.ts'
import { builtConsole } from './built.ts'
import { NOW } from './fixtures/base.ts'

export interface Asked {
  readonly params: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
  readonly body: unknown
}
export type Answers = { readonly [N in OperationName]?: (asked: Asked) => Answer<N> | Refusal }
export class Refusal {
  readonly status: number
  readonly body: unknown
  readonly headers: Readonly<Record<string, string>>
  constructor(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
    this.status = status
    this.body = body
    this.headers = headers
  }
}
export interface Seen {
  readonly method: string
  readonly path: string
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: unknown
}
export interface FakeApi {
  readonly origin: string
  readonly seen: Seen[]
  answers: Answers
  config: Readonly<Record<string, unknown>>
  /** Answers what is neither the page nor the API, such as an issuer; false: it does not. */
  other: (request: IncomingMessage, response: ServerResponse) => boolean
  /** Time of the Date header. */
  now: () => number
  close(): Promise<void>
}

/** As strict as the hosting's: neither inline script nor inline style. */
export const CSP =
  "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
}
/** The same fonts everywhere, and nothing that blinks. */
const TEST_CSS = `:root body, :root body * { caret-color: transparent !important; }
:root body { font-family: 'DejaVu Sans' !important; font-size: 13px !important; }
:root :is(code, pre, kbd, .key) { font-family: 'DejaVu Sans Mono' !important; font-size: 11px !important; }`

export const CONFIG = {
  ...{ apiUrl: '', issuer: 'https://issuer.example', clientId: 'console', authorizeUrl: '', tokenUrl: '' },
  ...{ scopes: ['edgeloop/fleet:read'], stage: 'dev' },
}

const routes = Object.entries(api).map(([name, { method, path }]) => ({
  name: name as OperationName,
  method,
  pattern: new RegExp(`^${path.replace(/\{(\w+)\}/g, '(?<$1>[^/]+)')}$`),
}))

export async function startFakeApi(answers: Answers): Promise<FakeApi> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    void handle(request, response)
  })
  const fake: FakeApi = {
    ...{ origin: '', seen, answers, config: CONFIG, other: () => false, now: () => NOW },
    close: () =>
      new Promise(done => {
        server.closeAllConnections()
        server.close(() => done())
      }),
  }
  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://fake')
    response.setHeader('date', new Date(fake.now()).toUTCString())
    response.setHeader('content-security-policy', CSP)
    if (fake.other(request, response)) return
    if (!url.pathname.startsWith('/v1/')) return serveFile(url.pathname, fake, response)
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const text = Buffer.concat(chunks).toString('utf8')
    const body: unknown = text === '' ? undefined : JSON.parse(text)
    const { status, payload, headers } = answerOf(fake.answers, request, url, body)
    const bytes = JSON.stringify(payload)
    const etag = `"${createHash('sha256').update(bytes).digest('hex').slice(0, 16)}"`
    const unchanged = status === 200 && request.headers['if-none-match'] === etag
    const { method = 'GET' } = request
    seen.push({
      method,
      path: url.pathname + url.search,
      status: unchanged ? 304 : status,
      headers: request.headers,
      body,
    })
    const type = status >= 400 ? 'application/problem+json' : 'application/json'
    if (unchanged) response.writeHead(304, { etag }).end()
    else response.writeHead(status, { 'content-type': type, etag, ...headers }).end(bytes)
  }
  await new Promise<void>(ready => server.listen(0, '127.0.0.1', ready))
  return Object.assign(fake, { origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}` })
}

function answerOf(answers: Answers, request: IncomingMessage, url: URL, body: unknown) {
  const route = routes.find(r => r.method === request.method && r.pattern.test(url.pathname))
  const answer = route && (answers[route.name] as ((asked: Asked) => unknown) | undefined)
  if (route === undefined || answer === undefined)
    return {
      status: 404,
      payload: { message: `no fixture for ${request.method} ${url.pathname}` },
      headers: {},
    }
  const groups = route.pattern.exec(url.pathname)?.groups ?? {}
  const params = Object.fromEntries(Object.entries(groups).map(([k, v]) => [k, decodeURIComponent(v)]))
  const result = answer({ params, query: Object.fromEntries(url.searchParams), body })
  if (result instanceof Refusal)
    return { status: result.status, payload: result.body, headers: result.headers }
  return { status: api[route.name].status, payload: result, headers: {} }
}

function serveFile(path: string, fake: FakeApi, response: ServerResponse): void {
  if (path === '/config.json') {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(fake.config))
    return
  }
  if (path === '/test.css') {
    response.setHeader('content-type', 'text/css')
    response.end(TEST_CSS)
    return
  }
  const name = path === '/' ? 'index.html' : path.slice(1)
  const file = join(builtConsole(), name)
  if (!/^[\w.-]+$/.test(name) || !existsSync(file)) {
    response.writeHead(404).end()
    return
  }
  response.setHeader('content-type', TYPES[extname(name)] ?? 'application/octet-stream')
  response.end(readFileSync(file))
}
