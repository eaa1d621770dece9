/** docs/openapi.json as tests read it: operations with their requests, and what an answer must be. */
import { readFileSync } from 'node:fs'
import type { Ajv } from 'ajv'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import type { ExampleRequest } from '../../scripts/lib/openapi/examples.ts'

type Json = Readonly<Record<string, unknown>>
export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query' | 'header'
  readonly required: boolean
  readonly schema: Json
  readonly example: unknown
}
export interface Documented {
  readonly id: string
  readonly method: string
  readonly path: string
  readonly scope: string
  readonly parameters: readonly Parameter[]
  readonly body: { readonly schema: Json; readonly example: unknown } | undefined
  /** By status. */
  readonly responses: Readonly<Record<string, Response>>
}
interface Response {
  readonly headers: Readonly<Record<string, { readonly schema: Json }>>
  /** Schema by media type; none: no body. */
  readonly content: Readonly<Record<string, { readonly schema: Json; readonly example?: unknown }>>
}
/** An answer as it came. `body`: text. */
export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const file = new URL('../../docs/openapi.json', import.meta.url)
export const document = JSON.parse(readFileSync(file, 'utf8')) as Json

function pointer(ref: string): unknown {
  return ref
    .slice(2)
    .split('/')
    .reduce<unknown>((at, key) => (at as Json)[key.replaceAll('~1', '/').replaceAll('~0', '~')], document)
}
/** The thing itself, where it is a reference. */
export function resolved<T>(value: T): T {
  const ref = (value as { $ref?: unknown })['$ref']
  return typeof ref === 'string' ? resolved(pointer(ref) as T) : value
}
const mapped = <A, B>(of: Readonly<Record<string, A>> | undefined, to: (value: A) => B): Record<string, B> =>
  Object.fromEntries(Object.entries(of ?? {}).map(([key, value]) => [key, to(value)]))

export const documented: readonly Documented[] = Object.entries(
  document['paths'] as Readonly<Record<string, Readonly<Record<string, Json>>>>,
).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => {
    const [{ oauth2 }] = operation['security'] as [{ oauth2: [string] }]
    const body = operation['requestBody'] as { content: Record<string, { schema: Json; example: unknown }> }
    return {
      ...{ id: String(operation['operationId']), method: method.toUpperCase(), path, scope: oauth2[0] },
      parameters: (operation['parameters'] as Parameter[]).map(resolved),
      body: body?.content['application/json'],
      responses: mapped(operation['responses'] as Record<string, Response>, response => {
        const { headers, content } = resolved(response)
        return { headers: mapped(headers, resolved), content: content ?? {} }
      }),
    }
  }),
)

/** The request that the document shows. */
export function exampleRequest({ parameters, body }: Documented): ExampleRequest {
  const of = (place: string): Record<string, string> =>
    Object.fromEntries(
      parameters
        .filter(p => p.in === place && p.example !== undefined)
        .map(({ name, example }) => [name, String(example)]),
    )
  return { path: of('path'), query: of('query'), ...(body === undefined ? {} : { body: body.example }) }
}

/** Readers pass over fields that they do not know; to a closed schema each is a fault. */
type Reading = 'open' | 'closed'
function closed(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(closed)
  const inner = Object.fromEntries(Object.entries(value).map(([key, item]) => [key, closed(item)]))
  return 'properties' in value && 'type' in value && !('additionalProperties' in value)
    ? { ...inner, additionalProperties: false }
    : inner
}
const components = {
  open: document['components'],
  closed: closed(document['components']),
}
const ajv = new Ajv2020({ strict: false, allErrors: false })
;(formats as unknown as (ajv: Ajv) => void)(ajv as unknown as Ajv)
const compiled = new Map<string, ReturnType<typeof ajv.compile>>()

/** What is wrong with a value; undefined when nothing is. */
export function faultOf(schema: Json, value: unknown, reading: Reading = 'open'): string | undefined {
  const key = `${reading} ${JSON.stringify(schema)}`
  const validate = compiled.get(key) ?? ajv.compile({ ...schema, components: components[reading] })
  compiled.set(key, validate)
  return validate(value) ? undefined : ajv.errorsText(validate.errors)
}

/** What is wrong with an answer by the document; undefined when nothing is. */
export function answerFault(
  { responses }: Documented,
  { status, headers, body }: Answer,
  reading: Reading = 'open',
): string | undefined {
  const response = responses[status]
  if (response === undefined) return `status ${status} is not documented: ${body.slice(0, 300)}`
  const media = headers['content-type']?.split(';')[0] ?? ''
  for (const [name, { schema }] of Object.entries(response.headers)) {
    const value = headers[name.toLowerCase()]
    const fault = value === undefined ? undefined : faultOf(schema, value)
    if (fault !== undefined) return `${status} header ${name}: ${fault}`
  }
  if (Object.keys(response.content).length === 0)
    return body === '' ? undefined : `${status} has a body: ${body.slice(0, 300)}`
  const content = response.content[media]
  if (content === undefined) return `${status} with content type ${JSON.stringify(media)} is not documented`
  let value: unknown
  try {
    value = JSON.parse(body)
  } catch {
    return `${status} is not JSON: ${body.slice(0, 300)}`
  }
  const fault = faultOf(content.schema, value, reading)
  return fault === undefined ? undefined : `${status}: ${fault} in ${body.slice(0, 600)}`
}
