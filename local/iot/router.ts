import { AwsError, type CallContext, type RestRequest, type RestResponse } from '../core/types.ts'

/** What a route list says about a request. */
export interface RouteMatch {
  readonly operation: string
  /** Path parameters, decoded. */
  readonly path: Readonly<Record<string, string>>
}

interface Route {
  readonly method: string
  readonly segments: readonly string[]
  readonly operation: string
}

/**
 * Compiles lines of `METHOD /path/{parameter} Operation`; `{x+}` at the end takes the rest of the path. Where two
 * routes match, the one with a literal segment earlier wins: `/things/{name}` loses to `/things/all`.
 */
export const createRouter = (
  lines: string,
): ((method: string, rawPath: string) => RouteMatch | undefined) => {
  const routes = lines
    .trim()
    .split('\n')
    .map((line): Route => {
      const [method = '', path = '', operation = ''] = line.split(' ')
      return { method, segments: path.slice(1).split('/'), operation }
    })
    .toSorted((a, b) => rank(a).localeCompare(rank(b)))
  return (method, rawPath) => {
    const given = rawPath.replace(/^\//, '').split('/')
    for (const route of routes) {
      const path = route.method === method ? matchSegments(route.segments, given) : undefined
      if (path) return { operation: route.operation, path }
    }
    return undefined
  }
}

const rank = ({ segments }: Route): string =>
  segments.map(segment => (segment.endsWith('+}') ? '2' : segment.startsWith('{') ? '1' : '0')).join('')

const matchSegments = (
  wanted: readonly string[],
  given: readonly string[],
): Readonly<Record<string, string>> | undefined => {
  const path: Record<string, string> = {}
  for (const [at, segment] of wanted.entries()) {
    const isRest = segment.endsWith('+}')
    const value = isRest ? given.slice(at).join('/') : given[at]
    if (value === undefined) return undefined
    if (!segment.startsWith('{')) {
      if (segment !== value) return undefined
      continue
    }
    if (value === '') return undefined
    path[segment.slice(1, isRest ? -2 : -1)] = decode(value)
    if (isRest) return path
  }
  return wanted.length === given.length ? path : undefined
}

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment)
  } catch {
    throw new AwsError('InvalidRequestException', 'the path is not valid percent-encoding', 400)
  }
}

/** The answer to an operation that has a route but no handler, or no route. */
export const notImplemented = (operation: string | undefined, request: RestRequest): AwsError =>
  new AwsError(
    'NotImplemented',
    `iot:${operation ?? `${request.method} ${request.rawPath}`} is not implemented by the local cloud`,
    501,
  )

/** A rest-json answer. Undefined members are left out, as JSON.stringify does. */
export const jsonResponse = (output: unknown): RestResponse => ({
  status: 200,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(output ?? {}),
})

/** One permission on one resource. */
export const authorizeOne = (ctx: CallContext, action: string, resource: string): void =>
  ctx.authorize({ action, resource })
