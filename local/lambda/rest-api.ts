/**
 * The part of the Lambda API that tools use: Invoke, GetFunction, GetFunctionConfiguration, ListFunctions,
 * PutFunctionConcurrency, DeleteFunctionConcurrency, GetAccountSettings.
 */
import {
  AwsError,
  type CallContext,
  type RestRequest,
  type RestResponse,
  type RestService,
} from '../core/types.ts'
import type { Outcome } from './execute.ts'
import type { FunctionConfig } from './types.ts'

export interface RestApiOptions {
  readonly functions: () => readonly FunctionConfig[]
  readonly find: (nameOrArn: string) => FunctionConfig | undefined
  readonly run: (fn: FunctionConfig, payload: Buffer, requestId: string) => Promise<Outcome>
  readonly accept: (fn: FunctionConfig, payload: Buffer, requestId: string) => void
  /** Undefined takes a reservation back. */
  readonly reserve: (fn: FunctionConfig, concurrency: number | undefined) => void
}

const prefix = '/2015-03-31/functions'

export function createRestApi(options: RestApiOptions): RestService {
  return {
    kind: 'rest',
    name: 'lambda',
    signingNames: ['lambda'],
    async handle(request, ctx) {
      const concurrency = /^\/2017-10-31\/functions\/([^/]+)\/concurrency$/.exec(request.rawPath)?.[1]
      if (concurrency !== undefined) return reserve(decodeURIComponent(concurrency), request, ctx, options)
      if (request.rawPath === '/2016-08-19/account-settings') {
        ctx.authorize({ action: 'lambda:GetAccountSettings', resource: '*' })
        return json(200, { AccountLimit: { ConcurrentExecutions: 1000 }, AccountUsage: {} })
      }
      const [name, ...rest] = request.rawPath.startsWith(prefix)
        ? request.rawPath.slice(prefix.length).split('/').slice(1).map(decodeURIComponent)
        : []
      const operation = `${request.method} ${rest.join('/')}`.trim()
      if (request.method === 'GET' && (name === undefined || name === '')) return listFunctions(ctx, options)
      if (name === undefined) throw notImplemented(request)
      if (operation === 'POST invocations') return invoke(name, request, ctx, options)
      if (operation === 'GET') {
        const fn = known(name, 'lambda:GetFunction', ctx, options)
        return json(200, { Configuration: configuration(fn), Tags: {} })
      }
      if (operation === 'GET configuration')
        return json(200, configuration(known(name, 'lambda:GetFunctionConfiguration', ctx, options)))
      throw notImplemented(request)
    },
  }
}

async function invoke(
  name: string,
  request: RestRequest,
  ctx: CallContext,
  options: RestApiOptions,
): Promise<RestResponse> {
  const fn = known(name, 'lambda:InvokeFunction', ctx, options)
  const type = request.headers['x-amz-invocation-type'] ?? 'RequestResponse'
  const headers = { 'x-amz-executed-version': '$LATEST' }
  if (type === 'DryRun') return { status: 204, headers }
  if (type !== 'RequestResponse' && type !== 'Event')
    throw new AwsError('InvalidParameterValueException', `InvocationType ${type} is not known.`)
  assertPayload(request.body, type === 'Event' ? asyncLimit : syncLimit)
  if (type === 'Event') {
    options.accept(fn, request.body, ctx.requestId)
    return { status: 202, headers, body: '' }
  }
  const outcome = await options.run(fn, request.body, ctx.requestId)
  return {
    status: 200,
    headers: {
      ...headers,
      'content-type': 'application/json',
      ...(outcome.functionError && { 'x-amz-function-error': outcome.functionError }),
      ...(request.headers['x-amz-log-type'] === 'Tail' && { 'x-amz-log-result': logResult(outcome) }),
    },
    body: outcome.payload,
  }
}

function reserve(
  name: string,
  request: RestRequest,
  ctx: CallContext,
  options: RestApiOptions,
): RestResponse {
  if (request.method === 'DELETE') {
    options.reserve(known(name, 'lambda:DeleteFunctionConcurrency', ctx, options), undefined)
    return { status: 204 }
  }
  if (request.method !== 'PUT') throw notImplemented(request)
  const fn = known(name, 'lambda:PutFunctionConcurrency', ctx, options)
  const { ReservedConcurrentExecutions: n } = JSON.parse(request.body.toString()) as Record<string, unknown>
  if (typeof n !== 'number' || !Number.isInteger(n) || n < 0)
    throw new AwsError(
      'InvalidParameterValueException',
      'ReservedConcurrentExecutions must be a whole number from 0',
    )
  options.reserve(fn, n)
  return json(200, { ReservedConcurrentExecutions: n })
}

/** Documented limits of an event, in bytes. */
export const syncLimit = 6 * 1024 * 1024
export const asyncLimit = 1024 * 1024

/** Throws AwsError RequestTooLargeException or InvalidRequestContentException. */
export function assertPayload(payload: Buffer, limit: number): void {
  if (payload.length > limit)
    throw new AwsError(
      'RequestTooLargeException',
      `${payload.length} byte payload is too large for the function (limit ${limit} bytes)`,
      413,
    )
  if (payload.length === 0) return
  try {
    JSON.parse(payload.toString('utf8'))
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new AwsError('InvalidRequestContentException', `Could not parse request body into json: ${reason}`)
  }
}

/** The last 4 KB of the log, as `LogType: Tail` gives them. */
function logResult({ logTail }: Outcome): string {
  return Buffer.from(logTail.join('\n')).subarray(-4096).toString('base64')
}

function known(name: string, action: string, ctx: CallContext, options: RestApiOptions): FunctionConfig {
  const fn = options.find(name)
  if (!fn)
    throw new AwsError('ResourceNotFoundException', `Function not found: ${name}`, 404, { Type: 'User' })
  ctx.authorize({ action, resource: fn.arn })
  return fn
}

function listFunctions(ctx: CallContext, options: RestApiOptions): RestResponse {
  ctx.authorize({ action: 'lambda:ListFunctions', resource: '*' })
  return json(200, { Functions: options.functions().map(configuration), NextMarker: null })
}

const configuration = (fn: FunctionConfig) => ({
  FunctionName: fn.name,
  FunctionArn: fn.arn,
  Runtime: fn.runtime,
  Handler: fn.handler,
  MemorySize: fn.memoryMb,
  Timeout: fn.timeoutSeconds,
  Version: '$LATEST',
  State: 'Active',
  PackageType: 'Zip',
  Environment: { Variables: fn.environment },
  LoggingConfig: { LogFormat: fn.logFormat, LogGroup: fn.logGroup },
})

const json = (status: number, body: unknown): RestResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})

const notImplemented = (request: RestRequest): AwsError =>
  new AwsError(
    'NotImplemented',
    `lambda: ${request.method} ${request.rawPath} is not implemented by the local cloud`,
    501,
  )
