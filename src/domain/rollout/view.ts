import { keys } from '../entities.ts'
import type { Store } from '../store.ts'
import { waitsFor } from './commands.ts'
import { decide } from './decide.ts'
import type { DeviceEvidence } from './evidence.ts'
import { readCounts } from './record.ts'
import { type Rollout, terminalRollout } from './types.ts'

/** Devices that are shown with a rollout: those that failed come first in the counters, all are in their rows. */
const SHOWN_PER_SHARD = 50

/** A rollout as operators see it: its plan, what is known, and what the engine makes of it at this moment. */
export async function rolloutView(store: Store, rollout: Rollout, now: Date) {
  const counts = await readCounts(store, rollout)
  const ended = terminalRollout(rollout.status)
  const shards = Array.from({ length: rollout.shards }, (_, shard) => keys.evidence(rollout.id, shard, '').pk)
  const devices = await Promise.all(
    shards.map(pk => store.query<DeviceEvidence>(pk, 'DEVICE#', { limit: SHOWN_PER_SHARD })),
  )
  return {
    ...rollout,
    counts,
    /** Null when nothing is to be decided any more. */
    outlook: ended ? null : decide(rollout, { counts, now }),
    waitsForApproval: waitsFor(rollout) ?? null,
    devices: devices
      .flat()
      .map(r => r.data)
      .sort((a, b) => (a.thing < b.thing ? -1 : 1)),
  }
}
