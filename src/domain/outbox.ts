import type { DomainEvent, Metadata } from '../contracts/envelope.ts'
import { keys } from './entities.ts'
import type { Cause, Put } from './store.ts'
import { canonicalJson, sha256Hex } from './training/plan.ts'

export interface OutboxEntry {
  readonly type: string
  /** The envelope as it goes out, serialised once. */
  readonly detail: string
}

/**
 * Event ids derive from content and cause, so that a handler which runs twice on one event makes one event.
 */
export function outboxRows(
  events: readonly DomainEvent[],
  cause: Cause | undefined,
  now: Date,
): Put<OutboxEntry>[] {
  return events.map(event => {
    const metadata = envelopeMetadata(event, cause, now)
    return {
      kind: 'put',
      key: keys.outbox(metadata.id),
      data: { type: event.type, detail: JSON.stringify({ metadata, data: event.data }) },
      expect: 'any',
      pending: { kind: 'outbox', since: now.toISOString() },
    }
  })
}

/** Of the event as it goes out; the id is the same whenever and however often it is made. */
export function envelopeMetadata(event: DomainEvent, cause: Cause | undefined, now: Date): Metadata {
  const id = sha256Hex(canonicalJson([event.type, event.data, cause?.causationId ?? ''])).slice(0, 32)
  return {
    id,
    type: event.type,
    version: 1,
    occurredAt: now.toISOString(),
    correlationId: cause?.correlationId ?? id,
    ...(cause?.causationId ? { causationId: cause.causationId } : {}),
    generation: cause?.generation ?? 0,
  }
}
