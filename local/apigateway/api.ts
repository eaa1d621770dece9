/** One HTTP API: its routes, authorizers and integrations, and the way a request takes through them. */
import { randomUUID } from 'node:crypto'
import type { LambdaHost } from '../core/services.ts'
import { AwsError, type Realm, type RestRequest, type RestResponse } from '../core/types.ts'
import { type Json, list, number, record, text } from '../events/read.ts'
import { createCors } from './cors.ts'
import { createJwtAuthorizer, type JwtAuthorizer } from './jwt.ts'
import { proxyEvent, proxyResponse } from './payload.ts'
import { parseRouteKey, type RoutePattern, selectRoute, split } from './routes.ts'
import { createThrottle, type Throttle } from './throttle.ts'

export type Invoke = LambdaHost['invoke']

interface Integration {
  readonly functionArn: string
  readonly timeoutMs: number
}
interface Stage {
  readonly variables: Readonly<Record<string, string>>
  readonly throttle: Throttle | undefined
}
interface Route {
  readonly pattern: RoutePattern
  readonly integration: Integration
  readonly authorizer: JwtAuthorizer | undefined
  readonly scopes: readonly string[]
}

/** Documented quota: request and response payloads of an HTTP API. */
const MAX_BODY_BYTES = 10 * 1024 * 1024
const MAX_TIMEOUT_MS = 30_000

export type HttpApi = ReturnType<typeof createHttpApi>

