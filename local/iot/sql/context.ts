import { SqlEvaluationError } from './errors.ts'
import { isArray, isObject, type Value } from './values.ts'

/** The message a statement is evaluated against. */
export interface MessageContext {
  readonly raw: Buffer
  /** Without the `$aws/rules/{rule}/` of Basic Ingest. */
  readonly topic: string
  /** MQTT client id; absent for messages that did not come over MQTT. */
  readonly clientId?: string
  /** Certificate id or user id of the publisher; absent for messages of AWS IoT itself. */
  readonly principal?: string
  readonly traceId?: string
  readonly accountId: string
  /** Milliseconds since the epoch. */
  readonly now: number
  /** The payload as JSON object or array; throws SqlEvaluationError when it is neither. Parsed once. */
  payload(): Value
}

export const createMessageContext = (message: Omit<MessageContext, 'payload'>): MessageContext => {
  let parsed: Value
  let done = false
  return {
    ...message,
    payload: () => {
      if (!done) parsed = parseObject(message.raw)
      done = true
      return parsed
    },
  }
}

// IoT SQL takes JSON documents, not scalars: a payload of `80` needs decode(encode(*, 'base64'), 'base64')
// (developer guide, "WHERE clause"). An empty payload counts as one without fields ("Working with binary payloads").
const parseObject = (raw: Buffer): Value => {
  if (raw.length === 0) return {}
  let parsed: Value
  try {
    parsed = JSON.parse(raw.toString('utf8')) as Value
  } catch {
    throw new SqlEvaluationError(
      `the payload of ${raw.length} bytes is not JSON, so its fields cannot be read; use encode(*, 'base64')`,
    )
  }
  if (!isObject(parsed) && !isArray(parsed))
    throw new SqlEvaluationError('the payload is a JSON scalar, not an object, so its fields cannot be read')
  return parsed
}
