import { parseUntrustedJson, UnsafeJsonError } from '../../../verifier/json.ts'
import type { AnswerOf } from '../../contracts/api/index.ts'
import type { QueueMessage } from '../ports.ts'

export type QueueKind = AnswerOf<'listQueues'>['queues'][number]['kind']
export type DeadLetter = AnswerOf<'listDeadLetters'>['messages'][number]

/** A place where failures land. */
export interface Landing {
  /** Name without service and stage. */
  readonly queue: string
  readonly url: string
  readonly kind: QueueKind
}
export const runbooks: Readonly<Record<QueueKind, string>> = {
  'dead-letters': 'docs/runbooks/dead-letters.md',
  'failed-invocations': 'docs/runbooks/failed-invocations.md',
  'undelivered-events': 'docs/runbooks/undelivered-events.md',
}
const KINDS = new Map<string, QueueKind>([
  ['failures', 'failed-invocations'],
  ['undelivered', 'undelivered-events'],
])
/** Who gave up on the messages of a dead-letter queue: SQS does not say it. */
export const takers: Readonly<Record<string, string>> = {
  'reports-dead': 'ingest-reports',
  'metrics-dead': 'ingest-metrics',
  'samples-dead': 'ingest-samples',
  'decisions-dead': 'advance-rollout',
  'refusals-dead': 'record-refusal',
  'compilation-polls-dead': 'track-compilation',
}

/** @param stack service and stage, which the names of queues and functions begin with */
export const landings = (urls: readonly string[], stack: string): Landing[] =>
  urls.map(url => {
    const queue = shortName(url.slice(url.lastIndexOf('/') + 1), stack)
    return { queue, url, kind: KINDS.get(queue) ?? 'dead-letters' }
  })
const shortName = (name: string, stack: string): string =>
  name.startsWith(`${stack}-`) ? name.slice(stack.length + 1) : name

/** Longest message of SQS; what we write ourselves nests less than ten deep. */
const LIMITS = { maxBytes: 1_048_576, maxDepth: 64 }
const SHOWN_BYTES = 4_096
const SHOWN_CHARS = 1_000

type Fields = Readonly<Record<string, unknown>>
const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const fields = (value: unknown): Fields => (isFields(value) ? value : {})
const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value !== '' ? value.slice(0, SHOWN_CHARS) : undefined

/** The body as an object, or why it is none. */
function readBody(body: string): Fields | string {
  try {
    const value = parseUntrustedJson(Buffer.from(body), LIMITS)
    return isFields(value) ? value : 'the body is JSON, but no object'
  } catch (error) {
    if (error instanceof UnsafeJsonError) return `the body cannot be read: ${error.message.slice(0, 300)}`
    throw error
  }
}

/** Name of the function that an ARN is of, without its qualifier. */
const functionOf = (arn: unknown): string | undefined =>
  /^arn:[^:]+:lambda:[^:]+:\d{12}:function:([A-Za-z0-9_-]{1,64})(:[A-Za-z0-9_$-]{1,128})?$/.exec(
    String(arn),
  )?.[1]

/** What a message for one of our functions is about. */
function subjectOf(event: Fields): string | null {
  const key = text(fields(fields(event['detail'])['object'])['key'])
  if (event['source'] === 'aws.s3' && key !== undefined) return key
  const { model, version } = event as { model?: unknown; version?: unknown }
  const named = ['detail-type', 'thing', 'clientId', 'topic'].map(name => text(event[name]))
  return (
    named.find(name => name !== undefined) ??
    (text(model) !== undefined && typeof version === 'number' ? `${text(model)}@${version}` : null)
  )
}

/** What a person sees of a message. A body that is not as it should be is shown all the same. */
export function view(landing: Landing, message: QueueMessage, stack: string): DeadLetter {
  const read = readBody(message.body)
  const about = details(landing, typeof read === 'string' ? {} : read, message.attributes)
  const by = about.by === undefined ? null : shortName(about.by, stack)
  return {
    messageId: message.id,
    sentAt: message.sentAt,
    received: message.received,
    function: by,
    error: about.error ?? null,
    subject: about.subject,
    body: cut(message.body),
  }
}

