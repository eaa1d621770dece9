/** Route keys of an HTTP API and which of them a request selects. */
import { AwsError } from '../core/types.ts'

export interface RoutePattern {
  readonly key: string
  /** Upper-case method, `ANY`, or undefined for `$default`. */
  readonly method: string | undefined
  readonly segments: readonly string[]
}

const METHODS = new Set(['ANY', 'GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

/** Parses `METHOD /path` or `$default`. Throws AwsError BadRequestException naming the key. */
export function parseRouteKey(key: string): RoutePattern {
  if (key === '$default') return { key, method: undefined, segments: [] }
  const [method = '', path = '', ...rest] = key.split(' ')
  const segments = split(path)
  const badSegment = segments.find(
    (segment, at) =>
      /[{}]/.test(segment) &&
      (!/^\{[A-Za-z0-9._:-]+\+?\}$/.test(segment) || (segment.endsWith('+}') && at < segments.length - 1)),
  )
  if (!METHODS.has(method) || !path.startsWith('/') || rest.length > 0 || badSegment !== undefined)
    throw new AwsError(
      'BadRequestException',
      `The provided route key "${key}" is not formatted properly: use "METHOD /path/{name}/{rest+}" or "$default".`,
    )
  return { key, method, segments }
}

export interface Selection<Route> {
  readonly route: Route
  readonly pathParameters: Readonly<Record<string, string>> | undefined
}

/**
 * The most specific route that fits: full matches before greedy ones, literal segments before variables, the
 * method itself before ANY, `$default` last. `path` must already be percent-decoded per segment.
 */
export function selectRoute<Route extends { readonly pattern: RoutePattern }>(
  routes: Iterable<Route>,
  method: string,
  path: readonly string[],
): Selection<Route> | undefined {
  let best: { selection: Selection<Route>; rank: string } | undefined
  for (const route of routes) {
    const { pattern } = route
    if (pattern.method !== undefined && pattern.method !== 'ANY' && pattern.method !== method) continue
    const pathParameters = pattern.method === undefined ? {} : matchSegments(pattern.segments, path)
    if (!pathParameters) continue
    const rank = specificity(pattern)
    if (best && best.rank >= rank) continue
    const named = Object.keys(pathParameters).length > 0
    best = { rank, selection: { route, pathParameters: named ? pathParameters : undefined } }
  }
  return best?.selection
}

/** Sorts as text: higher is more specific. */
function specificity({ method, segments }: RoutePattern): string {
  if (method === undefined) return '0'
  const greedy = segments.at(-1)?.endsWith('+}') ?? false
  const shape = segments.map(each => (each.endsWith('+}') ? '0' : each.startsWith('{') ? '1' : '2')).join('')
  return `${greedy ? '1' : '2'}:${shape}:${method === 'ANY' ? '0' : '1'}`
}

function matchSegments(
  pattern: readonly string[],
  path: readonly string[],
): Record<string, string> | undefined {
  const found: Record<string, string> = {}
  for (const [at, segment] of pattern.entries()) {
    const given = path[at]
    if (segment.endsWith('+}')) {
      const rest = path.slice(at).join('/')
      if (rest === '') return undefined
      found[segment.slice(1, -2)] = rest
      return found
    }
    if (given === undefined) return undefined
    if (segment.startsWith('{')) {
      if (given === '') return undefined
      found[segment.slice(1, -1)] = given
    } else if (segment !== given) return undefined
  }
  return pattern.length === path.length ? found : undefined
}

/** Segments of a path without its leading slash; `/` is one empty segment. */
export const split = (path: string): string[] => path.replace(/^\//, '').split('/')
