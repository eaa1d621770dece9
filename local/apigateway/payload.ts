/**
 * Lambda proxy payload format 2.0, both ways. Reference: API Gateway developer guide, "Create AWS Lambda proxy
 * integrations for HTTP APIs".
 */
import type { RestRequest, RestResponse } from '../core/types.ts'
import { isRecord, record } from '../events/read.ts'

export interface JwtContext {
  readonly claims: Readonly<Record<string, string>>
  /** Null for a route without scopes. */
  readonly scopes: readonly string[] | null
}
export interface EventInput {
  readonly accountId: string
  readonly apiId: string
  readonly requestId: string
  readonly now: Date
  readonly routeKey: string
  readonly stage: string
  /** Decoded path as the API sees it. */
  readonly path: string
  readonly pathParameters: Readonly<Record<string, string>> | undefined
  readonly stageVariables: Readonly<Record<string, string>> | undefined
  readonly request: RestRequest
  readonly jwt: JwtContext | undefined
}

/** The event a function receives. */
export function proxyEvent(input: EventInput) {
  const { request, now } = input
  const { cookie, ...headers } = request.headers
  const cookies = cookie?.split(/;\s*/).filter(each => each !== '')
  const query = queryParameters(request.query)
  const isText = textBody(request)
  const host = request.headers['host'] ?? ''
  return {
    version: '2.0',
    routeKey: input.routeKey,
    rawPath: input.path,
    rawQueryString: rawQuery(request.query),
    ...(cookies && cookies.length > 0 && { cookies }),
    headers,
    ...(query && { queryStringParameters: query }),
    requestContext: {
      accountId: input.accountId,
      apiId: input.apiId,
      ...(input.jwt && { authorizer: { jwt: input.jwt } }),
      domainName: host,
      domainPrefix: input.apiId,
      http: {
        method: request.method,
        path: input.path,
        protocol: 'HTTP/1.1',
        sourceIp: '127.0.0.1',
        userAgent: request.headers['user-agent'] ?? '',
      },
      requestId: input.requestId,
      routeKey: input.routeKey,
      stage: input.stage,
      time: commonLogTime(now),
      timeEpoch: now.getTime(),
    },
    ...(input.pathParameters && { pathParameters: input.pathParameters }),
    ...(input.stageVariables && { stageVariables: input.stageVariables }),
    ...(request.body.length > 0 && { body: request.body.toString(isText ? 'utf8' : 'base64') }),
    isBase64Encoded: request.body.length > 0 && !isText,
  }
}

/** Repeated parameters are joined with commas. */
function queryParameters(query: URLSearchParams): Record<string, string> | undefined {
  const joined = new Map<string, string>()
  for (const [name, value] of query) {
    const known = joined.get(name)
    joined.set(name, known === undefined ? value : `${known},${value}`)
  }
  return joined.size > 0 ? Object.fromEntries(joined) : undefined
}

/** The front hands over parsed pairs; API Gateway's raw query is percent-encoded, with %20 for a space. */
const rawQuery = (query: URLSearchParams): string => query.toString().replaceAll('+', '%20')

/** Bodies of text types come as they are, everything else in base64 – form posts too, as in AWS. */
function textBody({ headers, body }: RestRequest): boolean {
  const type = (headers['content-type'] ?? '').split(';')[0]?.trim().toLowerCase() ?? ''
  if (headers['content-encoding']) return false
  if (type === '') return body.equals(Buffer.from(body.toString('utf8')))
  return /^(text\/.*|application\/(json|xml|javascript)|.*\+(json|xml))$/.test(type)
}

const MONTHS = 'Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec'.split(' ')
/** `12/Mar/2026:19:03:58 +0000`. */
function commonLogTime(now: Date): string {
  const [, year, month, day, time] = /^(\d{4})-(\d\d)-(\d\d)T([\d:]{8})/.exec(now.toISOString()) ?? []
  return `${day}/${MONTHS[Number(month) - 1]}/${year}:${time} +0000`
}

/**
 * The HTTP response for a function's result: an object with `statusCode` is taken apart, anything else is the
 * JSON body of a 200. Undefined when the result is malformed, which API Gateway answers with 500.
 */
export function proxyResponse(payload: Buffer): RestResponse | undefined {
  let result: unknown
  try {
    result = payload.length === 0 ? null : JSON.parse(payload.toString('utf8'))
  } catch {
    return undefined
  }
  if (!isRecord(result) || result['statusCode'] === undefined) {
    const body = typeof result === 'string' ? result : JSON.stringify(result)
    return { status: 200, headers: { 'content-type': 'application/json' }, body }
  }
  const status = Number(result['statusCode'])
  const { body = '', cookies = [], isBase64Encoded } = result
  if (
    !Number.isInteger(status) ||
    status < 200 ||
    status > 599 ||
    (typeof body !== 'string' && body !== null)
  )
    return undefined
  if (!Array.isArray(cookies) || cookies.some(each => typeof each !== 'string')) return undefined
  const headers = responseHeaders(result['headers'])
  if (!headers) return undefined
  const content = body ?? ''
  // node:http writes a list as one header line each, which is what several cookies need.
  if (cookies.length > 0) headers['set-cookie'] = cookies as unknown as string
  if (content !== '') headers['content-type'] ??= 'text/plain; charset=utf-8'
  return {
    status,
    headers,
    body: isBase64Encoded === true ? Buffer.from(content, 'base64') : content,
  }
}

function responseHeaders(given: unknown): Record<string, string> | undefined {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(record(given))) {
    const text = String(value)
    // A name or value that HTTP forbids would throw inside the server.
    if (!/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/.test(name) || /[^\t\x20-\x7e\x80-\xff]/.test(text)) return undefined
    headers[name.toLowerCase()] = text
  }
  for (const hop of ['connection', 'content-length', 'transfer-encoding']) delete headers[hop]
  return headers
}
