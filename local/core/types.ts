/**
 * What the parts of the local cloud agree on. Nothing in `local/` imports from `src/`: it knows the AWS
 * wire and the packaged CloudFormation template, so it can run another project's template as well.
 */

/** Who signed a request, after the signature was checked. */
export interface Principal {
  /** `arn:aws:iam::…:user/operator`, `arn:aws:sts::…:assumed-role/ROLE/SESSION` or `events.amazonaws.com` for services. */
  readonly arn: string
  readonly kind: 'operator' | 'role' | 'service'
  /** Name of the IAM role, for `kind: 'role'`. */
  readonly roleName?: string
  readonly sessionName?: string
}

/** One permission that a call needs. `context` holds IAM condition keys, such as `kms:SigningAlgorithm`. */
export interface AuthzRequest {
  readonly action: string
  readonly resource: string
  readonly context?: Readonly<Record<string, string | readonly string[]>>
  /** Resource policies that may grant or deny too (bucket policy, key policy, queue policy), as parsed JSON. */
  readonly resourcePolicies?: readonly PolicyDocument[]
}

export interface PolicyStatement {
  readonly Sid?: string
  readonly Effect: 'Allow' | 'Deny'
  readonly Action?: string | readonly string[]
  readonly NotAction?: string | readonly string[]
  readonly Resource?: string | readonly string[]
  readonly NotResource?: string | readonly string[]
  readonly Principal?: '*' | Readonly<Record<string, string | readonly string[]>>
  readonly Condition?: Readonly<
    Record<string, Readonly<Record<string, string | boolean | number | readonly string[]>>>
  >
}
export interface PolicyDocument {
  readonly Version?: string
  readonly Statement: PolicyStatement | readonly PolicyStatement[]
}

/** An error as AWS puts it on the wire; each protocol serialises it in its own way. */
export class AwsError extends Error {
  readonly code: string
  readonly status: number
  readonly extra: Readonly<Record<string, unknown>>
  constructor(code: string, message: string, status = 400, extra: Readonly<Record<string, unknown>> = {}) {
    super(message)
    this.name = code
    this.code = code
    this.status = status
    this.extra = extra
  }
}

/** Account, region and clock of this cloud: one value shared by every service. */
export interface Realm {
  readonly accountId: string
  readonly region: string
  /** Base URL of the HTTP front, `http://127.0.0.1:PORT`, no trailing slash. Set once the port is bound. */
  endpoint: string
  /** Folder for everything that outlives a call. */
  readonly dir: string
  readonly now: () => Date
  /** Structured progress and faults of the cloud itself; the caller decides where it goes. */
  readonly log: (entry: CloudLogEntry) => void
  /** Takes a value of a service's own metric, as AWS names it; set once CloudWatch is there. */
  measure?: Measure
}
export type Measure = (
  namespace: string,
  name: string,
  dimensions: Readonly<Record<string, string>>,
  value: number,
) => void
export interface CloudLogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** Which service speaks: `s3`, `lambda`, `iam`, … */
  readonly service: string
  readonly message: string
  readonly [key: string]: unknown
}

/** What a service gets with each call. `authorize` throws AccessDenied (and records the denial) or returns. */
export interface CallContext {
  readonly principal: Principal
  readonly requestId: string
  authorize(...needs: readonly AuthzRequest[]): void
}

/** `POST /` with `X-Amz-Target: PREFIX.Operation` and a JSON body. */
export interface JsonService {
  readonly kind: 'json'
  readonly name: string
  /** `AWSEvents`, `TrentService`, `SageMaker`, `AmazonSQS`, `DynamoDB_20120810`, `DynamoDBStreams_20120810`, … */
  readonly targetPrefix: string
  readonly jsonVersion: '1.0' | '1.1'
  /** An operation that is missing answers 501 and names itself. */
  readonly operations: Readonly<Record<string, JsonOperation>>
}
// biome-ignore lint/suspicious/noExplicitAny: the wire is untyped here; each operation checks its own input
export type JsonOperation = (input: any, ctx: CallContext) => unknown | Promise<unknown>

/** Everything that is not `X-Amz-Target`: S3, IoT, IoT data, Lambda, API Gateway, STS … chosen by SigV4 scope or path. */
export interface RestService {
  readonly kind: 'rest'
  readonly name: string
  /** SigV4 service names in the credential scope that select this service: `s3`, `iot`, `iotdata`, `lambda`, `sts`, … */
  readonly signingNames: readonly string[]
  handle(request: RestRequest, ctx: CallContext): Promise<RestResponse>
}
export interface RestRequest {
  readonly method: string
  /** Path as on the wire, still percent-encoded, without the query. */
  readonly rawPath: string
  readonly query: URLSearchParams
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>
  /** Body with any `aws-chunked` framing removed; trailers are in `trailers`. */
  readonly body: Buffer
  readonly trailers: Readonly<Record<string, string>>
}
export interface RestResponse {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Buffer | string
}

/** Delivers an event to the default event bus as AWS services do (S3, SageMaker, …). */
export interface ServiceEvent {
  readonly source: string
  readonly detailType: string
  readonly resources: readonly string[]
  readonly detail: Readonly<Record<string, unknown>>
}
export type EmitServiceEvent = (event: ServiceEvent) => void

/**
 * Invokes a Lambda function asynchronously on behalf of a service, after checking its resource policy
 * (AWS::Lambda::Permission) for that service principal and source ARN. Retries, maximum age and on-failure
 * destination are the Lambda host's affair.
 */
export type InvokeAsync = (
  functionArn: string,
  payload: Buffer,
  source: { service: string; sourceArn: string },
) => Promise<void>
/** Puts a message on a queue on behalf of a role or a service principal; throws AccessDenied when not allowed. */
export type SendToQueue = (
  queueArn: string,
  body: string,
  as: Principal,
  options?: { attributes?: Readonly<Record<string, string>>; sourceArn?: string },
) => Promise<void>
