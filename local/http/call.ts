import { crc32 } from 'node:zlib'
import type { Iam } from '../core/services.ts'
import {
  AwsError,
  type CallContext,
  type JsonService,
  type Principal,
  type Realm,
  type RestResponse,
  type RestService,
} from '../core/types.ts'
import { type Route, route } from './dispatch.ts'
import { faultToAwsError, type Protocol, type RenderedError, renderError } from './errors.ts'
import { readSignature, type Signature, verifySignature } from './sigv4.ts'
import { headerValue, type WireRequest } from './sigv4-canonical.ts'
import { SignatureFault } from './sigv4-fault.ts'

export interface WireCall extends WireRequest {
  readonly requestId: string
}
export type Reply = RestResponse | RenderedError
export interface ServeOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'resolve' | 'authorize'>
  readonly services: readonly (JsonService | RestService)[]
  readonly publicPrefixes: readonly string[]
}

/** Nobody in particular: only a resource policy for everyone (`Principal: '*'`) lets it do anything. */
const anonymous: Principal = { arn: 'anonymous', kind: 'service' }

/** Answers one call. Never throws: every error becomes a reply in the protocol of the call. */
export async function serve(call: WireCall, options: ServeOptions): Promise<Reply> {
  const { realm } = options
  const amzTarget = headerValue(call, 'x-amz-target')
  const isForm = (headerValue(call, 'content-type') ?? '').startsWith('application/x-www-form-urlencoded')
  const read = readSafely(call)
  const signature = read instanceof SignatureFault ? undefined : read
  const signingName = read instanceof SignatureFault ? guessService(call) : signature?.scope.service
  const found = route(
    { amzTarget, signingName, isForm, path: call.rawPath },
    options.services,
    options.publicPrefixes,
  )
  const protocol = found.to === 'json' ? 'json' : found.protocol
  let reply: Reply
  try {
    if (read instanceof SignatureFault) throw read
    reply = await answer(call, found, signature, options)
  } catch (error) {
    reply = renderError(toAwsError(error, protocol, call, realm), protocol, call.requestId)
  }
  const id = protocol === 'rest-xml' ? 'x-amz-request-id' : 'x-amzn-requestid'
  return { ...reply, headers: { [id]: call.requestId, ...reply.headers } }
}

async function answer(
  call: WireCall,
  found: Route,
  signature: Signature | undefined,
  options: ServeOptions,
): Promise<Reply> {
  const { realm, iam } = options
  if (signature === undefined) {
    if (found.to === 'rest' && found.open)
      return await callRest(call, found.service, contextOf(anonymous, call, iam), call.body, {})
    throw new SignatureFault('missing', 'Missing Authentication Token')
  }
  const verified = verifySignature(call, signature, iam.resolve, realm.now())
  const context = contextOf(verified.principal, call, iam)
  if (found.to === 'nowhere') throw notImplemented(realm, found.missing)
  if (found.to === 'json')
    return await callJson(found.service, found.operation, verified.body, context, realm)
  return await callRest(call, found.service, context, verified.body, verified.trailers)
}

function contextOf(principal: Principal, call: WireCall, iam: Pick<Iam, 'authorize'>): CallContext {
  return {
    principal,
    requestId: call.requestId,
    authorize: (...needs) => iam.authorize(principal, needs),
  }
}

async function callJson(
  service: JsonService,
  operation: string,
  body: Buffer,
  context: CallContext,
  realm: Realm,
): Promise<RestResponse> {
  const run = Object.hasOwn(service.operations, operation) ? service.operations[operation] : undefined
  if (run === undefined) throw notImplemented(realm, `${service.name}: ${operation}`)
  const output = JSON.stringify((await run(parseInput(body), context)) ?? {})
  const headers: Record<string, string> = { 'content-type': `application/x-amz-json-${service.jsonVersion}` }
  if (service.targetPrefix.startsWith('DynamoDB')) headers['x-amz-crc32'] = String(crc32(output))
  return { status: 200, headers, body: output }
}

function parseInput(body: Buffer): Readonly<Record<string, unknown>> {
  if (body.length === 0) return {}
  let input: unknown
  try {
    input = JSON.parse(body.toString('utf8'))
  } catch {
    throw new AwsError('SerializationException', 'The request body is no valid JSON.')
  }
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    throw new AwsError('SerializationException', 'The request body must be a JSON object.')
  return input as Readonly<Record<string, unknown>>
}

async function callRest(
  call: WireCall,
  service: RestService,
  context: CallContext,
  body: Buffer,
  trailers: Readonly<Record<string, string>>,
): Promise<RestResponse> {
  const headers: Record<string, string> = {}
  for (const [name, value] of call.rawHeaders) {
    const key = name.toLowerCase()
    headers[key] = headers[key] === undefined ? value : `${headers[key]}, ${value}`
  }
  const query = new URLSearchParams(call.rawQuery)
  const { method, rawPath } = call
  return await service.handle({ method, rawPath, query, headers, body, trailers }, context)
}

function readSafely(call: WireCall): Signature | undefined | SignatureFault {
  try {
    return readSignature(call)
  } catch (error) {
    if (error instanceof SignatureFault) return error
    throw error
  }
}

/** An unreadable signature still deserves its answer in the right format; presigned URLs are S3's. */
function guessService(call: WireCall): string {
  const text = headerValue(call, 'authorization') ?? ''
  return /Credential=[^,\s]*?\/([a-z0-9-]+)\/aws4_request/.exec(text)?.[1] ?? 's3'
}

function notImplemented(realm: Realm, what: string): AwsError {
  const message = `The local cloud does not implement ${what}.`
  realm.log({ level: 'warn', service: 'front', message })
  return new AwsError('NotImplemented', message, 501)
}

function toAwsError(error: unknown, protocol: Protocol, call: WireCall, realm: Realm): AwsError {
  if (error instanceof AwsError) {
    if (error.code === 'NotImplemented')
      realm.log({ level: 'warn', service: 'front', message: error.message })
    return error
  }
  if (error instanceof SignatureFault) return faultToAwsError(error, protocol)
  realm.log({
    level: 'error',
    service: 'front',
    message: `${call.method} ${call.rawPath} failed: ${error instanceof Error ? error.message : String(error)}`,
    stack: error instanceof Error ? error.stack : undefined,
    requestId: call.requestId,
  })
  const code = protocol === 'rest-xml' ? 'InternalError' : 'InternalFailure'
  return new AwsError(code, 'We encountered an internal error. Please try again.', 500)
}
