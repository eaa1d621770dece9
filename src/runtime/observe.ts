import type { DomainEvent } from '../contracts/envelope.ts'
import { isRetryable } from '../domain/errors.ts'
import { envelopeMetadata } from '../domain/outbox.ts'
import type { Log } from '../domain/ports.ts'
import type { Store } from '../domain/store.ts'
import { type ChainFields, inChain, noteWritten, rowsWritten, wasRefused } from './chain.ts'

/** Rows that are named in a line; of more, their number. */
const MAX_NAMED = 10
const MAX_TEXT = 128

/**
 * Fields of an event's data that are said when it is made. An allow-list: names, numbers and digests by which a line is
 * found, never what people or devices wrote.
 */
const SAID = [
  ...['model', 'version', 'dataset', 'rollout', 'decision', 'trigger', 'episode', 'window'],
  ...['fleet', 'slot', 'phase', 'counter', 'epoch', 'hardware', 'strategy', 'job'],
  ...['thing', 'bundle', 'outcome', 'code', 'key', 'kind', 'subject', 'rejection', 'digest'],
] as const

/** What an invocation is about, as far as its event says so before anything is parsed; `one` when it is one thing. */
function incoming(event: unknown): { readonly one: boolean; readonly fields: ChainFields } {
  const { source, detail, routeKey, requestContext, Records } = (event ?? {}) as Record<string, unknown>
  const type = (event as Record<string, unknown> | null)?.['detail-type']
  if (typeof source === 'string' && typeof type === 'string') {
    const { metadata, object, TrainingJobName } = (detail ?? {}) as Record<string, Record<string, unknown>>
    const { id, correlationId, causationId, generation } = metadata ?? {}
    return {
      one: source !== 'aws.events',
      fields: defined({
        ...{ eventType: type, eventId: id, correlationId, causationId, generation },
        ...{ key: object?.['key'], job: TrainingJobName },
      }),
    }
  }
  if (typeof routeKey === 'string')
    return { one: false, fields: defined({ route: routeKey, apiRequestId: at(requestContext, 'requestId') }) }
  return { one: false, fields: Array.isArray(Records) ? { records: Records.length } : {} }
}
const at = (value: unknown, name: string): unknown => (value as Record<string, unknown> | undefined)?.[name]
const defined = (fields: Record<string, unknown>): ChainFields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined))

/**
 * Runs the logic of an invocation inside its chain. Of a single event there is a line at the end (EVENT_HANDLED), and
 * of whatever throws one that says what it was about.
 */
export const observed = <R>(log: Log, event: unknown, run: () => Promise<R>): Promise<R> => {
  const { one, fields } = incoming(event)
  return inChain(fields, async () => {
    const started = performance.now()
    const facts = (outcome: string) => {
      const rows = rowsWritten()
      return {
        ...{ outcome, durationMs: Math.round(performance.now() - started) },
        ...(rows.length === 0 ? {} : { wrote: rows.slice(0, MAX_NAMED), rows: rows.length }),
      }
    }
    try {
      const result = await run()
      if (one) log.info('EVENT_HANDLED', facts(wasRefused() ? 'refused' : 'done'))
      return result
    } catch (error) {
      log.error('EVENT_HANDLED', {
        ...facts('failed'),
        ...{ error: String(error).slice(0, 1024), retryable: isRetryable(error) },
      })
      throw error
    }
  })
}

/** The store, with a line for every event that a commit has made (EVENT_EMITTED). */
export const tellingStore = (store: Store, log: Log, now: () => Date): Store => ({
  ...store,
  async commit(writes, events = [], cause) {
    await store.commit(writes, events, cause)
    noteWritten(writes.map(({ key }) => (key.sk === key.pk ? key.pk : `${key.pk} ${key.sk}`)))
    for (const event of events) {
      const { id, correlationId, causationId, generation } = envelopeMetadata(event, cause, now())
      log.info('EVENT_EMITTED', {
        ...{ emitted: event.type, emittedId: id, correlationId, generation },
        ...(causationId === undefined ? {} : { causationId }),
        ...saidOf(event),
      })
    }
  },
})

function saidOf({ data }: DomainEvent): ChainFields {
  const fields: Record<string, unknown> = {}
  for (const name of SAID) {
    const value = (data as Readonly<Record<string, unknown>>)[name]
    if (typeof value === 'string') fields[name] = value.slice(0, MAX_TEXT)
    else if (typeof value === 'number') fields[name] = value
  }
  return fields
}
