/**
 * CloudFront distributions on one machine, each at a port of its own, as each has a host of its own in AWS. Nothing is
 * kept at an edge: every request goes to the origin. TLS is not spoken: the port stands for https.
 */
import { randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Iam, S3 } from '../core/services.ts'
import type { CallContext, Principal, Realm } from '../core/types.ts'
import { type Json, record } from '../events/read.ts'
import { stableId } from '../http/stable-id.ts'
import { compress, compressible } from './compress.ts'
import {
  type Behavior,
  type HeadersPolicy,
  only,
  readDistribution,
  readHeadersPolicy,
  refuse,
} from './config.ts'
import { readFunction, type ViewerFunction } from './function.ts'
import { proxy } from './proxy.ts'

export interface CloudFrontOptions {
  readonly realm: Realm
  readonly iam: Pick<Iam, 'authorize'>
  readonly s3: Pick<S3, 'service'>
  /** Of the first distribution; 0 takes any free port, as the others do. */
  readonly port: number
  readonly host: string
  /** An address of AWS's as it is on this machine. */
  readonly localUrl: (url: string) => string
}
export interface Distribution {
  readonly id: string
  readonly arn: string
  readonly domain: string
  /** Where it is served here, without a slash at the end. */
  readonly url: string
}
export interface CloudFront {
  /** Each takes a stable name and the properties of its AWS::CloudFront type; throws InvalidArgument naming a property that is not run. */
  createAccessControl(name: string, properties: Json): string
  createHeadersPolicy(name: string, properties: Json): string
  createFunction(name: string, properties: Json): { readonly arn: string }
  createDistribution(name: string, properties: Json): Promise<Distribution>
  close(): Promise<void>
}

const SERVICE: Principal = { kind: 'service', arn: 'cloudfront.amazonaws.com' }

