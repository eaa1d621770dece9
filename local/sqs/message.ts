/** Messages: what may be sent, and the MD5 digests that clients verify. */
import { createHash } from 'node:crypto'
import { invalidParameter, sqsError } from './errors.ts'
import { type Input, optionalString, requiredString, structure } from './input.ts'

export interface MessageAttribute {
  /** `String`, `Number` or `Binary`, with an optional custom part such as `Number.float`. */
  readonly DataType: string
  readonly StringValue?: string
  /** Base64. */
  readonly BinaryValue?: string
}
export type MessageAttributes = Readonly<Record<string, MessageAttribute>>
export interface NewMessage {
  readonly body: string
  readonly attributes: MessageAttributes
  /** `AWSTraceHeader` only. */
  readonly systemAttributes: MessageAttributes
}

const maxAttributes = 10
/** Characters of XML 1.0, the only ones that SQS takes. */
const allowedBody = /^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u

/** Throws InvalidParameterValue or InvalidMessageContents. `maxBytes` counts the body and the attributes. */
export function readMessage(input: Input, maxBytes: number): NewMessage {
  const message: NewMessage = {
    body: requiredString(input, 'MessageBody'),
    attributes: readMessageAttributes(input['MessageAttributes']),
    systemAttributes: readMessageAttributes(input['MessageSystemAttributes']),
  }
  for (const name of Object.keys(message.systemAttributes)) {
    if (name !== 'AWSTraceHeader')
      throw invalidParameter(`Message system attribute name '${name}' is invalid.`)
  }
  // MessageGroupId is allowed on standard queues (fair queues); it has no effect here.
  if (input['MessageDeduplicationId'] !== undefined)
    throw invalidParameter(
      'The request includes a parameter that is not valid for this queue type: MessageDeduplicationId',
    )
  assertMessage(message, maxBytes)
  return message
}

export function assertMessage(message: NewMessage, maxBytes: number): void {
  if (message.body === '') throw invalidParameter('The request must contain a non-empty MessageBody.')
  if (messageBytes(message) > maxBytes)
    throw invalidParameter(
      `One or more parameters are invalid. Reason: Message must be shorter than ${maxBytes} bytes.`,
    )
  if (!allowedBody.test(message.body))
    throw sqsError(
      'InvalidMessageContents',
      'Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF',
    )
}

function readMessageAttributes(raw: unknown): MessageAttributes {
  if (raw === undefined) return {}
  const entries = Object.entries(structure(raw, 'MessageAttributes'))
  if (entries.length > maxAttributes)
    throw invalidParameter(
      `Number of message attributes [${entries.length}] exceeds the allowed maximum [${maxAttributes}].`,
    )
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (name !== 'AWSTraceHeader' && !isAttributeName(name))
        throw invalidParameter(`Message attribute name '${name}' is invalid.`)
      return [name, readMessageAttribute(name, structure(value, name))]
    }),
  )
}

const isAttributeName = (name: string): boolean =>
  /^[A-Za-z0-9_.-]{1,256}$/.test(name) && !/^(aws|amazon)\.|^\.|\.$|\.\./i.test(name)

function readMessageAttribute(name: string, input: Input): MessageAttribute {
  const type = requiredString(input, 'DataType')
  const [base] = type.split('.')
  const text = optionalString(input, 'StringValue')
  const binary = optionalString(input, 'BinaryValue')
  if (base === 'Binary' && binary !== undefined && binary !== '')
    return { DataType: type, BinaryValue: binary }
  if (base === 'String' && text !== undefined && text !== '') return { DataType: type, StringValue: text }
  if (base === 'Number' && text !== undefined && text.trim() !== '' && !Number.isNaN(Number(text)))
    return { DataType: type, StringValue: text }
  throw invalidParameter(
    `The message attribute '${name}' must contain a non-empty value of its type '${type}' (String, Number or Binary).`,
  )
}

export const messageBytes = ({ body, attributes }: NewMessage): number =>
  Object.entries(attributes).reduce(
    (sum, [name, value]) =>
      sum + Buffer.byteLength(name) + Buffer.byteLength(value.DataType) + valueBytes(value).length,
    Buffer.byteLength(body),
  )

export const md5 = (content: string | Buffer): string => createHash('md5').update(content).digest('hex')

/**
 * Digest of message attributes: for each, sorted by name, the length and bytes of name and type, one byte for
 * the kind of value (1 text, 2 binary), and length and bytes of the value. Developer guide, "Calculating the MD5
 * message digest for message attributes". Nothing for no attributes.
 */
export function md5OfAttributes(attributes: MessageAttributes): string | undefined {
  const names = Object.keys(attributes).sort()
  if (names.length === 0) return undefined
  const parts = names.flatMap(name => {
    const value = attributes[name]!
    return [
      withLength(Buffer.from(name)),
      withLength(Buffer.from(value.DataType)),
      Buffer.from([value.BinaryValue === undefined ? 1 : 2]),
      withLength(valueBytes(value)),
    ]
  })
  return md5(Buffer.concat(parts))
}

const valueBytes = ({ BinaryValue, StringValue = '' }: MessageAttribute): Buffer =>
  BinaryValue === undefined ? Buffer.from(StringValue) : Buffer.from(BinaryValue, 'base64')
function withLength(content: Buffer): Buffer {
  const length = Buffer.alloc(4)
  length.writeUInt32BE(content.length)
  return Buffer.concat([length, content])
}
