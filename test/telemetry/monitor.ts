import type { MonitorRow } from '../../src/domain/entities.ts'
import { nameOf } from '../../src/domain/monitoring/evaluate.ts'
import { decodeState, type MonitorState, stateKey } from '../../src/domain/monitoring/state.ts'
import { total } from '../../src/domain/monitoring/stats/counts.ts'
import type { Chain } from '../loop/chain.ts'

export const MONITOR_KEY = ['MONITOR#demo#0000001', 'MONITOR'] as const

/** What is kept of the windows that were judged. */
export function kept(chain: Chain): MonitorState {
  const { state } = chain.row<MonitorRow>(...MONITOR_KEY)
  const object = chain.world.state.artefacts.get(stateKey('demo', 1, state))
  const found = object && decodeState(object.bytes)
  if (!found) throw new Error('no state is kept')
  return found
}
/** Readings that a window has in the statistics, by quantity; 0 when it has none of its own. */
export const totals = (chain: Chain, window: number): Record<string, number> =>
  Object.fromEntries(
    // Nobody counts the confidence here.
    Object.entries(kept(chain).quantities).flatMap(([key, { segments }]) =>
      segments.length === 0
        ? []
        : [[nameOf(key), total(segments.find(s => s.from === window && s.windows === 1)?.counts ?? [])]],
    ),
  )

/** The clock ticks once, a minute later. */
export async function tick(chain: Chain): Promise<void> {
  chain.world.time += 60_000
  await chain.deliver(
    'reconcile',
    { id: 'r', time: '', source: 'aws.events', 'detail-type': 'Scheduled Event' },
    'tick',
  )
  await chain.pump()
}
