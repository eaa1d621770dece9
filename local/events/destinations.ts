/**
 * Connections and API destinations: rule targets behind HTTP. Reference: EventBridge user guide, "API destinations as
 * targets"; API reference, CreateConnection and CreateApiDestination.
 */
import { createHash } from 'node:crypto'
import { AwsError, type Realm } from '../core/types.ts'
import { type HttpRequest, postEvent } from './http-target.ts'
import { type Json, number, record, text } from './read.ts'

/** AWS gives an endpoint five seconds for its answer. */
const TIMEOUT_MS = 5_000
/** EventBridge's own default for InvocationRateLimitPerSecond. */
const DEFAULT_RATE = 300
const HEADER_TEXT = /^[!-~]([ -~]*[!-~])?$/
const CONNECTION = 'Name Description AuthorizationType AuthParameters'
const DESTINATION =
  'Name Description ConnectionArn HttpMethod InvocationEndpoint InvocationRateLimitPerSecond'

interface Destination {
  readonly request: Omit<HttpRequest, 'body' | 'timeoutMs'>
  readonly pauseMs: number
  /** When its rate has room for another call, by the clock. */
  free: number
}
/** `arnForPolicy` is `arn` without its generated end. */
export interface MadeDestination {
  readonly arn: string
  readonly arnForPolicy: string
}

/** `clock` is in ms and never goes back. */
export function createDestinations(realm: Realm, timeoutMs = TIMEOUT_MS, clock = () => performance.now()) {
  const connections = new Map<string, Readonly<Record<string, string>>>()
  const destinations = new Map<string, Destination>()

  const arnsOf = (kind: string, name: string): MadeDestination => {
    const arnForPolicy = `arn:aws:events:${realm.region}:${realm.accountId}:${kind}/${name}`
    const digest = createHash('sha256').update(arnForPolicy).digest('hex')
    const id = digest.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')
    return { arn: `${arnForPolicy}/${id}`, arnForPolicy }
  }

  return {
    /** Properties of AWS::Events::Connection, with an API key. Throws AwsError ValidationException naming the property. */
    createConnection(properties: Json): MadeDestination {
      const { name, fail } = start('Connection', properties, CONNECTION)
      const type = text(properties['AuthorizationType'])
      if (type !== 'API_KEY')
        throw fail(`AuthorizationType ${String(type)} is not run by the local cloud; API_KEY is`)
      const auth = record(properties['AuthParameters'])
      const key = record(auth['ApiKeyAuthParameters'])
      const other = Object.keys(auth).find(each => each !== 'ApiKeyAuthParameters')
      if (other) throw fail(`AuthParameters.${other} is not run by the local cloud`)
      for (const each of ['ApiKeyName', 'ApiKeyValue'])
        if (!HEADER_TEXT.test(text(key[each]) ?? '') || String(key[each]).length > 512)
          throw fail(`AuthParameters.ApiKeyAuthParameters.${each} must be 1 to 512 characters of a header`)
      if (!/^[A-Za-z0-9-]+$/.test(String(key['ApiKeyName'])))
        throw fail('AuthParameters.ApiKeyAuthParameters.ApiKeyName must be the name of a header')
      const arns = arnsOf('connection', name)
      if (connections.has(arns.arn))
        throw new AwsError('ResourceAlreadyExistsException', `Connection ${name} already exists.`)
      connections.set(arns.arn, { [String(key['ApiKeyName'])]: String(key['ApiKeyValue']) })
      return arns
    },

    /**
     * Properties of AWS::Events::ApiDestination. AWS takes https only; here http to 127.0.0.1 is taken too. Throws
     * AwsError ValidationException naming the property, ResourceNotFoundException for an unknown connection.
     */
    createApiDestination(properties: Json): MadeDestination {
      const { name, fail } = start('ApiDestination', properties, DESTINATION)
      const headers = connections.get(text(properties['ConnectionArn']) ?? '')
      if (!headers)
        throw new AwsError(
          'ResourceNotFoundException',
          `ApiDestination ${name}: there is no connection ${String(properties['ConnectionArn'])}.`,
        )
      if (properties['HttpMethod'] !== 'POST')
        throw fail(`HttpMethod ${String(properties['HttpMethod'])} is not run by the local cloud; POST is`)
      const endpoint = text(properties['InvocationEndpoint']) ?? ''
      const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined
      if (url?.protocol !== 'https:' && !(url?.protocol === 'http:' && url.hostname === '127.0.0.1'))
        throw fail(`InvocationEndpoint "${endpoint}" must be https://, or http:// to 127.0.0.1 here`)
      if (url.username !== '' || endpoint.includes('*'))
        throw fail('InvocationEndpoint with a user or with * is not run by the local cloud')
      const rate = number(properties['InvocationRateLimitPerSecond'] ?? DEFAULT_RATE)
      if (rate === undefined || !Number.isInteger(rate) || rate < 1)
        throw fail('InvocationRateLimitPerSecond must be a whole number of at least 1')
      const arns = arnsOf('api-destination', name)
      if (destinations.has(arns.arn))
        throw new AwsError('ResourceAlreadyExistsException', `ApiDestination ${name} already exists.`)
      destinations.set(arns.arn, { request: { url, headers }, pauseMs: 1000 / rate, free: 0 })
      return arns
    },

    has: (arn: string): boolean => destinations.has(arn),

    /** Takes a place in the destination's rate; returns the ms to wait until it comes. */
    reserve(arn: string): number {
      const to = destinations.get(arn)
      if (!to) return 0
      const now = clock()
      const at = Math.max(now, to.free)
      to.free = at + to.pauseMs
      return at - now
    },

    /** Resolves on 2xx. Throws HttpFailure, or AwsError ResourceNotFoundException. */
    async invoke(arn: string, body: string): Promise<void> {
      const to = destinations.get(arn)
      if (!to) throw new AwsError('ResourceNotFoundException', `There is no API destination ${arn}.`, 404)
      await postEvent({ ...to.request, body, timeoutMs })
    },
  }
}
export type Destinations = ReturnType<typeof createDestinations>

function start(kind: string, properties: Json, known: string) {
  const name = text(properties['Name']) ?? ''
  const fail = (reason: string): AwsError =>
    new AwsError('ValidationException', `${kind} ${name || '(no name)'}: ${reason}.`)
  if (!/^[.\-_A-Za-z0-9]{1,64}$/.test(name))
    throw fail('Name must be 1 to 64 characters of letters, digits, ".", "-" and "_"')
  const unknown = Object.keys(properties).find(each => !known.split(' ').includes(each))
  if (unknown) throw fail(`${unknown} is not run by the local cloud`)
  return { name, fail }
}
