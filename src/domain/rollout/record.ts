import { type FleetRow, keys } from '../entities.ts'
import { type Put, put, type Row, type Store, type Write } from '../store.ts'
import {
  armOf,
  contribution,
  type DeviceEvidence,
  difference,
  type Fact,
  fold,
  noEvidence,
  phaseAt,
  shardOf,
  sumCounts,
} from './evidence.ts'
import type { Counts, Rollout } from './types.ts'
import { terminalRollout } from './types.ts'

/** The rollout in flight in a slot of a fleet. */
export async function activeRollout(
  store: Store,
  fleet: string,
  slot: string,
): Promise<Row<Rollout> | undefined> {
  const id = (await store.get<FleetRow>(keys.fleet(fleet)))?.data.active[slot]
  const row = id === undefined ? undefined : await store.get<Rollout>(keys.rollout(id))
  return row !== undefined && !terminalRollout(row.data.status) ? row : undefined
}

/**
 * Writes that make a fact count, to be committed together with the mark that it came: the device's own row, and what
 * it changes in the counters of its shard. Only drawn and pinned devices are heard.
 */
export async function evidenceWrites(
  store: Store,
  rollout: Rollout,
  device: { readonly thing: string; readonly hardware: string },
  fact: Fact,
  receivedAt: Date,
): Promise<Write[]> {
  const phase = phaseAt(rollout, receivedAt)
  if (phase === undefined) return []
  const arm = armOf(rollout, device.thing, device.hardware, phase)
  const aboutCandidate = fact.kind === 'started' || fact.kind === 'outcome'
  if (aboutCandidate && arm !== 'canary' && rollout.policy.pins[device.thing] !== 'canary') return []
  const shard = shardOf(rollout, device.thing)
  const key = keys.evidence(rollout.id, shard, device.thing)
  const row = await store.get<DeviceEvidence>(key)
  const before = row?.data ?? noEvidence(device.thing)
  const after = fold(before, fact, phase, arm)
  if (after === before) return []
  const by = difference(contribution(after), contribution(before))
  const write: Put = put(key, after, row)
  return Object.keys(by).length === 0
    ? [write]
    : [write, { kind: 'add', key: keys.evidenceCounts(rollout.id, shard), by }]
}

/** The counters of a rollout: one read per shard, however many devices there are. */
export async function readCounts(store: Store, { id, shards }: Rollout): Promise<Counts> {
  const rows = await Promise.all(
    Array.from({ length: shards }, (_, shard) => store.get<unknown>(keys.evidenceCounts(id, shard))),
  )
  return sumCounts(rows.flatMap(row => (row === undefined ? [] : [row.counters])))
}
