import { type AuthzRequest, AwsError, type RestRequest } from '../../core/types.ts'

/** A request to the control plane, taken apart by its route. */
export interface ControlCall {
  /** Path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly headers: Readonly<Record<string, string>>
  readonly body: Readonly<Record<string, unknown>>
}
export interface ControlOperation {
  /** ARN for the IAM check of `iot:Operation`, `*` where AWS defines no resource for it. */
  resource(call: ControlCall): string
  /** What the call needs besides. */
  needs?(call: ControlCall): readonly AuthzRequest[]
  run(call: ControlCall): unknown
}
export type ControlOperations = Readonly<Record<string, ControlOperation>>

export const invalidRequest = (message: string) => new AwsError('InvalidRequestException', message, 400)
export const notFound = (message: string) => new AwsError('ResourceNotFoundException', message, 404)
export const alreadyExists = (message: string, resourceId: string, resourceArn: string) =>
  new AwsError('ResourceAlreadyExistsException', message, 409, { resourceId, resourceArn })

/** The request's JSON object; an empty body is an empty object. */
export const readBody = (request: RestRequest): Readonly<Record<string, unknown>> => {
  if (request.body.length === 0) return {}
  let parsed: unknown
  try {
    parsed = JSON.parse(request.body.toString('utf8'))
  } catch {
    throw invalidRequest('the body is not JSON')
  }
  return asRecord(parsed, 'the body')
}

export const asRecord = (value: unknown, what: string): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalidRequest(`${what} must be an object`)
  return value as Record<string, unknown>
}

export const optionalRecord = (
  value: unknown,
  what: string,
): Readonly<Record<string, unknown>> | undefined =>
  value === undefined || value === null ? undefined : asRecord(value, what)

export const optionalText = (value: unknown, what: string): string | undefined => {
  if (value === undefined || value === null) return undefined
  if (typeof value !== 'string') throw invalidRequest(`${what} must be a string`)
  return value
}

export const requiredText = (value: unknown, what: string): string => {
  const text = optionalText(value, what)
  if (text === undefined || text === '') throw invalidRequest(`${what} is required`)
  return text
}

const NAME = /^[a-zA-Z0-9:_-]{1,128}$/
/** Name of a thing or thing type. */
export const checkName = (name: string, what: string): string => {
  if (!NAME.test(name)) throw invalidRequest(`${what} must match ${NAME.source}; got ${JSON.stringify(name)}`)
  return name
}

/** Epoch seconds, as rest-json writes times. */
export const seconds = (milliseconds: number): number => milliseconds / 1000

/** One page of items in the order of their keys; a token names the last key of the page before. */
export const pageOf = <T>(
  items: readonly T[],
  key: (item: T) => string,
  limitText: string | null,
  token: string | null,
  descending = false,
): { readonly items: readonly T[]; readonly next: string | undefined } => {
  const limit = limitText === null ? 250 : Number(limitText)
  if (!Number.isInteger(limit) || limit < 1 || limit > 250)
    throw invalidRequest(
      `the page size must be a whole number from 1 to 250; got ${JSON.stringify(limitText)}`,
    )
  const order = (a: string, b: string) => (a === b ? 0 : a < b !== descending ? -1 : 1)
  const sorted = items.toSorted((a, b) => order(key(a), key(b)))
  const after = token === null ? undefined : Buffer.from(token, 'base64url').toString('utf8')
  const rest = after === undefined ? sorted : sorted.filter(item => order(key(item), after) > 0)
  const page = rest.slice(0, limit)
  const last = page.at(-1)
  const more = rest.length > page.length && last !== undefined
  return { items: page, next: more ? Buffer.from(key(last), 'utf8').toString('base64url') : undefined }
}
