/** DynamoDB's errors by the names that SDKs know; wording as the service has it, as far as it is known. */
import { AwsError } from '../core/types.ts'

export const validation = (message: string, code = 'ValidationException'): AwsError =>
  new AwsError(code, message)

export const invalidParameters = (detail: string): AwsError =>
  validation(`One or more parameter values were invalid: ${detail}`)

/** A constraint of the API model, such as a length or an enumeration, in the service's own form. */
export const constraint = (value: unknown, member: string, rule: string): AwsError =>
  validation(
    `1 validation error detected: Value ${value === undefined || value === null ? 'null' : `'${typeof value === 'object' ? JSON.stringify(value) : String(value)}'`} at '${member}' failed to satisfy constraint: ${rule}`,
  )

export const resourceNotFound = (message = 'Requested resource not found'): AwsError =>
  new AwsError('ResourceNotFoundException', message)

export const conditionalCheckFailed = (item: object | undefined): AwsError =>
  new AwsError(
    'ConditionalCheckFailedException',
    'The conditional request failed',
    400,
    item === undefined ? {} : { Item: item },
  )
