import { AwsError } from '../core/types.ts'
import type { FaultKind, SignatureFault } from './sigv4-fault.ts'
import { writeXml, type XmlValue } from './xml.ts'

/** The four ways in which AWS services put an error on the wire. */
export type Protocol = 'json' | 'rest-json' | 'rest-xml' | 'query'

export interface RenderedError {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

type Code = readonly [code: string, status: number]
const perProtocol = (json: Code, restJson: Code, xml: Code, query: Code) => ({
  json,
  'rest-json': restJson,
  'rest-xml': xml,
  query,
})

// Codes as AWS answers them: JSON protocols say InvalidSignatureException with 400 where S3 and STS say
// SignatureDoesNotMatch with 403, and so on.
const invalidSignature: Code = ['InvalidSignatureException', 400]
const invalidSignatureRest: Code = ['InvalidSignatureException', 403]
const incomplete: Code = ['IncompleteSignature', 400]
const faults: Readonly<Record<FaultKind, Readonly<Record<Protocol, Code>>>> = {
  missing: perProtocol(
    ['MissingAuthenticationTokenException', 403],
    ['MissingAuthenticationTokenException', 403],
    ['AccessDenied', 403],
    ['MissingAuthenticationToken', 403],
  ),
  malformed: perProtocol(
    ['IncompleteSignatureException', 400],
    ['IncompleteSignatureException', 403],
    ['AuthorizationHeaderMalformed', 400],
    incomplete,
  ),
  'malformed-query': perProtocol(
    ['IncompleteSignatureException', 400],
    ['IncompleteSignatureException', 403],
    ['AuthorizationQueryParametersError', 400],
    incomplete,
  ),
  'old-version': perProtocol(
    ['IncompleteSignatureException', 400],
    ['IncompleteSignatureException', 403],
    ['InvalidRequest', 400],
    incomplete,
  ),
  'unknown-key': perProtocol(
    ['UnrecognizedClientException', 400],
    ['UnrecognizedClientException', 403],
    ['InvalidAccessKeyId', 403],
    ['InvalidClientTokenId', 403],
  ),
  'wrong-token': perProtocol(
    ['UnrecognizedClientException', 400],
    ['UnrecognizedClientException', 403],
    ['InvalidToken', 400],
    ['InvalidClientTokenId', 403],
  ),
  mismatch: perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['SignatureDoesNotMatch', 403],
    ['SignatureDoesNotMatch', 403],
  ),
  skewed: perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['RequestTimeTooSkewed', 403],
    ['SignatureDoesNotMatch', 403],
  ),
  expired: perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['AccessDenied', 403],
    ['SignatureDoesNotMatch', 403],
  ),
  'not-yet-valid': perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['AccessDenied', 403],
    ['SignatureDoesNotMatch', 403],
  ),
  'unsigned-headers': perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['AccessDenied', 403],
    ['SignatureDoesNotMatch', 403],
  ),
  'payload-mismatch': perProtocol(
    invalidSignature,
    invalidSignatureRest,
    ['XAmzContentSHA256Mismatch', 400],
    ['SignatureDoesNotMatch', 403],
  ),
  'bad-framing': perProtocol(invalidSignature, invalidSignatureRest, ['IncompleteBody', 400], incomplete),
}

export function faultToAwsError(fault: SignatureFault, protocol: Protocol): AwsError {
  const [code, status] = faults[fault.kind][protocol]
  return new AwsError(code, fault.message, status)
}

/** `iam.authorize` always throws AccessDenied 403; JSON services call that AccessDeniedException. */
function inProtocol(error: AwsError, protocol: Protocol): AwsError {
  if (error.code !== 'AccessDenied') return error
  if (protocol === 'json') return new AwsError('AccessDeniedException', error.message, 400, error.extra)
  if (protocol === 'rest-json') return new AwsError('AccessDeniedException', error.message, 403, error.extra)
  return error
}

/** An error in the wire format of its protocol. */
export function renderError(given: AwsError, protocol: Protocol, requestId: string): RenderedError {
  const error = inProtocol(given, protocol)
  if (protocol === 'rest-xml') {
    const tree = {
      Code: error.code,
      Message: error.message,
      ...(error.extra as Record<string, XmlValue>),
      RequestId: requestId,
    }
    return xmlError(error.status, writeXml('Error', tree))
  }
  if (protocol === 'query') {
    const type = error.status >= 500 ? 'Receiver' : 'Sender'
    const inner = { Type: type, Code: error.code, Message: error.message }
    return xmlError(error.status, writeXml('ErrorResponse', { Error: inner, RequestId: requestId }))
  }
  const type = protocol === 'json' ? { __type: error.code } : {}
  return {
    status: error.status,
    headers: { 'content-type': 'application/json', 'x-amzn-errortype': error.code },
    body: JSON.stringify({ ...error.extra, ...type, message: error.message }),
  }
}

function xmlError(status: number, body: string): RenderedError {
  return { status, headers: { 'content-type': 'application/xml' }, body }
}
