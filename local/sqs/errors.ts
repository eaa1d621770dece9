/** SQS errors by their JSON-protocol shape names, and the older query-protocol codes that go with them. */
import { AwsError } from '../core/types.ts'

const namespace = 'com.amazonaws.sqs#'

/** Query-protocol codes that differ from the shape name; SDKs and the AWS CLI show these to users. */
const queryCodes: Readonly<Record<string, string>> = {
  BatchEntryIdsNotDistinct: 'AWS.SimpleQueueService.BatchEntryIdsNotDistinct',
  BatchRequestTooLong: 'AWS.SimpleQueueService.BatchRequestTooLong',
  EmptyBatchRequest: 'AWS.SimpleQueueService.EmptyBatchRequest',
  InvalidBatchEntryId: 'AWS.SimpleQueueService.InvalidBatchEntryId',
  MessageNotInflight: 'AWS.SimpleQueueService.MessageNotInflight',
  PurgeQueueInProgress: 'AWS.SimpleQueueService.PurgeQueueInProgress',
  QueueDoesNotExist: 'AWS.SimpleQueueService.NonExistentQueue',
  QueueNameExists: 'QueueAlreadyExists',
  TooManyEntriesInBatchRequest: 'AWS.SimpleQueueService.TooManyEntriesInBatchRequest',
  UnsupportedOperation: 'AWS.SimpleQueueService.UnsupportedOperation',
}

/**
 * Value of the `x-amzn-query-error` response header that SQS sends beside a JSON error, `CODE;Sender`.
 * Takes the code with or without its namespace.
 */
export function queryErrorHeader(code: string): string {
  const shape = code.replace(namespace, '')
  return `${queryCodes[shape] ?? shape};Sender`
}

export const sqsError = (shape: string, message: string): AwsError => new AwsError(namespace + shape, message)

export const queueDoesNotExist = (): AwsError =>
  sqsError('QueueDoesNotExist', 'The specified queue does not exist.')
export const invalidParameter = (message: string): AwsError => sqsError('InvalidParameterValue', message)
export const missingParameter = (name: string): AwsError =>
  sqsError('MissingParameter', `The request must contain the parameter ${name}.`)
export const invalidAttributeValue = (name: string, detail: string): AwsError =>
  sqsError('InvalidAttributeValue', `Invalid value for the parameter ${name}. Reason: ${detail}`)
export const invalidReceiptHandle = (handle: string): AwsError =>
  sqsError(
    'ReceiptHandleIsInvalid',
    `The input receipt handle "${handle.slice(0, 100)}" is not a valid receipt handle.`,
  )