/** Takes the properties of AWS::ApiGatewayV2::Api. Throws AwsError BadRequestException naming the property. */
export function createHttpApi(realm: Realm, invoke: Invoke, apiId: string, properties: Json) {
  const name = String(properties['Name'])
  const refuse = (reason: string): AwsError => new AwsError('BadRequestException', `API ${name}: ${reason}.`)
  if (properties['ProtocolType'] !== 'HTTP') throw refuse('ProtocolType must be HTTP')
  const cors = createCors(properties['CorsConfiguration'])
  const authorizers = new Map<string, JwtAuthorizer>()
  const integrations = new Map<string, Integration>()
  const routes = new Map<string, Route>()
  const stages = new Map<string, Stage>()
  const id = (): string => randomUUID().replaceAll('-', '').slice(0, 7)

  async function call(route: Route, stage: string, event: unknown): Promise<RestResponse | undefined> {
    const { method, segments } = route.pattern
    const path =
      method === undefined ? '$default' : `${method === 'ANY' ? '*' : method}/${segments.join('/')}`
    const sourceArn = `arn:aws:execute-api:${realm.region}:${realm.accountId}:${apiId}/${stage}/${path}`
    const source = { service: 'apigateway.amazonaws.com', sourceArn }
    let timer: NodeJS.Timeout | undefined
    const late = new Promise<'late'>(resolve => {
      timer = setTimeout(resolve, route.integration.timeoutMs, 'late').unref()
    })
    try {
      const running = invoke(route.integration.functionArn, Buffer.from(JSON.stringify(event)), source)
      const result = await Promise.race([running, late])
      if (result === 'late') {
        running.catch(() => {})
        return message(503, 'Service Unavailable')
      }
      return result.functionError ? undefined : proxyResponse(result.payload)
    } finally {
      clearTimeout(timer)
    }
  }

  async function handle(request: RestRequest, rawPath: string): Promise<RestResponse> {
    const preflight = cors?.preflight(request)
    if (preflight) return { status: 204, headers: preflight }
    const started = performance.now()
    const answer = await dispatch(request, rawPath)
    const of = { ApiId: apiId }
    realm.measure?.('AWS/ApiGateway', 'Count', of, 1)
    realm.measure?.('AWS/ApiGateway', '5xx', of, answer.status >= 500 ? 1 : 0)
    realm.measure?.('AWS/ApiGateway', 'Latency', of, performance.now() - started)
    return cors ? { ...answer, headers: cors.apply(request, answer.headers ?? {}) } : answer
  }

  async function dispatch(request: RestRequest, rawPath: string): Promise<RestResponse> {
    if (request.body.length > MAX_BODY_BYTES) return message(413, 'Request Entity Too Large')
    let decoded: string[]
    try {
      decoded = split(rawPath).map(decodeURIComponent)
    } catch {
      return message(400, 'Bad Request')
    }
    const [first = ''] = decoded
    const stage = stages.has(first) ? first : '$default'
    const { variables = {}, throttle } = stages.get(stage) ?? {}
    if (throttle?.take() === false) return message(429, 'Too Many Requests')
    const selected = selectRoute(
      routes.values(),
      request.method,
      stage === '$default' ? decoded : decoded.slice(1),
    )
    if (!selected) return message(404, 'Not Found')
    const { route, pathParameters } = selected
    const requestId = randomUUID()
    const log = { service: 'apigateway', apiId, requestId, routeKey: route.pattern.key } as const
    const decision = await route.authorizer?.check(request, route.scopes)
    if (decision && !decision.allowed) {
      realm.log({
        ...log,
        level: 'warn',
        message: `request refused: ${decision.reason}`,
        status: decision.status,
      })
      const text = decision.status === 401 ? 'Unauthorized' : 'Forbidden'
      return {
        ...message(decision.status, text),
        headers: { ...JSON_TYPE, 'www-authenticate': challenge(decision.status) },
      }
    }
    const event = proxyEvent({
      accountId: realm.accountId,
      apiId,
      requestId,
      now: realm.now(),
      routeKey: route.pattern.key,
      stage,
      path: `/${decoded.join('/')}`,
      pathParameters,
      stageVariables: Object.keys(variables).length > 0 ? variables : undefined,
      request,
      jwt: decision?.jwt,
    })
    try {
      const answer = await call(route, stage, event)
      if (answer) return { ...answer, headers: { ...answer.headers, 'apigw-requestid': requestId } }
      realm.log({
        ...log,
        level: 'error',
        message: 'the function failed or answered in a shape that is no HTTP response',
      })
    } catch (error) {
      realm.log({
        ...log,
        level: 'error',
        message: 'the function could not be invoked',
        error: String(error),
      })
    }
    return message(500, 'Internal Server Error')
  }

  return {
    apiId,
    handle,
    createStage(given: Json): void {
      const stage = text(given['StageName']) ?? ''
      if (stage !== '$default' && !/^[A-Za-z0-9_-]{1,128}$/.test(stage))
        throw refuse(`StageName "${stage}" is not allowed`)
      const variables = Object.entries(record(given['StageVariables'])).map(([key, value]) => [
        key,
        String(value),
      ])
      const throttle = createThrottle(given, () => realm.now().getTime(), refuse)
      stages.set(stage, { variables: Object.fromEntries(variables), throttle })
    },
    createAuthorizer(given: Json): string {
      const key = id()
      authorizers.set(key, createJwtAuthorizer(realm, given))
      return key
    },
    createIntegration(given: Json): string {
      const uri = text(given['IntegrationUri']) ?? ''
      const functionArn = /arn:aws:lambda:[a-z0-9-]+:\d{12}:function:[A-Za-z0-9_$:-]+/.exec(uri)?.[0]
      if (given['IntegrationType'] !== 'AWS_PROXY' || !functionArn)
        throw refuse(
          'an integration must be of IntegrationType AWS_PROXY with the ARN of a Lambda function as IntegrationUri',
        )
      if (given['PayloadFormatVersion'] !== '2.0')
        throw refuse('PayloadFormatVersion must be 2.0; the local cloud has no 1.0')
      const timeoutMs = number(given['TimeoutInMillis']) ?? MAX_TIMEOUT_MS
      if (timeoutMs < 50 || timeoutMs > MAX_TIMEOUT_MS) throw refuse('TimeoutInMillis must be 50 to 30000')
      const key = id()
      integrations.set(key, { functionArn, timeoutMs })
      return key
    },
    createRoute(given: Json): void {
      const pattern = parseRouteKey(String(given['RouteKey']))
      if (routes.has(pattern.key))
        throw new AwsError('ConflictException', `Route with key ${pattern.key} already exists.`)
      const integration = integrations.get(String(given['Target']).replace(/^integrations\//, ''))
      if (!integration)
        throw refuse(
          `route ${pattern.key}: Target "${String(given['Target'])}" is not an integration of this API`,
        )
      const type = text(given['AuthorizationType']) ?? 'NONE'
      if (type !== 'NONE' && type !== 'JWT')
        throw refuse(
          `route ${pattern.key}: AuthorizationType ${type} is not run by the local cloud; use JWT or NONE`,
        )
      const authorizer = type === 'JWT' ? authorizers.get(String(given['AuthorizerId'])) : undefined
      if (type === 'JWT' && !authorizer)
        throw refuse(
          `route ${pattern.key}: AuthorizerId "${String(given['AuthorizerId'])}" is not an authorizer of this API`,
        )
      routes.set(pattern.key, {
        pattern,
        integration,
        authorizer,
        scopes: list(given['AuthorizationScopes']).map(String),
      })
    },
  }
}

const challenge = (status: 401 | 403): string =>
  status === 401 ? 'Bearer' : 'Bearer error="insufficient_scope"'
const JSON_TYPE = { 'content-type': 'application/json' } as const

/** An answer of API Gateway itself. */
export const message = (status: number, text: string): RestResponse => ({
  status,
  headers: JSON_TYPE,
  body: JSON.stringify({ message: text }),
})
