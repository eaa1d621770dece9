/** Puts what the loop's tests deliver into the full shape in which AWS delivers it. */
import { createHash } from 'node:crypto'

export const ACCOUNT = '123456789012'
export const REGION = 'eu-west-1'
const FIRST = Date.parse('2026-03-01T00:00:00Z')

export const digest = (text: string): string => createHash('sha256').update(text).digest('hex')
/** A UUID that is the same on every run. */
export const uuid = (name: string): string => {
  const hex = digest(name)
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20, 32)}`
}
const arn = (service: string, resource: string): string =>
  `arn:aws:${service}:${REGION}:${ACCOUNT}:${resource}`

interface BusEvent {
  readonly id: string
  readonly source: string
  readonly 'detail-type': string
  readonly time: string
  readonly detail: unknown
}
export const onBus = (event: BusEvent, resources: readonly string[] = []): unknown => ({
  version: '0',
  id: uuid(event.id),
  'detail-type': event['detail-type'],
  source: event.source,
  account: ACCOUNT,
  time: event.time.replace('.000Z', 'Z'),
  region: REGION,
  resources,
  detail: event.detail,
})

export const objectCreated = (key: string, bytes: number, n: number): unknown => {
  const bucket = `edgeloop-dev-drops-${ACCOUNT}`
  const object = {
    key,
    size: bytes,
    etag: digest(key).slice(0, 32),
    'version-id': digest(`version of ${key}`).slice(0, 32),
    sequencer: `0065E11A${(0x40 + n).toString(16).toUpperCase()}B2C3D4E5`,
  }
  const detail = {
    version: '0',
    bucket: { name: bucket },
    object,
    'request-id': digest(`request ${key}`).slice(0, 16).toUpperCase(),
    requester: ACCOUNT,
    'source-ip-address': '192.0.2.10',
    reason: 'PutObject',
  }
  const time = new Date(FIRST + n * 60_000).toISOString()
  return onBus({ id: `s3 ${key}`, source: 'aws.s3', 'detail-type': 'Object Created', time, detail }, [
    `arn:aws:s3:::${bucket}`,
  ])
}

export const trainingJobEvent = (event: BusEvent, status: string): unknown => {
  const { TrainingJobName } = event.detail as { TrainingJobName: string }
  const TrainingJobArn = arn('sagemaker', `training-job/${TrainingJobName}`)
  const detail = {
    TrainingJobName,
    TrainingJobArn,
    TrainingJobStatus: status,
    SecondaryStatus: status,
    ...(status === 'Failed' ? { FailureReason: 'AlgorithmError: column label has one class only' } : {}),
    LastModifiedTime: Date.parse(event.time),
  }
  return onBus({ ...event, id: `${event.id} ${status}`, detail }, [TrainingJobArn])
}

export const scheduled = (rule: string, time: string): unknown =>
  onBus({ id: `tick ${time}`, source: 'aws.events', 'detail-type': 'Scheduled Event', time, detail: {} }, [
    arn('events', `rule/${rule}`),
  ])

export const batch = (queue: string, bodies: readonly string[]): unknown => ({
  Records: bodies.map((body, i) => ({
    messageId: uuid(`${queue} ${i} ${body}`),
    receiptHandle: Buffer.from(digest(`receipt ${body}`)).toString('base64'),
    body,
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: String(FIRST + i),
      SenderId: 'AROAEXAMPLEINGESTROLE:edgeloop',
      ApproximateFirstReceiveTimestamp: String(FIRST + i + 20),
    },
    messageAttributes: {},
    md5OfBody: createHash('md5').update(body).digest('hex'),
    eventSource: 'aws:sqs',
    eventSourceARN: arn('sqs', `edgeloop-dev-${queue}`),
    awsRegion: REGION,
  })),
})

interface OutboxRow {
  readonly type: string
  readonly detail: string
}
export const streamBatch = (rows: readonly OutboxRow[]): unknown => ({
  Records: rows.map((row, i) => {
    const id = (JSON.parse(row.detail) as { metadata: { id: string } }).metadata.id
    const key = { pk: { S: `OUTBOX#${id}` }, sk: { S: 'EVENT' } }
    const data = JSON.stringify(row)
    return {
      eventID: digest(`stream ${id}`).slice(0, 32),
      eventName: 'INSERT',
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: REGION,
      dynamodb: {
        ApproximateCreationDateTime: FIRST / 1000 + i,
        Keys: key,
        NewImage: { ...key, rev: { N: '1' }, data: { S: data } },
        SequenceNumber: String(111_100_000_000_000_000_000n + BigInt(i)),
        SizeBytes: data.length + 64,
        StreamViewType: 'NEW_IMAGE',
      },
      eventSourceARN: arn('dynamodb', 'table/edgeloop-dev-state/stream/2026-03-01T00:00:00.000'),
    }
  }),
})

