/** PutEvents: checks entry by entry; one bad entry never costs the others. */
import { randomUUID } from 'node:crypto'
import { AwsError, type CallContext, type Realm } from '../core/types.ts'
import { isRecord, type Json, list, number, record, text } from './read.ts'

const MAX_ENTRIES = 10
/** Bytes over all entries of one call; 1 MB since 29 January 2026. */
const MAX_BYTES = 1_048_576

export interface PutEventsPorts {
  readonly realm: Realm
  /** ARN of the bus by name or ARN, or undefined when there is none. */
  busArn(nameOrArn: string): { name: string; arn: string } | undefined
  publish(event: Json, busName: string): void
}

interface EntryResult {
  readonly EventId?: string
  readonly ErrorCode?: string
  readonly ErrorMessage?: string
}

export function putEvents(input: unknown, ctx: CallContext, ports: PutEventsPorts) {
  const entries = list(record(input)['Entries']).map(record)
  if (entries.length < 1 || entries.length > MAX_ENTRIES)
    throw new AwsError(
      'ValidationException',
      `1 validation error detected: Value at 'entries' failed to satisfy constraint: Member must have length less than or equal to ${MAX_ENTRIES} and greater than or equal to 1`,
    )
  if (entries.reduce((sum, entry) => sum + entryBytes(entry), 0) > MAX_BYTES)
    throw new AwsError('ValidationException', 'Total size of the entries in the request is over the limit.')
  const buses = entries.map(entry => text(entry['EventBusName']) ?? 'default')
  ctx.authorize(
    ...entries.map((entry, at) => ({
      action: 'events:PutEvents',
      resource: ports.busArn(buses[at] ?? '')?.arn ?? unknownBusArn(ports.realm, buses[at] ?? ''),
      context: {
        'events:source': String(entry['Source'] ?? ''),
        'events:detail-type': String(entry['DetailType'] ?? ''),
        'events:eventBusInvocation': 'false',
      },
    })),
  )
  const results = entries.map((entry, at) => putEntry(entry, buses[at] ?? '', ports))
  return { FailedEntryCount: results.filter(each => each.ErrorCode).length, Entries: results }
}

const unknownBusArn = (realm: Realm, name: string): string =>
  name.startsWith('arn:') ? name : `arn:aws:events:${realm.region}:${realm.accountId}:event-bus/${name}`

function putEntry(entry: Json, busName: string, ports: PutEventsPorts): EntryResult {
  for (const field of ['Source', 'DetailType', 'Detail'])
    if (!text(entry[field]))
      return failure(
        'InvalidArgument',
        `Parameter ${field} is not valid. Reason: ${field} is a required argument.`,
      )
  const source = String(entry['Source'])
  if (/^aws\./i.test(source))
    return failure('NotAuthorizedForSourceException', 'Not authorized for the source.')
  const detail = parseDetail(String(entry['Detail']))
  if (!detail) return failure('MalformedDetail', 'Detail is malformed.')
  // AWS answers success here and drops the event (github.com/aws/aws-sdk/issues/186); a harness must not hide it.
  const bus = ports.busArn(busName)
  if (!bus) return failure('ResourceNotFoundException', `Event bus ${busName} does not exist.`)
  const event = envelope(ports.realm, {
    source,
    detailType: String(entry['DetailType']),
    resources: list(entry['Resources']).map(String),
    detail,
    time: eventTime(entry['Time']) ?? ports.realm.now(),
  })
  ports.publish(event, bus.name)
  return { EventId: String(event['id']) }
}

/** A JSON object that can also be written again: nesting that overflows JSON.stringify is malformed. */
function parseDetail(detail: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(detail)
    JSON.stringify(parsed)
    return isRecord(parsed) ? parsed : undefined
  } catch {
    return undefined
  }
}

function eventTime(value: unknown): Date | undefined {
  const seconds = number(value)
  const time =
    seconds === undefined
      ? new Date(typeof value === 'string' ? value : Number.NaN)
      : new Date(seconds * 1000)
  return Number.isNaN(time.getTime()) ? undefined : time
}

/** AWS's own rule for the size of an entry: UTF-8 bytes of the fields, and 14 for Time. */
function entryBytes(entry: Json): number {
  const texts = [entry['Source'], entry['DetailType'], entry['Detail'], ...list(entry['Resources'])]
  const time = entry['Time'] === undefined ? 0 : 14
  return texts.reduce<number>(
    (sum, each) => sum + (typeof each === 'string' ? Buffer.byteLength(each) : 0),
    time,
  )
}

const failure = (ErrorCode: string, ErrorMessage: string): EntryResult => ({ ErrorCode, ErrorMessage })

/** The event as targets see it, with every field of the envelope. */
export function envelope(
  realm: Realm,
  event: { source: string; detailType: string; resources: readonly string[]; detail: Json; time?: Date },
): Json {
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': event.detailType,
    source: event.source,
    account: realm.accountId,
    time: (event.time ?? realm.now()).toISOString().replace(/\.\d{3}Z$/, 'Z'),
    region: realm.region,
    resources: event.resources,
    detail: event.detail,
  }
}
