import { type DeviceRow, keys, listings } from '../entities.ts'
import { type Pending, type Put, put, type Row } from '../store.ts'
import { standsRevoked } from './revoked.ts'
import { silentAt } from './silence.ts'

/**
 * A device's row as a write: in its fleet's list, and among what the reconciler looks at when it falls silent, or, until
 * it is heard again, counts as silent.
 */
export function putDevice(device: DeviceRow, before: Row<DeviceRow> | undefined): Put<DeviceRow> {
  const pending = pendingOf(device)
  return put(keys.device(device.thing), device, before, {
    list: { pk: listings.devices(device.fleet), sk: device.thing },
    ...(pending ? { pending } : {}),
  })
}

/** What a revoked device sent before may come later; its silence is no news. One that was only reported of is awaited by nobody. */
function pendingOf(device: DeviceRow): Pending | undefined {
  if (standsRevoked(device) || device.lastSeen === '') return undefined
  return device.silent
    ? { kind: 'silent', since: device.lastSeen }
    : { kind: 'device', since: silentAt(device).toISOString() }
}