/** What Cognito asks before it signs a person's tokens. */
export const preToken = (username: string, groups: readonly string[], trigger: string): unknown => ({
  version: '2',
  triggerSource: `TokenGeneration_${trigger}`,
  region: REGION,
  userPoolId: `${REGION}_a1B2c3D4e`,
  userName: username,
  callerContext: { awsSdkVersion: 'aws-sdk-unknown-unknown', clientId: digest('console').slice(0, 26) },
  request: {
    userAttributes: {
      sub: uuid(`person ${username}`),
      'cognito:user_status': 'CONFIRMED',
      email_verified: 'true',
      email: `${username}@example.com`,
    },
    groupConfiguration: { groupsToOverride: groups, iamRolesToOverride: [], preferredRole: null },
    scopes: ['openid', 'profile'],
  },
  response: { claimsAndScopeOverrideDetails: null },
})

/** What an IoT rule hands over: the connection's certificate is the principal. */
export const ingress = (raw: object): Record<string, unknown> => {
  const { thing } = raw as { thing: string }
  return { ...raw, principal: digest(`certificate of ${thing}`) }
}

function scopeOf(method: string, route: string): string {
  if (/^\/v1\/(labels|reviews)/.test(route)) return 'labels:write'
  if (route.startsWith('/v1/dead-letters/')) return 'queues:write'
  if (method === 'GET') return 'fleet:read'
  if (route.endsWith('/retrains')) return 'models:write'
  return /\/bars$|^\/v1\/rollouts/.test(route) ? 'rollouts:write' : 'devices:write'
}

export const request = (
  method: string,
  route: string,
  path: Readonly<Record<string, string>> = {},
  query: Readonly<Record<string, string>> = {},
  body?: unknown,
): unknown => {
  const scope = scopeOf(method, route)
  const rawPath = Object.entries(path).reduce((p, [name, value]) => p.replace(`{${name}}`, value), route)
  return {
    version: '2.0',
    routeKey: `${method} ${route}`,
    rawPath,
    rawQueryString: new URLSearchParams(query).toString(),
    headers: {
      accept: 'application/json',
      authorization: 'Bearer removed',
      host: `a1b2c3d4e5.execute-api.${REGION}.amazonaws.com`,
      'x-forwarded-for': '192.0.2.20',
    },
    ...(Object.keys(query).length > 0 ? { queryStringParameters: query } : {}),
    ...(Object.keys(path).length > 0 ? { pathParameters: path } : {}),
    requestContext: {
      accountId: ACCOUNT,
      apiId: 'a1b2c3d4e5',
      authorizer: { jwt: { claims: { sub: 'operator', scope }, scopes: [scope] } },
      domainName: `a1b2c3d4e5.execute-api.${REGION}.amazonaws.com`,
      http: { method, path: rawPath, protocol: 'HTTP/1.1', sourceIp: '192.0.2.20', userAgent: 'curl/8.5.0' },
      requestId: digest(`${method} ${rawPath}`).slice(0, 16),
      routeKey: `${method} ${route}`,
      stage: '$default',
      time: '01/Mar/2026:00:00:00 +0000',
      timeEpoch: FIRST,
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    isBase64Encoded: false,
  }
}
