/** What a window that had to wait may not do: stand for now before a rollout's gates. */
import { describe, expect, it } from 'vitest'
import { keys } from '../../src/domain/entities.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import { runChain, THINGS } from './chain.ts'
import { makeHandlers } from './handlers.ts'
import type { World } from './world.ts'

const chain = await runChain()
const inFlight = (world: World): boolean =>
  [...world.state.store.rows.values()].some(
    r => r.key.pk === 'ROLLOUT#demo-v2' && (JSON.parse(r.data) as Rollout).status === 'RUNNING',
  )
const found = chain.deliveries.find(d => d.handler === 'ingest-reports' && inFlight(d.before))
if (found === undefined) throw new Error('no device reported while version 2 was rolled out')
const { before } = found
const WINDOW_MS = 60_000
const GRACE_MS = 60_000

const evidence = (world: World): string =>
  JSON.stringify(
    [...world.state.store.rows.values()]
      .filter(r => r.key.pk.startsWith('EVIDENCE#'))
      .map(r => [r.key, r.data, r.counters]),
  )
/** A window of the devices' clocks now, received so much later: is it evidence? */
async function counted(laterMs: number, historical: boolean): Promise<boolean> {
  const world = before.clone()
  const window = Math.floor(world.time / WINDOW_MS)
  const body = { ...(chain.windowBody(2, window, [1, 2, 3]) as object), historical }
  world.time = (window + 1) * WINDOW_MS + laterMs
  const was = evidence(world)
  // The draw says which of them are of the rollout's first phase.
  const Records = THINGS.map(thing => {
    const record = JSON.parse(chain.uplink(thing, 'metrics', body).body) as object
    return { messageId: thing, body: JSON.stringify({ ...record, receivedAt: world.time }) }
  })
  await makeHandlers(world.deps())['ingest-metrics']?.({ Records })
  const { pk } = keys.windowPart('demo', 2, window, '', 0, 0)
  expect(await world.state.store.query(pk, 'DEVICE#')).toHaveLength(THINGS.length)
  return evidence(world) !== was
}

describe('a window is evidence of a rollout', () => {
  it('when it comes in time', async () => {
    expect(await counted(1_000, false)).toBe(true)
    expect(await counted(GRACE_MS + 600_000, false)).toBe(true)
  })
  it('not when it says that it waited', async () => {
    expect(await counted(1_000, true)).toBe(false)
  })
  it('not when it waited and cannot say so, since its bytes may have arrived before', async () => {
    expect(await counted(GRACE_MS + 600_001, false)).toBe(false)
  })
})
