/** Late counts in evaluate-window: the window is summed up again, and nobody is alarmed twice. */
import { describe, expect, it } from 'vitest'
import type { MonitorRow } from '../../src/domain/entities.ts'
import { type Chain, runToDrift } from '../loop/chain.ts'
import { kept, MONITOR_KEY, tick, totals } from './monitor.ts'

const readings = (shift: number) => Array.from({ length: 250 }, (_, i) => ((i * 37) % 1000) / 10 - 50 + shift)
const late = (chain: Chain, window: number, thing: string, shift: number) =>
  chain.queue(
    'ingest-metrics',
    'late',
    chain.uplink(thing, 'metrics', chain.windowBody(1, window, readings(shift))).body,
  )
const monitor = (chain: Chain) => chain.row<MonitorRow>(...MONITOR_KEY)
const count = (chain: Chain, type: string) =>
  [...chain.world.state.bus.values()].filter(t => t === type).length

describe('WindowAmended', () => {
  it('puts late counts into their window, once, and raises no second alarm', async () => {
    const chain = await runToDrift()
    const before = monitor(chain)
    expect([count(chain, 'DriftDetected'), totals(chain, 8)]).toEqual([
      1,
      { x: 1000, y: 1000, prediction: 1000 },
    ])
    const asked = count(chain, 'LabelsRequested')
    await late(chain, 8, 'lab-1', 45)
    await late(chain, 7, 'lab-2', 0)
    expect(monitor(chain)).toEqual(before)
    await tick(chain)
    await tick(chain)
    const after = monitor(chain)
    expect(totals(chain, 8)).toEqual({ x: 1250, y: 1250, prediction: 1250 })
    expect(totals(chain, 7)).toEqual({ x: 1250, y: 1250, prediction: 1250 })
    expect(kept(chain).quantities['x']?.segments.map(s => s.from)).toEqual([7, 8])
    expect([...after.evaluated].sort()).toEqual([7, 8])
    expect([
      count(chain, 'WindowAmended'),
      count(chain, 'DriftDetected'),
      count(chain, 'LabelsRequested'),
    ]).toEqual([...[2, 1, asked]])
  })

  it('corrects the evidence without opening an episode; the next window is judged with it', async () => {
    const chain = await runToDrift({ moved: 0 })
    expect(monitor(chain).episode).toBeUndefined()
    for (let i = 0; i < 8; i++) await late(chain, 8, `lab-${1 + (i % 4)}`, 45)
    await tick(chain)
    expect(count(chain, 'WindowAmended')).toBe(1)
    expect(monitor(chain).latest.find(e => e.name === 'x')?.state).toBe('drift')
    expect([monitor(chain).episode, count(chain, 'DriftDetected')]).toEqual([undefined, 0])
    for (const thing of ['lab-1', 'lab-2', 'lab-3', 'lab-4']) await late(chain, 9, thing, 45)
    expect(count(chain, 'DriftDetected')).toBe(1)
  })

  it('leaves a window as it is whose earlier messages have expired', async () => {
    const chain = await runToDrift()
    const { rows } = chain.world.state.store
    for (const [id, row] of rows)
      if (row.key.pk.startsWith('WINDOW#') && row.key.sk.startsWith('DEVICE#')) rows.delete(id)
    await late(chain, 8, 'lab-1', 0)
    await tick(chain)
    expect(count(chain, 'WindowAmended')).toBe(1)
    expect(totals(chain, 8)).toEqual({ x: 1000, y: 1000, prediction: 1000 })
  })

  it('that overtakes WindowClosed is judged in its place', async () => {
    const chain = await runToDrift()
    const closed = [...chain.deliveries].find(
      d => d.handler === 'evaluate-window' && d.label === 'WindowClosed',
    )
    if (closed === undefined) throw new Error('no window closed')
    const world = closed.before.clone()
    const amended = structuredClone(closed.event) as {
      'detail-type': string
      detail: { metadata: { type: string } }
    }
    amended['detail-type'] = 'WindowAmended'
    amended.detail.metadata.type = 'WindowAmended'
    const run = world.handlers()['evaluate-window']
    await run?.(amended)
    const first = JSON.stringify(world.outcome())
    await run?.(closed.event)
    expect(JSON.stringify(world.outcome())).toBe(first)
    expect(first).toContain('"evaluated":[7]')
  })
})
