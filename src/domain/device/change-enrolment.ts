import type { EnrolmentChange } from '../../contracts/commands.ts'
import { type DeviceRow, type EnrolmentRow, keys, type RevocationRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import { auditPut, type Commander } from '../operators/audit.ts'
import type { Core } from '../ports.ts'
import { put, type Write } from '../store.ts'
import { enrolmentView, putEnrolment } from './allow-list.ts'
import { deviceWrites } from './report.ts'

/**
 * Blocks a serial, or allows a blocked one again. Allowed again, a revoked device may enrol with a new key, and counts
 * again from then on; what it sent while it was revoked stays out for good.
 */
export async function changeEnrolment(
  core: Core,
  serial: string,
  { status, reason }: EnrolmentChange,
  commander: Commander,
): Promise<Omit<EnrolmentRow, 'request'>> {
  const [row, device, revocation] = await Promise.all([
    core.store.get<EnrolmentRow>(keys.enrolment(serial)),
    core.store.get<DeviceRow>(keys.device(serial)),
    core.store.get<RevocationRow>(keys.revocation(serial)),
  ])
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no enrolment "${serial}"`)
  if (row.data.status === status) return enrolmentView(row.data)
  const at = core.now().toISOString()
  if (status === 'ALLOWED') assertOff(row.data, revocation?.data.status)
  const { fleet, hardware } = row.data
  const next: EnrolmentRow =
    status === 'BLOCKED'
      ? { ...row.data, status, blockedAt: at, reason }
      : { serial, fleet, hardware, status, allowedBy: commander.by, allowedAt: at, reason }
  const change = { status, reason }
  const audit = {
    action: 'CHANGE_ENROLMENT',
    subject: serial,
    change,
    before: enrolmentView(row.data),
  } as const
  const writes: Write[] = [putEnrolment(next, row), auditPut(commander, at, audit)]
  if (status === 'ALLOWED' && revocation !== undefined && device !== undefined) {
    writes.push(
      put(revocation.key, { ...revocation.data, status: 'LIFTED' }, revocation),
      ...deviceWrites({ ...device.data, reinstatedAt: at }, device),
    )
  }
  await core.store.commit(writes)
  core.log.info('ENROLMENT_CHANGED', { serial, status, by: commander.by })
  return enrolmentView(next)
}

/** A serial that was used is for another key only when the certificates of the first are revoked. */
function assertOff(
  { serial, certificateId }: EnrolmentRow,
  revocation: RevocationRow['status'] | undefined,
): void {
  if (revocation === 'REVOKED' || (certificateId === undefined && revocation !== 'REVOKING')) return
  throw new EdgeloopError(
    'ILLEGAL_STATE',
    revocation === 'REVOKING'
      ? `the certificates of ${serial} are still being revoked; try again in a minute`
      : `${serial} is enrolled; revoke the device first (POST /v1/devices/${serial}/revocation), then allow it again`,
  )
}