interface Details {
  readonly by: string | undefined
  readonly error?: string | undefined
  readonly subject: string | null
}
function details(
  { queue, kind }: Landing,
  read: Fields,
  attributes: Readonly<Record<string, string>>,
): Details {
  if (kind === 'dead-letters') return { by: takers[queue], subject: subjectOf(read) }
  if (kind === 'undelivered-events')
    return {
      by: functionOf(attributes['TARGET_ARN']),
      error: joined(attributes['ERROR_CODE'], attributes['ERROR_MESSAGE']),
      subject: subjectOf(read),
    }
  const context = fields(read['requestContext'])
  const response = fields(read['responsePayload'])
  const batch = fields(read['DDBStreamBatchInfo'])
  const size = batch['batchSize']
  return {
    by: functionOf(context['functionArn']),
    error: joined(response['errorType'], response['errorMessage']) ?? text(context['condition']),
    subject: typeof size === 'number' ? `${size} stream records` : subjectOf(fields(read['requestPayload'])),
  }
}
const joined = (code: unknown, message: unknown): string | undefined =>
  [text(code), text(message)].filter(part => part !== undefined).join(': ') || undefined

/** At most 4 KB, and no half of a character. */
function cut(body: string): string {
  const bytes = Buffer.from(body)
  if (bytes.length <= SHOWN_BYTES) return body
  return new TextDecoder().decode(bytes.subarray(0, SHOWN_BYTES), { stream: true })
}

/** How a message is handled once more. */
export type WayBack =
  | { readonly to: 'function'; readonly name: string; readonly payload: unknown }
  | { readonly to: 'bus'; readonly type: string; readonly detail: string }
  /** Records of the outbox's stream, which are not in the message: the outbox itself still has them. */
  | { readonly to: 'outbox' }
  | { readonly to: 'nowhere'; readonly why: string }
const nowhere = (why: string): WayBack => ({ to: 'nowhere', why })

/** Of `failures`: a record of an on-failure destination. Developer guide of Lambda, “Invocation record”. */
function failedInvocation(record: Fields): WayBack {
  if (isFields(record['DDBStreamBatchInfo'])) return { to: 'outbox' }
  const name = functionOf(fields(record['requestContext'])['functionArn'])
  if (name === undefined) return nowhere('requestContext.functionArn names no function')
  // Lambda leaves the payloads out of a record that they would make too large for the destination.
  if (record['requestPayload'] === undefined)
    return nowhere('it has no requestPayload: bring the event about anew, then delete the message')
  return { to: 'function', name, payload: record['requestPayload'] }
}

/** Of `undelivered`: the event as it was; attributes name rule and target. Nobody but AWS may publish its events. */
function undelivered(event: Fields, attributes: Readonly<Record<string, string>>): WayBack {
  if (event['source'] === 'edgeloop') {
    const type = text(event['detail-type'])
    if (type === undefined || !isFields(event['detail']))
      return nowhere('it has no detail-type, or its detail is no object')
    return { to: 'bus', type, detail: JSON.stringify(event['detail']) }
  }
  const name = functionOf(attributes['TARGET_ARN'])
  if (name === undefined)
    return nowhere(`attribute TARGET_ARN (${attributes['TARGET_ARN'] ?? 'missing'}) names no function`)
  return { to: 'function', name, payload: event }
}

/** @param kind of the queue that it lies in, one that SQS does not move back by itself */
export function wayBack(
  kind: Exclude<QueueKind, 'dead-letters'>,
  { body, attributes }: QueueMessage,
): WayBack {
  const read = readBody(body)
  if (typeof read === 'string') return nowhere(read)
  return kind === 'failed-invocations' ? failedInvocation(read) : undelivered(read, attributes)
}
