import { Fault, faultOf, type ProblemBody } from './fault.ts'
import { type Command, type Known, type PathParams, pathOf, routes } from './routes.ts'
import type { Answer, Body, Scope } from './types.ts'

export interface Reply {
  readonly status: number
  /** Absent with 304. */
  readonly data?: unknown
  readonly etag?: string
}
export interface Client {
  /** A question by its path, as `pathOf` makes it. */
  ask(path: string, scope: Scope, etag?: string): Promise<Reply>
  /** A command. `key` is its Idempotency-Key: the same one for every try of the same command. */
  command<N extends Command>(name: N, params: PathParams<N>, body: Body<N>, key: string): Promise<Answer<N>>
  /** Server's clock minus this machine's, milliseconds, as far as answers tell. */
  skew(): number
}
interface Credentials {
  token(): string | undefined
  /** A new token after a 401; undefined when there is none to be had. @throws Fault when that cannot be told now */
  renew(): Promise<string | undefined>
  /** The token is no good any more. */
  end(): void
}

/** A clock that is off by less is taken as right: the Date header has whole seconds, and answers take time. */
const SKEW_MS = 30_000

export function makeClient(base: string, credentials: Credentials, doFetch: typeof fetch = fetch): Client {
  let skew = 0
  const send = async (path: string, scope: Scope, init: RequestInit): Promise<Response> => {
    const attempt = (token: string | undefined): Promise<Response> => {
      const headers = new Headers(init.headers)
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`)
      return doFetch(base + path, { ...init, headers, cache: 'no-store' })
    }
    try {
      const used = credentials.token()
      const first = await attempt(used)
      if (first.status !== 401) return first
      const renewed = await credentials.renew()
      const answer = renewed === undefined ? first : await attempt(renewed)
      // Unless somebody has signed in meanwhile.
      if (answer.status === 401 && credentials.token() === (renewed ?? used)) credentials.end()
      return answer
    } catch (error) {
      if (error instanceof Fault) throw error
      throw new Fault(
        'offline',
        'No connection',
        'The API could not be reached. It is tried again by itself.',
        { scope },
      )
    }
  }
  const request = async (path: string, scope: Scope, init: RequestInit): Promise<Reply> => {
    const answer = await send(path, scope, init)
    const date = Date.parse(answer.headers.get('date') ?? '')
    if (Number.isFinite(date)) skew = Math.abs(date - Date.now()) > SKEW_MS ? date - Date.now() : 0
    const text = await answer.text()
    if (answer.status === 304) return { status: 304 }
    const body = parse(text)
    if (!answer.ok || body === undefined)
      throw faultOf(
        answer.ok ? 502 : answer.status,
        (body as ProblemBody | undefined) ?? {},
        answer.headers,
        scope,
        Date.now() + skew,
      )
    const etag = answer.headers.get('etag')
    return { status: answer.status, data: body, ...(etag === null ? {} : { etag }) }
  }
  return {
    ask: (path, scope, etag) =>
      request(path, scope, etag === undefined ? {} : { headers: { 'if-none-match': etag } }),
    async command(name, params, body, key) {
      const [method, , scope] = routes[name as Known]
      const headers = { 'content-type': 'application/json', 'idempotency-key': key }
      const reply = await request(pathOf(name, params), scope, {
        method,
        headers,
        body: JSON.stringify(body),
      })
      return reply.data as Answer<typeof name>
    },
    skew: () => skew,
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
