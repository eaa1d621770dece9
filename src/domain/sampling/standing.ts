import { isRevoked } from '../device/revoked.ts'
import { type DeviceRow, keys } from '../entities.ts'
import type { Core } from '../ports.ts'

const READS = 40

/** Does what was received (ISO time) from a device count for nothing, because it was revoked at that time? */
export type Revoked = (thing: string, receivedAt: string) => boolean

/** How these devices stand, read once. */
export async function revocations(
  { store }: Pick<Core, 'store'>,
  things: Iterable<string>,
): Promise<Revoked> {
  const all = [...new Set(things)]
  const revoked = new Map<string, DeviceRow>()
  for (let at = 0; at < all.length; at += READS) {
    const rows = await Promise.all(
      all.slice(at, at + READS).map(thing => store.get<DeviceRow>(keys.device(thing))),
    )
    for (const row of rows) if (row?.data.revokedAt !== undefined) revoked.set(row.data.thing, row.data)
  }
  return (thing, receivedAt) => {
    const device = revoked.get(thing)
    return device !== undefined && isRevoked(device, new Date(receivedAt))
  }
}
