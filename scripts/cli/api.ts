/** The operators' API as commands ask it: operations of the contract, with its types. */
import type * as z from 'zod'
import { api, type OperationName } from '../../src/contracts/api/index.ts'
import { MAX_LIMIT } from '../../src/contracts/api/operation.ts'
import { UsageError, whole } from '../lib/options.ts'
import { ApiProblem, errorOf } from './api/errors.ts'
import { type Answer, send } from './api/http.ts'
import { openSession } from './api/session.ts'
import { CloudError, type Io, type Options } from './command.ts'

export const apiOptions = { api: { type: 'string' } } as const
export const API_HELP = `  --api URL       the operators' API (default EDGELOOP_API, then AWS_ENDPOINT_URL, which is the local cloud's, then the
                  one of the last npx edgeloop login)

The token comes from the variable TOKEN, as npm run cloud prints one, or from npx edgeloop login.
`
/** Of lists. */
export const listOptions = { ...apiOptions, limit: { type: 'string' }, all: { type: 'boolean' } } as const
export const LIST_HELP = `  --limit N       at most so many (default 50)
  --all           every one
${API_HELP}`

type Operations = typeof api
type Operation<N extends OperationName> = Operations[N]
/** An answer is the command's own once it is parsed. */
export type AnswerOf<N extends OperationName> = z.infer<Operation<N>['answer']>
type BodyOf<N extends OperationName> =
  Operation<N> extends { readonly body: infer B extends z.ZodType } ? z.input<B> : undefined
type Text = string | number | boolean | undefined
export interface Given<N extends OperationName> {
  readonly path?: Readonly<Record<string, string | number>>
  readonly query?: { readonly [Q in keyof z.infer<Operation<N>['query']>]?: Text }
  readonly body?: BodyOf<N>
}
/** Name of the list in a page. */
type ListOf<N extends OperationName> = Exclude<keyof AnswerOf<N>, 'next' | 'labellers'>
type ItemOf<N extends OperationName> = AnswerOf<N>[ListOf<N>] extends readonly (infer T)[] ? T : never

export interface Client {
  /** Address of the API. */
  readonly url: string
  /** @throws ApiProblem, UsageError, CloudError */
  ask<N extends OperationName>(name: N, given?: Given<N>): Promise<AnswerOf<N>>
  /** As ask; undefined for what is not there. */
  find<N extends OperationName>(name: N, given?: Given<N>): Promise<AnswerOf<N> | undefined>
  /** Whether the answer is the one that `ask` gave before; costs the API next to nothing. */
  changed<N extends OperationName>(name: N, given?: Given<N>): Promise<AnswerOf<N> | undefined>
  /** Items of all pages, as far as they are taken. */
  items<N extends OperationName>(name: N, list: ListOf<N>, given?: Given<N>): AsyncGenerator<ItemOf<N>>
}

/** @throws UsageError without an address or a token */
export async function openApi(options: Options, io: Pick<Io, 'note' | 'now'>): Promise<Client> {
  const session = openSession(process.env, () => io.now())
  const url =
    options.string('api') ??
    process.env['EDGELOOP_API'] ??
    process.env['AWS_ENDPOINT_URL'] ??
    session.lastApi()
  if (url === undefined)
    throw new UsageError('--api, EDGELOOP_API or AWS_ENDPOINT_URL is needed, or npx edgeloop login')
  if (!URL.canParse(url)) throw new UsageError(`--api: "${url}" is no URL`)
  return clientOf(
    url,
    () => session.token(url),
    line => io.note(line),
  )
}

function clientOf(url: string, token: () => Promise<string>, note: (line: string) => void): Client {
  const etags = new Map<string, string>()
  const call = async <N extends OperationName>(
    name: N,
    { path = {}, query = {}, body }: Given<N>,
    known: boolean,
  ): Promise<Answer & { readonly at: string }> => {
    const operation = api[name]
    const at = addressOf(url, operation.path, path, query)
    const answer = await send(
      {
        ...{ url: at, method: operation.method, token: await token() },
        ...(body === undefined ? {} : { body }),
        ...(known ? { etag: etags.get(at.href) } : {}),
      },
      note,
    )
    if (answer.etag !== undefined) etags.set(at.href, answer.etag)
    if (answer.status >= 400) throw errorOf(answer.status, answer.body, operation.scope)
    return { ...answer, at: at.pathname }
  }
  const read = <N extends OperationName>(
    name: N,
    { body, at }: Answer & { readonly at: string },
  ): AnswerOf<N> => {
    const parsed = api[name].answer.safeParse(body)
    if (parsed.success) return parsed.data as AnswerOf<N>
    const [issue] = parsed.error.issues
    throw new CloudError(
      `${at} was answered with something else than this command knows (${issue?.path.join('.')}: ${issue?.message}); is the stack of another version?`,
    )
  }
  const ask: Client['ask'] = async (name, given = {}) => read(name, await call(name, given, false))
  return {
    url,
    ask,
    async find(name, given = {}) {
      try {
        return await ask(name, given)
      } catch (error) {
        // 400: the name does not fit what such a thing may be called.
        if (error instanceof ApiProblem && [400, 404].includes(error.status)) return undefined
        throw error
      }
    },
    async changed(name, given = {}) {
      const answer = await call(name, given, true)
      return answer.status === 304 ? undefined : read(name, answer)
    },
    async *items(name, list, given = {}) {
      let cursor: string | undefined
      do {
        const query = { ...given.query, ...(cursor === undefined ? {} : { cursor }) } as typeof given.query
        const page = await ask(name, { ...given, ...(query === undefined ? {} : { query }) })
        yield* page[list] as never[]
        cursor = (page as { readonly next?: string | null }).next ?? undefined
      } while (cursor !== undefined)
    },
  }
}

function addressOf(
  base: string,
  template: string,
  path: Readonly<Record<string, string | number>>,
  query: Readonly<Record<string, Text>>,
): URL {
  const filled = template.replace(/\{(\w+)\}/g, (_, name: string) =>
    encodeURIComponent(String(path[name] ?? '')),
  )
  const url = new URL(filled, base)
  for (const [name, value] of Object.entries(query))
    if (value !== undefined) url.searchParams.set(name, String(value))
  return url
}

/** A list as far as --limit goes. @returns whether there are more */
export async function collect<N extends OperationName>(
  client: Client,
  options: Options,
  name: N,
  list: ListOf<N>,
  given: Given<N> = {},
): Promise<{ readonly items: readonly ItemOf<N>[]; readonly more: boolean }> {
  const limit = options.flag('all')
    ? Number.POSITIVE_INFINITY
    : whole('limit', options.string('limit'), 50, 1, 100_000)
  const query = { ...given.query, limit: Math.min(MAX_LIMIT, limit + 1) } as NonNullable<Given<N>['query']>
  const items: ItemOf<N>[] = []
  for await (const item of client.items(name, list, { ...given, query })) {
    if (items.length === limit) return { items, more: true }
    items.push(item)
  }
  return { items, more: false }
}
