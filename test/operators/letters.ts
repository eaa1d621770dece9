/** Dead letters as SQS, Lambda and EventBridge write them, and the names of the stack that they are of. */
import type { QueueMessage } from '../../src/domain/ports.ts'

export const STACK = 'edgeloop-dev'
export const functionArn = (name: string): string =>
  `arn:aws:lambda:eu-west-1:123456789012:function:${STACK}-${name}`
const urlOf = (queue: string): string => `http://queues.example:4000/123456789012/${STACK}-${queue}`
export const QUEUES = ['undelivered', 'failures', 'reports-dead', 'compilation-polls-dead']
export const URLS = QUEUES.map(urlOf)

let last = 0
export const letter = (body: unknown, more: Partial<QueueMessage> = {}): QueueMessage => {
  const id = `m-${++last}`
  return {
    ...{ id, receipt: `receipt of ${id}`, sentAt: '2026-03-01T00:00:00.000Z', received: 1, attributes: {} },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...more,
  }
}

export const objectCreated = {
  version: '0',
  id: '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': 'Object Created',
  source: 'aws.s3',
  account: '123456789012',
  time: '2026-03-01T00:00:00Z',
  region: 'eu-west-1',
  resources: ['arn:aws:s3:::edgeloop-dev-drops-123456789012'],
  detail: {
    version: '0',
    bucket: { name: 'edgeloop-dev-drops-123456789012' },
    object: { key: 'models/cold-chain/model.yaml', size: 742, 'version-id': 'v1' },
    reason: 'PutObject',
  },
}
export const domainEvent = {
  ...{ version: '0', id: '2f1f8b2e-8bd0-4d34-9d54-1f2f8a0c1f11', source: 'edgeloop' },
  'detail-type': 'PackageSigned',
  ...{ account: '123456789012', time: '2026-03-01T00:00:00Z', region: 'eu-west-1', resources: [] },
  detail: { metadata: { id: 'e1', type: 'PackageSigned' }, data: { model: 'cold-chain', version: 2 } },
}
/** Attributes of a message in the dead-letter queue of a rule. */
export const ofRule = (target: string, code = 'NO_PERMISSIONS'): QueueMessage['attributes'] => ({
  RULE_ARN: 'arn:aws:events:eu-west-1:123456789012:rule/edgeloop-dev-register-model-rule-1',
  TARGET_ARN: target,
  ERROR_CODE: code,
  ERROR_MESSAGE: 'The function’s resource policy does not allow it.',
})
/** Record of an on-failure destination, of an asynchronous invocation. */
export const failedInvocation = (name: string, requestPayload: unknown, more: object = {}) => ({
  version: '1.0',
  timestamp: '2026-03-01T00:00:05.123Z',
  requestContext: {
    requestId: 'dfa6d90c-5c2e-4f2c-9d0a-1f2f8a0c1f11',
    functionArn: `${functionArn(name)}:$LATEST`,
    condition: 'RetriesExhausted',
    approximateInvokeCount: 3,
  },
  requestPayload,
  responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
  responsePayload: {
    errorType: 'EdgeloopError',
    errorMessage: 'read the state table: AccessDeniedException: User: … is not authorized',
    trace: [],
  },
  ...more,
})
/** The same of a batch of the stream: without the records themselves. */
export const failedBatch = {
  version: '1.0',
  timestamp: '2026-03-01T00:00:05.123Z',
  requestContext: {
    requestId: '316aa6d0-8154-xmpl-9af7-85d5f4a6bc81',
    functionArn: functionArn('publish-outbox'),
    condition: 'RetryAttemptsExhausted',
    approximateInvokeCount: 21,
  },
  responseContext: { statusCode: 200, executedVersion: '$LATEST', functionError: 'Unhandled' },
  DDBStreamBatchInfo: {
    shardId: 'shardId-00000001573689847184-864758bb',
    startSequenceNumber: '800000000003126276362',
    endSequenceNumber: '800000000003126276389',
    approximateArrivalOfFirstRecord: '2026-03-01T00:00:04Z',
    approximateArrivalOfLastRecord: '2026-03-01T00:00:04Z',
    batchSize: 3,
    streamArn: 'arn:aws:dynamodb:eu-west-1:123456789012:table/edgeloop-dev-state/stream/2026-03-01',
  },
}
