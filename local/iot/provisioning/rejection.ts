import { AwsError } from '../../core/types.ts'
import type { Format } from './topics.ts'

/** Payload of the `rejected` topics. */
export interface Rejection {
  readonly statusCode: number
  readonly errorCode: string
  readonly errorMessage: string
}

/**
 * A refusal of this API. AWS documents the fields of a rejection and not its codes; `InvalidPayload` and
 * `InvalidCertificateOwnershipToken` are seen in its SDKs' tests and issues, `AccessDenied` in the text on hooks.
 */
export const refuse = (statusCode: number, errorCode: string, message: string): AwsError =>
  new AwsError(errorCode, message, statusCode)

/** The rejection for anything that was thrown; codes have no `Exception` at the end here, as on AWS. */
export const rejectionOf = (error: unknown): Rejection =>
  error instanceof AwsError
    ? {
        statusCode: error.status,
        errorCode: error.code.replace(/Exception$/, ''),
        errorMessage: error.message,
      }
    : { statusCode: 500, errorCode: 'InternalFailure', errorMessage: 'An internal error has occurred.' }

export const encodeRejection = (rejection: Rejection, format: Format): Buffer =>
  format === 'json' ? Buffer.from(JSON.stringify(rejection)) : cborOf(rejection)

/** RFC 8949: a map of three pairs, each key a text string. Enough to tell a CBOR client that it is refused. */
const cborOf = ({ statusCode, errorCode, errorMessage }: Rejection): Buffer =>
  Buffer.concat([
    head(5, 3),
    text('statusCode'),
    head(0, statusCode),
    text('errorCode'),
    text(errorCode),
    text('errorMessage'),
    text(errorMessage),
  ])

const text = (value: string): Buffer => {
  const bytes = Buffer.from(value, 'utf8')
  return Buffer.concat([head(3, bytes.length), bytes])
}

const head = (majorType: number, value: number): Buffer => {
  const type = majorType << 5
  if (value < 24) return Buffer.from([type | value])
  if (value < 256) return Buffer.from([type | 24, value])
  return Buffer.from([type | 25, value >> 8, value & 0xff])
}