export function createCloudFront(options: CloudFrontOptions): CloudFront {
  const { realm, localUrl, host } = options
  const accessControls = new Set<string>()
  const headersPolicies = new Map<string, HeadersPolicy>()
  const functions = new Map<string, ViewerFunction>()
  const servers: Server[] = []

  return {
    createAccessControl(name, properties) {
      const config = record(properties['OriginAccessControlConfig'])
      if (config['OriginAccessControlOriginType'] !== 's3' || config['SigningBehavior'] !== 'always')
        throw refuse('OriginAccessControlConfig', 'must be of origin type s3 and sign always')
      const id = `E${stableId(name, 13).toUpperCase()}`
      accessControls.add(id)
      return id
    },
    createHeadersPolicy(name, properties) {
      const id = stableId(name, 32)
      headersPolicies.set(id, readHeadersPolicy(record(properties['ResponseHeadersPolicyConfig']), localUrl))
      return id
    },
    createFunction(name, properties) {
      const arn = `arn:aws:cloudfront::${realm.accountId}:function/${String(properties['Name'] ?? name)}`
      functions.set(arn, readFunction(properties))
      return { arn }
    },
    async createDistribution(name, properties) {
      only('AWS::CloudFront::Distribution', properties, 'DistributionConfig Tags')
      const config = readDistribution(record(properties['DistributionConfig']), accessControls)
      const id = `E${stableId(name, 13).toUpperCase()}`
      const arn = `arn:aws:cloudfront::${realm.accountId}:distribution/${id}`
      for (const { behavior } of config.behaviors) {
        const { headersPolicy, viewerRequest } = behavior
        if (headersPolicy !== undefined && !headersPolicies.has(headersPolicy))
          throw refuse('ResponseHeadersPolicyId', `${headersPolicy} is not a policy of this template`)
        if (viewerRequest !== undefined && !functions.has(viewerRequest))
          throw refuse('FunctionAssociations', `${viewerRequest} is not a function of this template`)
      }
      const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
        const path = (request.url ?? '/').split('?')[0] ?? '/'
        const found = config.behaviors.find(({ pattern }) => pattern.test(path))
        const behavior = found?.behavior as Behavior
        const decorate = decorator(behavior)
        if (!behavior.methods.has(request.method ?? ''))
          return send(response, 403, decorate(TEXT), 'This distribution does not allow the method.\n')
        if (behavior.origin.bucket === undefined)
          return proxy(request, response, localUrl(`https://${behavior.origin.domain}`), decorate)
        const method = request.method ?? 'GET'
        const rewrite = functions.get(behavior.viewerRequest ?? '')
        const uri = rewrite ? await rewrite({ method, uri: path }) : path
        const key = uri === '/' ? `/${config.defaultRootObject}` : uri
        await file(request, response, behavior, arn, key, decorate)
      }
      const server = createServer((request, response) => {
        answer(request, response).catch((error: unknown) => {
          realm.log({ level: 'error', service: 'cloudfront', message: `request failed: ${String(error)}` })
          if (response.headersSent) response.destroy()
          else send(response, 502, TEXT, 'The origin or the function on the way to it failed.\n')
        })
      })
      const port = await listen(server, servers.length === 0 ? options.port : 0, host)
      servers.push(server)
      const url = `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${port}`
      return { id, arn, domain: `d${stableId(name, 13)}.cloudfront.net`, url }
    },
    async close() {
      for (const server of servers.splice(0)) {
        const closed = new Promise(resolve => server.close(resolve))
        server.closeAllConnections()
        await closed
      }
    },
  }

  function decorator(behavior: Behavior) {
    const policy = headersPolicies.get(behavior.headersPolicy ?? '')
    return (headers: Headers): Headers => {
      const out: Headers = { ...headers, via: '1.1 local (CloudFront)', 'x-cache': 'Miss from cloudfront' }
      for (const { name, value, override } of policy?.headers ?? [])
        if (override || out[name] === undefined) out[name] = value
      return out
    }
  }

  /** An object of a bucket, as CloudFront's service principal may read it. */
  async function file(
    request: IncomingMessage,
    response: ServerResponse,
    behavior: Behavior,
    arn: string,
    path: string,
    decorate: (headers: Headers) => Headers,
  ): Promise<void> {
    const context: CallContext = {
      principal: SERVICE,
      requestId: randomUUID(),
      authorize: (...needs) =>
        options.iam.authorize(
          SERVICE,
          needs.map(need => ({
            ...need,
            context: { ...need.context, 'aws:SourceArn': arn, 'aws:SourceAccount': realm.accountId },
          })),
        ),
    }
    const answer = await options.s3.service.handle(
      {
        ...{ method: 'GET', rawPath: `/${behavior.origin.bucket}${path}`, query: new URLSearchParams() },
        ...{ headers: {}, body: Buffer.alloc(0), trailers: {} },
      },
      context,
    )
    const body = Buffer.from(answer.body ?? '')
    const headers: Headers = { ...answer.headers }
    delete headers['content-length']
    if (answer.status !== 200) return send(response, answer.status, decorate(headers), body)
    const type = answer.headers?.['content-type']
    if (behavior.compress && compressible(type, body.length)) headers['vary'] = 'accept-encoding'
    const accepts = String(request.headers['accept-encoding'] ?? '')
    const smaller = behavior.compress ? await compress(accepts, type, body) : undefined
    if (smaller) {
      headers['content-encoding'] = smaller.encoding
      // The bytes are others: RFC 9110 §8.8.1 allows the tag in its weak form only.
      headers['etag'] = `W/${String(headers['etag'])}`
    }
    if (isSame(request.headers['if-none-match'], String(headers['etag'])))
      return send(response, 304, decorate(headers), '')
    send(response, 200, decorate(headers), smaller?.body ?? body, request.method === 'HEAD')
  }
}

type Headers = Record<string, string | string[]>
const TEXT: Headers = { 'content-type': 'text/plain; charset=utf-8' }

function send(
  response: ServerResponse,
  status: number,
  headers: Headers,
  content: string | Buffer,
  headOnly = false,
): void {
  const body = Buffer.from(content)
  const length = status === 304 ? {} : { 'content-length': String(body.length) }
  response.writeHead(status, { ...headers, ...length })
  response.end(headOnly || status === 304 ? undefined : body)
}

/** Weak comparison, RFC 9110 §8.8.3.2. */
function isSame(ifNoneMatch: string | undefined, etag: string): boolean {
  const bare = (tag: string): string => tag.trim().replace(/^W\//, '')
  return (ifNoneMatch ?? '').split(',').some(each => each.trim() === '*' || bare(each) === bare(etag))
}

const listen = (server: Server, port: number, host: string): Promise<number> =>
  new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(
        cause.code === 'EADDRINUSE'
          ? new Error(`port ${port} is in use; choose another with --console-port`, { cause })
          : cause,
      ),
    )
    server.listen(port, host, () => resolve((server.address() as AddressInfo).port))
  })
