import type { DomainEvent } from '../../contracts/envelope.ts'
import { type AuditRow, keys, listings } from '../entities.ts'
import type { Cause, Put, Store } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'

/** Who asked for a change, and the request's id, which is the same when it is delivered again. */
export interface Commander {
  readonly by: string
  readonly request: string
  /** What the token may do, beyond the scope that its route asked for. */
  readonly scopes?: readonly string[]
}

/**
 * The record of one change, to be committed with the change itself. The same request has the same record, whenever it is
 * carried out; one that is carried out in parts has one for each.
 */
export function auditPut(
  { by, request }: Commander,
  at: string,
  {
    part = 0,
    ...what
  }: Pick<AuditRow, 'action' | 'subject' | 'change' | 'before' | 'answer'> & { readonly part?: number },
): Put<AuditRow> {
  const audit = auditOf(request, what, part)
  return {
    kind: 'put',
    key: keys.audit(audit),
    data: { audit, at, by, ...what },
    // Most changes find themselves done when they come again, and record nothing then.
    expect: 'any',
    list: { pk: listings.audit, sk: `${at}#${audit}` },
  }
}

const auditOf = (request: string, { action, subject }: Of, part = 0): string =>
  sha256Hex([request, action, subject, String(part)].join('\0')).slice(0, 32)
type Of = Pick<AuditRow, 'action' | 'subject'>

/** What the same request was answered when it came before; undefined when it did not. */
export async function answeredBefore<T>(
  store: Pick<Store, 'get'>,
  { request }: Commander,
  of: Of,
): Promise<T | undefined> {
  return (await store.get<AuditRow>(keys.audit(auditOf(request, of))))?.data.answer as T | undefined
}

/**
 * Commits a change that is nothing but its record and its events. The same request again, by then perhaps in another
 * state, finds its record, and leaves it as it was.
 */
export async function commitOnce(
  store: Pick<Store, 'get' | 'commit'>,
  commander: Commander,
  record: Put<AuditRow>,
  events: readonly DomainEvent[] = [],
): Promise<void> {
  if ((await store.get(record.key)) !== undefined) return
  await store.commit([{ ...record, expect: 'absent' }], events, causeOf(commander))
}

/** A command starts a chain; delivered again, it makes the same events. */
export function causeOf({ request }: Commander): Cause {
  const id = sha256Hex(`command\0${request}`).slice(0, 32)
  return { correlationId: id, causationId: id, generation: 0 }
}
