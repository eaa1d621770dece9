/** The one HTTP server of the local cloud: authenticates each request, finds its service and answers. */
import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Iam } from '../core/services.ts'
import { AwsError, type JsonService, type Realm, type RestService } from '../core/types.ts'
import { BodyTooLarge, readBody } from './body.ts'
import { type Reply, serve, type WireCall } from './call.ts'
import { renderError } from './errors.ts'

export interface FrontOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'resolve' | 'authorize'>
  /** Looked up on every call, so services may be added after the start. */
  readonly services: readonly (JsonService | RestService)[]
  /** 0 takes any free port. */
  readonly port: number
  readonly host?: string
  /** Paths that the service named `http` serves without a SigV4 signature. */
  readonly publicPrefixes?: readonly string[]
}
export interface Front {
  readonly port: number
  close(): Promise<void>
}

const mib = 1024 * 1024
const s3Limit = 512 * mib
const otherLimit = 16 * mib
const defaultPrefixes = ['/v1/', '/_api/', '/.well-known/', '/oauth2/']

/** Starts the server and sets `realm.endpoint`. Rejects when the port is taken. */
export async function startFront(options: FrontOptions): Promise<Front> {
  const { realm, host = '127.0.0.1' } = options
  const publicPrefixes = options.publicPrefixes ?? defaultPrefixes
  const answer = async (request: IncomingMessage, response: ServerResponse, waits: boolean) => {
    const call = await readCall(request, response, waits, realm)
    if (call === undefined) return
    const reply = await serve(call, { ...options, publicPrefixes })
    send(response, reply, call.method, realm)
  }
  const listener = (waits: boolean) => (request: IncomingMessage, response: ServerResponse) => {
    answer(request, response, waits).catch((error: unknown) => {
      // Mostly a client that hung up while sending; there is nobody left to answer.
      realm.log({ level: 'debug', service: 'front', message: `request dropped: ${String(error)}` })
      response.destroy()
    })
  }
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: 0 }, listener(false))
  server.on('checkContinue', listener(true))
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) =>
      reject(
        error.code === 'EADDRINUSE'
          ? new Error(`port ${options.port} is in use; choose another with --port`, { cause: error })
          : error,
      ),
    )
    server.listen(options.port, host, resolve)
  })
  const { port } = server.address() as AddressInfo
  realm.endpoint = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
  return {
    port,
    close: () =>
      new Promise(resolve => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

async function readCall(
  request: IncomingMessage,
  response: ServerResponse,
  waits: boolean,
  realm: Realm,
): Promise<WireCall | undefined> {
  const url = request.url ?? '/'
  const mark = url.indexOf('?')
  const rawHeaders: [string, string][] = []
  for (let i = 0; i + 1 < request.rawHeaders.length; i += 2)
    rawHeaders.push([request.rawHeaders[i] ?? '', request.rawHeaders[i + 1] ?? ''])
  const head = {
    method: request.method ?? 'GET',
    rawPath: mark < 0 ? url : url.slice(0, mark),
    rawQuery: mark < 0 ? '' : url.slice(mark + 1),
    rawHeaders,
  }
  const s3 = /(%2F|\/)s3(%2F|\/)aws4_request/i.test(`${request.headers.authorization} ${url}`)
  const requestId = s3 ? randomBytes(8).toString('hex').toUpperCase() : randomUUID()
  try {
    const body = await readBody(request, response, waits, s3 ? s3Limit : otherLimit)
    return { ...head, body, requestId }
  } catch (error) {
    if (!(error instanceof BodyTooLarge)) throw error
    const refusal = s3
      ? new AwsError('EntityTooLarge', 'Your proposed upload exceeds the 512 MiB the local S3 takes at once.')
      : new AwsError('RequestEntityTooLargeException', 'The request exceeds 16 MiB.', 413)
    const rendered = renderError(refusal, s3 ? 'rest-xml' : 'rest-json', requestId)
    send(response, { ...rendered, headers: { ...rendered.headers, connection: 'close' } }, head.method, realm)
    return undefined
  }
}

function send(response: ServerResponse, reply: Reply, method: string, realm: Realm): void {
  const body = typeof reply.body === 'string' ? Buffer.from(reply.body) : reply.body
  // The cloud's own clock: SDK clients correct their signing time by this header.
  const headers: Record<string, string | number> = { date: realm.now().toUTCString() }
  for (const [name, value] of Object.entries(reply.headers ?? {})) headers[name.toLowerCase()] = value
  const empty = reply.status === 204 || reply.status === 304
  if (!empty) headers['content-length'] ??= body?.length ?? 0
  try {
    response.writeHead(reply.status, headers)
  } catch (error) {
    // A service answered with a header that HTTP cannot carry.
    realm.log({ level: 'error', service: 'front', message: `a reply could not be sent: ${String(error)}` })
    response.writeHead(500).end()
    return
  }
  response.end(method === 'HEAD' || empty ? undefined : body)
}
