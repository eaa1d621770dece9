import type { JsonService, RestService } from '../core/types.ts'
import type { Protocol } from './errors.ts'

/** Where a request goes, decided before its signature is checked, so that a refusal has the right format. */
export type Route =
  | { readonly to: 'json'; readonly service: JsonService; readonly operation: string }
  | {
      readonly to: 'rest'
      readonly service: RestService
      readonly protocol: Protocol
      readonly open: boolean
    }
  | { readonly to: 'nowhere'; readonly protocol: Protocol; readonly missing: string }

export interface Target {
  readonly amzTarget: string | undefined
  /** Service name of the SigV4 scope; `undefined` for an unsigned request. */
  readonly signingName: string | undefined
  readonly isForm: boolean
  readonly path: string
}

const protocolByService: Readonly<Record<string, Protocol>> = { s3: 'rest-xml', sts: 'query' }

export function route(
  target: Target,
  services: readonly (JsonService | RestService)[],
  publicPrefixes: readonly string[],
): Route {
  if (target.amzTarget !== undefined) {
    const dot = target.amzTarget.lastIndexOf('.')
    const prefix = target.amzTarget.slice(0, Math.max(dot, 0))
    const operation = target.amzTarget.slice(dot + 1)
    const service = services.find(entry => entry.kind === 'json' && entry.targetPrefix === prefix)
    return service?.kind === 'json'
      ? { to: 'json', service, operation }
      : { to: 'nowhere', protocol: 'json', missing: `${prefix || 'an unnamed service'} (${operation})` }
  }
  const rest = services.filter(entry => entry.kind === 'rest')
  if (target.signingName === undefined) {
    const open = rest.find(entry => entry.name === 'http')
    if (open !== undefined && publicPrefixes.some(prefix => underPrefix(target.path, prefix)))
      return { to: 'rest', service: open, protocol: 'rest-json', open: true }
    const protocol = target.isForm ? 'query' : 'rest-json'
    return { to: 'nowhere', protocol, missing: 'an unsigned request' }
  }
  const name = target.signingName
  const service = rest.find(entry => entry.signingNames.includes(name))
  const protocol = target.isForm && name !== 's3' ? 'query' : (protocolByService[name] ?? 'rest-json')
  return service === undefined
    ? { to: 'nowhere', protocol, missing: `the service ${name}` }
    : { to: 'rest', service, protocol, open: false }
}

function underPrefix(path: string, prefix: string): boolean {
  return path.startsWith(prefix) || `${path}/` === prefix
}
