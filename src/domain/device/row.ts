import { type DeviceRow, keys, listings } from '../entities.ts'
import { type Put, put, type Row } from '../store.ts'
import { standsRevoked } from './revoked.ts'
import { silentAt } from './silence.ts'

/** A device's row as a write: in its fleet's list, and among what the reconciler looks at when it falls silent. */
export function putDevice(device: DeviceRow, before: Row<DeviceRow> | undefined): Put<DeviceRow> {
  return put(keys.device(device.thing), device, before, {
    list: { pk: listings.devices(device.fleet), sk: device.thing },
    // What a revoked device sent before may come later; its silence is no news.
    ...(standsRevoked(device) ? {} : { pending: { kind: 'device', since: silentAt(device).toISOString() } }),
  })
}
