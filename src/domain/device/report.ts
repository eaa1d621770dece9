import type { AnswerOf } from '../../contracts/api/index.ts'
import { type DeviceRow, keys } from '../entities.ts'
import { latestSummary } from '../monitoring/summary.ts'
import { difference, sumCounts } from '../rollout/evidence.ts'
import { placement } from '../rollout/placement.ts'
import type { Put, Remove, Row, Store, Write } from '../store.ts'
import { standsRevoked } from './revoked.ts'
import { putDevice } from './row.ts'

/** Rows that the counters of a fleet are spread over, so that devices which come at once do not wait for one another. */
const SHARDS = 16
const shardOf = (thing: string): number => Math.floor(placement('report', thing) * SHARDS)

/** What a device adds to the counters of its fleet. A row of before there were counters adds nothing. */
function contribution(device: DeviceRow | undefined): Readonly<Record<string, number>> {
  if (device?.counted !== true) return {}
  // What a revoked device is and runs, and whether it is heard of, is no matter of the fleet any more.
  if (standsRevoked(device)) return { registered: 1, revoked: 1 }
  const counts: Record<string, number> = { registered: 1, [`hardware ${device.hardware}`]: 1 }
  if (device.silent) counts['silent'] = 1
  const slots = Object.values(device.slots)
  if (slots.length === 0 || slots.some(slot => slot.bundle === null)) counts['withoutModel'] = 1
  for (const { release } of slots)
    if (release !== undefined) {
      const version = `${release.model}@${release.version}`
      counts[`runs ${version}`] = 1
      if (device.silent) counts[`silent ${version}`] = 1
    }
  return counts
}

/**
 * A device's row with everything that is derived from it: its place in lists, the set of silent devices, and the
 * counters of its fleet, all in the transaction of the row, so that they can never differ from it.
 */
export function deviceWrites(after: DeviceRow, before: Row<DeviceRow> | undefined): Write[] {
  const device: DeviceRow = { ...after, counted: true }
  const writes: Write[] = [putDevice(device, before)]
  // The registry may have moved it to another fleet.
  for (const fleet of new Set([device.fleet, before?.data.fleet ?? device.fleet])) {
    const of = (row: DeviceRow | undefined) => (row?.fleet === fleet ? contribution(row) : {})
    const by = difference(of(device), of(before?.data))
    if (Object.keys(by).length > 0)
      writes.push({ kind: 'add', key: keys.fleetCounts(fleet, shardOf(device.thing)), by })
  }
  const member = inSet(device, before?.data)
  if (member !== undefined) writes.push(member)
  return writes
}

function inSet(device: DeviceRow, before: DeviceRow | undefined): Put | Remove | undefined {
  const key = keys.silent(device.fleet, device.thing)
  const silent = (row: DeviceRow | undefined) => row?.silent === true && !standsRevoked(row)
  if (silent(device) === silent(before)) return undefined
  return silent(device) ? { kind: 'put', key, data: {}, expect: 'any' } : { kind: 'remove', key }
}

/** Edge Manager's fleet report, from counters: as many reads for a million devices as for ten. */
export async function fleetReport(store: Store, fleet: string): Promise<AnswerOf<'getFleetReport'>> {
  const rows = await Promise.all(
    Array.from({ length: SHARDS }, (_, shard) => store.get<unknown>(keys.fleetCounts(fleet, shard))),
  )
  const counts = sumCounts(rows.flatMap(row => (row === undefined ? [] : [row.counters])))
  const at = (name: string): number => counts[name] ?? 0
  const named = (prefix: string): [string, number][] =>
    Object.entries(counts)
      .filter(([name, n]) => name.startsWith(`${prefix} `) && n > 0)
      .map(([name, n]) => [name.slice(prefix.length + 1), n])
  const versions = await Promise.all(
    named('runs').map(async ([name, devices]) => {
      const [model = '', number = ''] = name.split('@')
      const version = Number(number)
      const offline = at(`silent ${name}`)
      const last = await latestSummary(store, model, version)
      return {
        ...{ model, version, devices, connected: devices - offline, offline },
        ...{ active: last?.active ?? null, sampling: last?.sampling ?? null, window: last?.window ?? null },
      }
    }),
  )
  const [registered, silent, revoked] = [at('registered'), at('silent'), at('revoked')]
  return {
    ...{ fleet, registered, silent, revoked, connected: registered - silent - revoked },
    ...{ withoutModel: at('withoutModel') },
    hardware: named('hardware')
      .map(([hardware, devices]) => ({ hardware, devices }))
      .sort((a, b) => b.devices - a.devices),
    versions: versions.sort((a, b) =>
      a.model === b.model ? b.version - a.version : a.model < b.model ? -1 : 1,
    ),
  }
}
