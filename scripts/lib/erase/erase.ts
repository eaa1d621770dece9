/** An erasure from its beginning to its end: who asked, what is kept from coming back, what goes, and that it is over. */
import { type ErasedDeviceRow, type ErasingRow, keys } from '../../../src/domain/entities.ts'
import type { Erase } from '../../../src/domain/lineage/erasure.ts'
import { auditPut } from '../../../src/domain/operators/audit.ts'
import {
  devicePut,
  eventIdDigest,
  ownerOf,
  tombstoneKey,
  tombstonePut,
} from '../../../src/domain/sampling/erased.ts'
import { put } from '../../../src/domain/store.ts'
import { sha256Hex } from '../../../src/domain/training/plan.ts'
import type { ErasePorts } from './ports.ts'
import { type Found, type Job, walk } from './walk.ts'

export interface Asked {
  readonly model: string
  readonly what: Erase
  readonly reason: string
  /** ARN of whose credentials ask. */
  readonly by: string
  readonly now: Date
  readonly note: Job['note']
}

/** As audit records and people see it: digests, since a device's name and an event id say whose samples they were. */
export const digestOfWhat = (what: Erase): string =>
  'device' in what ? `device ${sha256Hex(`device\0${what.device}`)}` : `sample ${eventIdDigest(what.sample)}`
export const isSame = (a: Erase, b: Erase): boolean =>
  'device' in a ? 'device' in b && a.device === b.device : 'sample' in b && a.sample === b.sample

/** An erasure of this model that has begun and not ended. */
export const unfinished = async ({ store }: Pick<ErasePorts, 'store'>, model: string) =>
  (await store.get<ErasingRow>(keys.erasing(model)))?.data

export const look = (ports: ErasePorts, asked: Asked): Promise<Found> =>
  walk(ports, { ...asked, because: { erasedAt: asked.now.toISOString(), reason: asked.reason }, act: false })

/**
 * Goes on with an erasure of the same that did not end, with its time and reason, so that what it wrote is written
 * again and not beside it.
 * @throws EdgeloopError CONFLICT when another one runs at the same time
 */
export async function erase(ports: ErasePorts, asked: Asked): Promise<Found> {
  const { store, quarantine } = ports
  const { model, what, by, note } = asked
  const key = keys.erasing(model)
  const before = await store.get<ErasingRow>(key)
  const row: ErasingRow = before?.data ?? {
    ...{ what, by, reason: asked.reason, erasedAt: asked.now.toISOString() },
  }
  const { erasedAt, reason } = row
  if (!isSame(row.what, what)) throw new Error(`${model}: another erasure has begun and not ended`)
  if (before === undefined) {
    const subject = `${model} ${digestOfWhat(what)}`
    const commander = { by, request: `${erasedAt} ${subject}` }
    await store.commit([
      put(key, row, undefined),
      auditPut(commander, erasedAt, { action: 'ERASE_SAMPLES', subject, change: { reason }, before: null }),
    ])
  }
  const owner = ownerOf(what)
  const device = await quarantine.get<ErasedDeviceRow>(keys.erasedDevice(model, owner))
  const known = 'sample' in what && (await quarantine.get(tombstoneKey(model, what.sample))) !== undefined
  await quarantine.commit([
    devicePut(model, owner, erasedAt, device?.data, 'device' in what),
    ...('sample' in what && !known
      ? [tombstonePut(model, what.sample, { erasedAt, reason, version: undefined })]
      : []),
  ])
  const found = await walk(ports, { model, what, because: { erasedAt, reason }, act: true, note })
  await store.commit([{ kind: 'remove', key }])
  return found
}
