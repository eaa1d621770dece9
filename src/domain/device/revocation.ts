import type { Revocation } from '../../contracts/commands.ts'
import { type BundleRow, type DeviceRow, type EnrolmentRow, keys, type RevocationRow } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import { auditPut, type Commander, causeOf } from '../operators/audit.ts'
import type { Core, Registry } from '../ports.ts'
import { put, type Remove, type Row } from '../store.ts'
import { enrolmentView, putEnrolment } from './allow-list.ts'
import { deviceWrites } from './report.ts'

export interface RevocationDeps extends Core {
  readonly registry: Registry
}

/**
 * Takes a device off. Committed first, with the event that revokes its certificates, so that from this moment nothing
 * counts that it sends. Revoking again changes nothing, unless it is to count for nothing from an earlier time on.
 */
export async function revokeDevice(
  deps: RevocationDeps,
  thing: string,
  { reason, since }: Revocation,
  commander: Commander,
): Promise<RevocationRow> {
  const now = deps.now()
  if (since !== undefined && Date.parse(since) > now.getTime())
    throw new InputError('IN_THE_FUTURE', `since ${since} is after now, ${now.toISOString()}`, 'since')
  const [device, enrolment, revocation] = await Promise.all([
    deps.store.get<DeviceRow>(keys.device(thing)),
    deps.store.get<EnrolmentRow>(keys.enrolment(thing)),
    deps.store.get<RevocationRow>(keys.revocation(thing)),
  ])
  // A certificate may be stolen before its device was ever heard of.
  const known = device?.data ?? enrolment?.data ?? (await deps.registry.describe(thing))
  if (known === undefined) throw new EdgeloopError('NOT_FOUND', `there is no device "${thing}"`)
  const from = earliest(device?.data.revokedAt, since ?? now.toISOString())
  if (revocation !== undefined && revocation.data.status !== 'LIFTED' && revocation.data.since <= from)
    return revocation.data

  const { fleet, hardware } = known
  const { by } = commander
  const at = now.toISOString()
  const row: RevocationRow = {
    ...{ thing, fleet, since: from, reason, by, at },
    status: 'REVOKING',
    certificates: revocation?.data.certificates ?? [],
  }
  const { reinstatedAt: _over, ...before } = device?.data ?? unheard(thing, fleet, hardware)
  // Also for one that was registered directly: so it can only come back by a command.
  const blocked: EnrolmentRow = {
    ...(enrolment?.data ?? { serial: thing, fleet, hardware, allowedBy: by, allowedAt: at }),
    ...{ status: 'BLOCKED', blockedAt: at, reason },
  }
  await deps.store.commit(
    [
      put(keys.revocation(thing), row, revocation, { pending: { kind: 'revocation', since: at } }),
      ...deviceWrites({ ...before, revokedAt: from }, device),
      putEnrolment(blocked, enrolment),
      ...(await runsNothing(deps, device)),
      auditPut(commander, at, {
        action: 'REVOKE_DEVICE',
        subject: thing,
        change: { reason, since: from },
        before: { device: device?.data ?? null, enrolment: enrolment ? enrolmentView(enrolment.data) : null },
      }),
    ],
    [{ type: 'DeviceRevoked', data: { thing, fleet, since: from, reason, by } }],
    causeOf(commander),
  )
  deps.log.warn('DEVICE_REVOKED', { thing, fleet, since: from, reason, by })
  return row
}

/** ISO times with a `Z` and differing precision do not compare as text. */
const earliest = (...times: readonly (string | undefined)[]): string =>
  new Date(Math.min(...times.flatMap(t => (t === undefined ? [] : [Date.parse(t)])))).toISOString()

const unheard = (thing: string, fleet: string, hardware: string): DeviceRow => ({
  ...{ thing, fleet, hardware, runtime: '', lastSeen: '', epoch: 0, seq: -1, slots: {} },
  silent: false,
  dropped: 0,
})

/** Windows do not wait for its counts any more. */
async function runsNothing({ store }: Core, device: Row<DeviceRow> | undefined): Promise<Remove[]> {
  const bundles = Object.values(device?.data.slots ?? {}).flatMap(slot => slot.bundle ?? [])
  const rows = await Promise.all([...new Set(bundles)].map(b => store.get<BundleRow>(keys.bundle(b))))
  const versions = new Map(
    rows.flatMap(row => (row ? [[`${row.data.model}#${row.data.version}`, row.data] as const] : [])),
  )
  return [...versions.values()].map(({ model, version }) => ({
    kind: 'remove',
    key: keys.running(model, version, device?.data.thing ?? ''),
  }))
}
