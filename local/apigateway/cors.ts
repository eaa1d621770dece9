/** `CorsConfiguration` of an HTTP API: with it, API Gateway answers preflights itself and owns the CORS headers. */
import type { RestRequest } from '../core/types.ts'
import { list, number, record } from '../events/read.ts'

export interface Cors {
  /** Headers of a preflight answer, or undefined when the request is not a preflight. */
  preflight(request: RestRequest): Record<string, string> | undefined
  /** The function's headers with its CORS headers replaced by the API's own. */
  apply(request: RestRequest, headers: Readonly<Record<string, string>>): Record<string, string>
}

/** Undefined when the API has no CORS configuration: functions then set the headers themselves. */
export function createCors(properties: unknown): Cors | undefined {
  const given = record(properties)
  if (Object.keys(given).length === 0) return undefined
  const origins = list(given['AllowOrigins']).map(String)
  const methods = list(given['AllowMethods']).map(each => String(each).toUpperCase())
  const allowHeaders = list(given['AllowHeaders']).map(each => String(each).toLowerCase())
  const expose = list(given['ExposeHeaders']).map(each => String(each).toLowerCase())
  const credentials = given['AllowCredentials'] === true || given['AllowCredentials'] === 'true'
  const maxAge = number(given['MaxAge'])

  const common = (request: RestRequest): Record<string, string> => {
    const origin = request.headers['origin']
    if (origin === undefined || !origins.some(each => covers(each, origin))) return {}
    return {
      'access-control-allow-origin': origins.includes('*') && !credentials ? '*' : origin,
      ...(credentials && { 'access-control-allow-credentials': 'true' }),
      ...(expose.length > 0 && { 'access-control-expose-headers': expose.join(',') }),
      ...(!origins.includes('*') && { vary: 'origin' }),
    }
  }
  return {
    preflight(request) {
      const wanted = request.headers['access-control-request-method']
      if (request.method !== 'OPTIONS' || request.headers['origin'] === undefined || wanted === undefined)
        return undefined
      const headers = common(request)
      if (Object.keys(headers).length === 0) return {}
      if (methods.length > 0) headers['access-control-allow-methods'] = methods.join(',')
      if (allowHeaders.length > 0) headers['access-control-allow-headers'] = allowHeaders.join(',')
      if (maxAge !== undefined) headers['access-control-max-age'] = String(maxAge)
      return headers
    },
    apply(request, headers) {
      const own = Object.entries(headers).filter(([name]) => !name.startsWith('access-control-'))
      return { ...Object.fromEntries(own), ...common(request) }
    },
  }
}

/** `*`, an exact origin, or one with a leading wildcard: `https://*`, `http://*`, `https://*.example.com`. */
function covers(allowed: string, origin: string): boolean {
  const [before = '', after] = allowed.split('*')
  if (after === undefined) return allowed === origin
  return origin.length >= before.length + after.length && origin.startsWith(before) && origin.endsWith(after)
}
