import { type AuditRow, keys, listings } from '../entities.ts'
import type { Cause, Put } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'

/** Who asked for a change, and the request's id, which is the same when it is delivered again. */
export interface Commander {
  readonly by: string
  readonly request: string
  /** What the token may do, beyond the scope that its route asked for. */
  readonly scopes?: readonly string[]
}

/** The record of one change, to be committed with the change itself. */
export function auditPut(
  { by, request }: Commander,
  at: string,
  { action, subject, change, before }: Pick<AuditRow, 'action' | 'subject' | 'change' | 'before'>,
): Put<AuditRow> {
  const audit = sha256Hex([request, action, subject, JSON.stringify(change)].join('\0')).slice(0, 32)
  return {
    kind: 'put',
    key: keys.audit(audit),
    data: { audit, at, by, action, subject, change, before },
    // The id says all of it, so a second one would be the same.
    expect: 'any',
    list: { pk: listings.audit, sk: `${at}#${audit}` },
  }
}

/** A command starts a chain; delivered again, it makes the same events. */
export function causeOf({ request }: Commander): Cause {
  const id = sha256Hex(`command\0${request}`).slice(0, 32)
  return { correlationId: id, causationId: id, generation: 0 }
}
