import { type DeviceRow, keys } from '../entities.ts'
import type { Core } from '../ports.ts'

const READS = 40

/** ISO time since when each of these devices is revoked; those in good standing are left out. */
export async function revocations(
  { store }: Pick<Core, 'store'>,
  things: Iterable<string>,
): Promise<ReadonlyMap<string, string>> {
  const all = [...new Set(things)]
  const found = new Map<string, string>()
  for (let at = 0; at < all.length; at += READS) {
    const rows = await Promise.all(
      all.slice(at, at + READS).map(thing => store.get<DeviceRow>(keys.device(thing))),
    )
    rows.forEach((row, i) => {
      if (row?.data.revokedAt !== undefined) found.set(all[at + i] as string, row.data.revokedAt)
    })
  }
  return found
}

/** Samples of a revoked device count up to the revocation, by the broker's time of receipt and not by the device's. */
export const afterRevocation = (receivedAt: string, revokedAt: string | undefined): boolean =>
  revokedAt !== undefined && Date.parse(receivedAt) >= Date.parse(revokedAt)
