import * as z from 'zod'
import { fieldSample } from '../mqtt.ts'
import { fleetName, modelName, sha256, thingName } from '../names.ts'
import type { Scope } from '../scopes.ts'

/** A time in an answer. */
export const time = z.string().meta({ description: 'ISO time', format: 'date-time' })
/** A whole number that came as text. */
export const wholeText = (min: number, max: number) =>
  z
    .string()
    .regex(/^[0-9]{1,12}$/, `a whole number from ${min} to ${max}`)
    .transform(Number)
    .pipe(z.int().min(min).max(max))
export const flagText = z
  .enum(['true', 'false'])
  .transform(v => v === 'true')
  .pipe(z.boolean())
export const queueName = z
  .string()
  .regex(/^[a-z][a-z-]{1,40}$/, 'lower-case letters and hyphens')
  .describe('Name of the queue without service and stage, such as `reports-dead`')

/** What a path names, with the pattern that it must fit. */
export const pathParameters = {
  serial: thingName,
  thing: thingName,
  model: modelName,
  fleet: fleetName,
  version: wholeText(1, 1_000_000),
  window: wholeText(0, 100_000_000_000),
  review: z
    .string()
    .regex(/^[a-z0-9-]{1,30}\.[A-Za-z0-9_-]{1,64}$/, 'MODEL.EVENT-ID, as the list has it')
    .max(128),
  rollout: z.string().regex(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens, at most 64'),
  decision: z.string().regex(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens, at most 64'),
  eventId: fieldSample.shape.eventId,
  digest: sha256,
  queue: queueName,
} as const
export type PathParameter = keyof typeof pathParameters

export const DEFAULT_LIMIT = 50
export const MAX_LIMIT = 500
/** Of every list. A list that filters may give fewer than `limit` although there are more: `next` says whether. */
export const paging = {
  limit: wholeText(1, MAX_LIMIT)
    .optional()
    .describe(`Most items of one answer, 1 to ${MAX_LIMIT}; ${DEFAULT_LIMIT} unless given`),
  cursor: z.string().min(1).max(2_048).optional().describe('`next` of the page before'),
}
export const page = <N extends string, T extends z.ZodType>(name: N, item: T) =>
  z.object({
    ...({ [name]: z.array(item) } as Record<N, z.ZodArray<T>>),
    next: z.string().nullable().describe('Cursor of the next page; null: there is none'),
  })
export type Paged = { readonly limit?: number | undefined; readonly cursor?: string | undefined }

type Names<P extends string> = P extends `${string}{${infer N}}${infer R}` ? N | Names<R> : never
/** Parameters of a path template, parsed. */
export type PathOf<P extends string> = {
  readonly [N in Names<P> & PathParameter]: z.infer<(typeof pathParameters)[N]>
}

export interface Operation<
  P extends string = string,
  Q extends z.ZodObject = z.ZodObject,
  B extends z.ZodType = z.ZodType,
  A extends z.ZodType = z.ZodType,
> {
  readonly id: string
  readonly method: 'GET' | 'POST' | 'PUT'
  readonly path: P
  readonly scope: Scope
  readonly tag: string
  readonly summary: string
  readonly description?: string
  readonly query: Q
  /** Of commands. */
  readonly body?: B
  /** 202: committed, and the rest follows from its event. */
  readonly status: 200 | 202
  readonly answer: A
  /** Beside those that every operation of its kind has. */
  readonly problems?: readonly (403 | 404 | 409 | 410)[]
  /** Which function answers. */
  readonly function: 'opsQuery' | 'opsCommand' | 'opsQueues'
  /** A request that the documentation shows, and tests send. `{bundle}` is filled in: it has another name in every run. */
  readonly example?: {
    readonly path?: Readonly<Record<string, string>>
    readonly query?: Readonly<Record<string, string>>
    readonly body?: unknown
  }
}

type Given<P extends string, Q extends z.ZodRawShape, A extends z.ZodType> = Omit<
  Operation<P, z.ZodObject<Q>, z.ZodType, A>,
  'method' | 'query' | 'body' | 'status' | 'function' | 'scope'
> & { readonly query?: Q; readonly scope?: Scope; readonly function?: Operation['function'] }

/** A question. */
export const question = <
  const P extends string,
  A extends z.ZodType,
  // biome-ignore lint/complexity/noBannedTypes: the shape of no parameters
  const Q extends z.ZodRawShape = {},
>({
  query,
  ...rest
}: Given<P, Q, A>): Operation<P, z.ZodObject<Q, z.core.$strict>, z.ZodType, A> => ({
  ...{ method: 'GET', scope: 'fleet:read', function: 'opsQuery', status: 200 },
  ...rest,
  query: z.strictObject(query ?? ({} as Q)),
})

/** A command; every one leaves an audit record. */
export const command = <const P extends string, B extends z.ZodType, A extends z.ZodType>(
  given: Omit<Operation<P, z.ZodObject, B, A>, 'query' | 'function' | 'method' | 'body'> & {
    readonly body: B
    readonly method?: 'PUT'
    readonly function?: Operation['function']
  },
) => ({
  ...{ method: 'POST' as 'POST' | 'PUT', function: 'opsCommand' as Operation['function'] },
  ...given,
  query: z.strictObject({}),
})
