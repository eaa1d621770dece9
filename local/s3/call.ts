import type { CallContext, EmitServiceEvent, PolicyDocument, Realm, RestRequest } from '../core/types.ts'
import { decodePercent } from '../http/encoding.ts'
import type { Bucket } from './bucket.ts'
import { noSuchBucket, S3Error } from './errors.ts'
import type { Store } from './store.ts'

export interface S3Environment {
  readonly realm: Realm
  readonly store: Store
  readonly emit: EmitServiceEvent
}
/** One S3 request, taken apart. */
export interface S3Call {
  readonly env: S3Environment
  readonly context: CallContext
  readonly request: RestRequest
  readonly query: URLSearchParams
  /** Headers, and on presigned requests the `x-amz-…` parameters that SDKs move into the query. */
  readonly headers: Readonly<Record<string, string>>
  readonly bucketName: string
  readonly key: string
}
export type Handler = (call: S3Call) => Promise<S3Response>
export interface S3Response {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

const signatureParameters = new Set([
  'x-amz-algorithm',
  'x-amz-credential',
  'x-amz-date',
  'x-amz-expires',
  'x-amz-signedheaders',
  'x-amz-signature',
  'x-amz-security-token',
  'x-amz-content-sha256',
])

export function readCall(env: S3Environment, request: RestRequest, context: CallContext): S3Call {
  const path = request.rawPath.replace(/^\//, '')
  const slash = path.indexOf('/')
  const bucketName = decode(slash < 0 ? path : path.slice(0, slash))
  const key = slash < 0 ? '' : decode(path.slice(slash + 1))
  if (Buffer.byteLength(key) > 1024)
    throw new S3Error('KeyTooLongError', 'Your key is too long', 400, { MaxSizeAllowed: '1024' })
  const hoisted: Record<string, string> = {}
  if (request.query.has('X-Amz-Algorithm')) {
    for (const [name, value] of request.query) {
      const header = name.toLowerCase()
      if (header.startsWith('x-amz-') && !signatureParameters.has(header)) hoisted[header] = value
    }
  }
  const headers = { ...hoisted, ...request.headers }
  return { env, context, request, query: request.query, headers, bucketName, key }
}

function decode(text: string): string {
  const decoded = decodePercent(text)
  if (decoded === undefined) throw new S3Error('InvalidURI', "Couldn't parse the specified URI.", 400)
  return decoded
}

/** The bucket of the call; throws NoSuchBucket. */
export function bucketOf(call: S3Call, name: string = call.bucketName): Bucket {
  const bucket = call.env.store.find(name)
  if (bucket === undefined) throw noSuchBucket(name)
  return bucket
}

export const bucketArn = (name: string): string => `arn:aws:s3:::${name}`

type Extra = Readonly<Record<string, string | undefined>>

/** Asks IAM for `s3:…` actions on the bucket; its bucket policy counts too. */
export function authorizeBucket(call: S3Call, bucket: Bucket, action: string, extra: Extra = {}): void {
  authorize(call, bucket, action, bucketArn(bucket.name), extra)
}

/** Asks IAM for `s3:…` on an object. */
export function authorizeObject(
  call: S3Call,
  bucket: Bucket,
  action: string,
  key: string = call.key,
  extra: Extra = {},
): void {
  authorize(call, bucket, action, `${bucketArn(bucket.name)}/${key}`, extra)
}

function authorize(call: S3Call, bucket: Bucket, action: string, resource: string, extra: Extra): void {
  const policy = bucket.state.config.get('policy')
  const given = Object.entries({ ...requestKeys(call), ...extra }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  call.context.authorize({
    action: `s3:${action}`,
    resource,
    context: Object.fromEntries(given),
    resourcePolicies: policy === undefined ? [] : [JSON.parse(policy) as PolicyDocument],
  })
}

/** Condition keys that any S3 request has. */
export function requestKeys(call: S3Call): Extra {
  const presigned = call.query.has('X-Amz-Algorithm')
  const stamp = call.query.get('X-Amz-Date') ?? call.headers['x-amz-date'] ?? ''
  const [, y, mo, d, h, mi, s] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp) ?? []
  const signedAt = Date.UTC(Number(y), Number(mo) - 1, Number(d), Number(h), Number(mi), Number(s))
  const age = call.env.realm.now().getTime() - signedAt
  return {
    's3:authType': presigned ? 'REST-QUERY-STRING' : 'REST-HEADER',
    's3:signatureversion': 'AWS4-HMAC-SHA256',
    's3:signatureAge': presigned && Number.isFinite(age) ? String(age) : undefined,
    's3:x-amz-content-sha256': call.headers['x-amz-content-sha256'],
  }
}
