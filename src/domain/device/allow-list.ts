import type { EnrolmentEntry } from '../../contracts/enrolment.ts'
import { type EnrolmentRow, keys, listings } from '../entities.ts'
import { InputError } from '../errors.ts'
import { auditPut, type Commander } from '../operators/audit.ts'
import type { Core } from '../ports.ts'
import { type Put, put, type Row } from '../store.ts'

/** What operators see of it. */
export const enrolmentView = ({ request: _, ...row }: EnrolmentRow): Omit<EnrolmentRow, 'request'> => row

export type Allowed = 'ALLOWED' | 'UNCHANGED' | InputError

const CHUNK = 80

export const putEnrolment = (row: EnrolmentRow, before: Row<unknown> | undefined): Put<EnrolmentRow> =>
  put(keys.enrolment(row.serial), row, before, { list: { pk: listings.enrolments, sk: row.serial } })

/**
 * Puts devices on the allow-list, each with its record of who did it. What is there already stays; a serial that was
 * used or blocked under other terms is refused alone. The same request again does what is left, with the same outcomes.
 * @returns the outcome of each entry, in their order
 */
export async function allow(
  core: Core,
  entries: readonly EnrolmentEntry[],
  commander: Commander,
): Promise<Allowed[]> {
  const outcomes: Allowed[] = []
  const seen = new Set<string>()
  for (let from = 0; from < entries.length; from += CHUNK) {
    const chunk = entries.slice(from, from + CHUNK)
    const rows = await Promise.all(chunk.map(e => core.store.get<EnrolmentRow>(keys.enrolment(e.serial))))
    const at = core.now().toISOString()
    const writes = chunk.flatMap((entry, i) => {
      const before = rows[i]
      const done = before?.data.request === commander.request
      const outcome = seen.has(entry.serial)
        ? twice(entry.serial)
        : done
          ? 'ALLOWED'
          : judge(entry, before?.data)
      outcomes.push(outcome)
      seen.add(entry.serial)
      if (outcome !== 'ALLOWED' || done) return []
      const { by, request } = commander
      const row: EnrolmentRow = { ...entry, status: 'ALLOWED', allowedBy: by, allowedAt: at, request }
      return [{ entry, before, write: putEnrolment(row, before) }]
    })
    if (writes.length === 0) continue
    const audit = auditPut(commander, at, {
      action: 'ALLOW_DEVICES',
      ...{ subject: `${writes.length} devices`, part: from },
      change: writes.map(w => w.entry),
      before: writes.flatMap(w => (w.before ? enrolmentView(w.before.data) : [])),
    })
    await core.store.commit([...writes.map(w => w.write), audit])
  }
  return outcomes
}

const twice = (serial: string): InputError =>
  new InputError('DUPLICATE_SERIAL', `serial ${serial} is in the list twice`, 'serial')

function judge({ serial, fleet, hardware }: EnrolmentEntry, row: EnrolmentRow | undefined): Allowed {
  if (row === undefined) return 'ALLOWED'
  const same = row.fleet === fleet && row.hardware === hardware
  if (row.status === 'ALLOWED') return same ? 'UNCHANGED' : 'ALLOWED'
  if (row.status === 'USED' && same) return 'UNCHANGED'
  return row.status === 'USED'
    ? new InputError(
        'ALREADY_USED',
        `serial ${serial} is enrolled in fleet ${row.fleet} with hardware ${row.hardware}; revoke the device before it can be another`,
        'serial',
      )
    : new InputError(
        'BLOCKED',
        `serial ${serial} is blocked (${row.reason}); PUT /v1/enrolments/${serial} allows it again`,
        'serial',
      )
}
