import { describe, expect, it } from 'vitest'
import type { SlotSampling } from '../../src/contracts/sampling-policy.ts'
import { manualClock, type TestCloud, testDevice } from './cloud.ts'
import { EPOCH_MS, makePackage, sha256, slotOf } from './helpers.ts'

const quiet = makePackage({ contract: { sampling: { policy: 'package', audit: 0 } } })
const POLICY = sha256('policy')
const sampling = (over: Partial<SlotSampling> = {}): SlotSampling => ({
  ...{ policy: POLICY, factor: 1, audit: 0 },
  ...over,
})
const later = (ms: number): string => new Date(EPOCH_MS + ms).toISOString()

async function device(of: SlotSampling | undefined, over: Parameters<typeof testDevice>[0] = {}) {
  const d = testDevice(over)
  d.cloud.hold(quiet)
  await d.cloud.up()
  const slot = slotOf({ committed: quiet.release, ...(of === undefined ? {} : { sampling: of }) })
  await d.cloud.publish(1, [slot])
  const rows = (n: number) => {
    const ids = Array.from({ length: n }, (_, i) => d.device.infer('quality', [(i % 10) / 10, i]).eventId)
    d.device.flush()
    return ids
  }
  return { ...d, rows }
}
const samplesOf = (cloud: TestCloud) => cloud.of('samples').flatMap(m => m.body.samples)
const countsOf = (cloud: TestCloud) => cloud.of('metrics').map(m => m.body.samples)

describe('the policy in the manifest', () => {
  it('takes the place of the package’s, and each sample says which one and why', async () => {
    const d = await device(
      sampling({ audit: 0.5, factor: 0.5, hard: [{ strategy: 'class', classes: ['bad'], probability: 1 }] }),
    )
    d.rows(200)
    await d.clock.advance(10)
    const samples = samplesOf(d.cloud)
    const kinds = new Set(samples.map(s => `${s.lane} ${s.strategy} ${s.pi} ${s.policy}`))
    const id = POLICY.slice(0, 16)
    expect(kinds).toEqual(new Set([`audit random 0.25 ${id}`, `hard class 0.5 ${id}`]))
    expect(samples.filter(s => s.lane === 'hard').every(s => s.prediction === 1)).toBe(true)
    const [counts] = countsOf(d.cloud)
    const chosen = (lane: string) => samples.filter(s => s.lane === lane).length
    expect(counts).toEqual({
      audit: { chosen: chosen('audit'), dropped: 0 },
      hard: { chosen: chosen('hard'), dropped: 0 },
    })
  })

  it('holds over a restart, and until a manifest names another or none', async () => {
    const d = await device(sampling({ audit: 1 }))
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    again.device.infer('quality', [0.1, 1])
    again.device.flush()
    await again.cloud.up()
    expect(samplesOf(again.cloud).map(s => s.policy)).toEqual([POLICY.slice(0, 16)])
    await again.cloud.publish(2, [slotOf({ committed: quiet.release, sampling: sampling({ audit: 0 }) })])
    again.device.infer('quality', [0.1, 1])
    await again.cloud.publish(3, [slotOf({ committed: quiet.release })])
    again.device.infer('quality', [0.1, 1])
    again.device.flush()
    await again.clock.advance(10)
    expect(samplesOf(again.cloud)).toHaveLength(1)
  })

  it('says nothing of samples in a window that has none', async () => {
    const d = await device(undefined)
    d.rows(3)
    await d.clock.advance(10)
    expect(countsOf(d.cloud)).toEqual([undefined])
    expect(d.storage.list()).not.toContain('sampling.json')
  })
})

describe('limits', () => {
  it('drop and count what is too much, so that the weights can be put right', async () => {
    const d = await device(sampling({ audit: 0.5, limits: { itemsPerHour: 20 } }))
    d.rows(400)
    await d.clock.advance(10)
    const samples = samplesOf(d.cloud)
    const [counts] = countsOf(d.cloud)
    expect(samples).toHaveLength(20)
    expect(counts!.audit.chosen - counts!.audit.dropped).toBe(20)
    // 1/π of what came, times chosen over what came of it: all the rows again. The hashes are fixed.
    const weight = (1 / samples[0]!.pi) * (counts!.audit.chosen / samples.length)
    expect(Math.abs((samples.length * weight) / 400 - 1)).toBeLessThan(0.15)
    expect(d.device.status().outbox.dropped).toBe(counts!.audit.dropped)
    await d.clock.advance(3_600_000)
    d.rows(10)
    await d.clock.advance(10)
    expect(samplesOf(d.cloud).length).toBeGreaterThan(20)
  })

  it('are not forgotten with a restart', async () => {
    const d = await device(sampling({ audit: 1, limits: { itemsPerHour: 20 } }))
    d.rows(15)
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    for (let i = 0; i < 15; i++) again.device.infer('quality', [0.1, i])
    again.device.flush()
    await again.clock.advance(10)
    expect(samplesOf(again.cloud)).toHaveLength(5)
    expect(countsOf(again.cloud).at(-1)!.audit).toEqual({ chosen: 15, dropped: 10 })
  })
})

describe('a burst', () => {
  const burst = { id: 'b-1', things: ['cam-1'], count: 30, until: later(3_600_000) }
  it('that is over by signed time is not taken, whatever the device’s clock says', async () => {
    // Ten years behind; the beacon was signed half an hour before the device's usual now.
    const lost = manualClock(EPOCH_MS - 10 * 365 * 86_400_000)
    const of = async (until: string): Promise<number> => {
      const d = await device(sampling({ burst: { ...burst, until } }), { clock: lost })
      d.rows(20)
      await lost.advance(10)
      return samplesOf(d.cloud).length
    }
    expect([await of(later(-3_600_000)), await of(later(3_600_000))]).toEqual([0, 20])
  })

  it('takes the next rows of the hard lane, once, whatever the limits say', async () => {
    const d = await device(sampling({ burst, factor: 0.01, limits: { itemsPerHour: 1 } }))
    const ids = d.rows(50)
    await d.clock.advance(10)
    const samples = samplesOf(d.cloud)
    expect(samples.map(s => s.eventId)).toEqual(ids.slice(0, 30))
    expect(samples.every(s => s.lane === 'hard' && s.strategy === 'burst' && s.pi === 1)).toBe(true)
    await d.device.stop()
    const again = testDevice({ storage: d.storage, clock: d.clock })
    await again.cloud.up()
    await again.cloud.publish(2, [slotOf({ committed: quiet.release, sampling: sampling({ burst }) })])
    again.device.infer('quality', [0.1, 1])
    const next = { ...burst, id: 'b-2', things: 'all' as const, count: 1 }
    await again.cloud.publish(3, [slotOf({ committed: quiet.release, sampling: sampling({ burst: next }) })])
    const wanted = again.device.infer('quality', [0.1, 1]).eventId
    again.device.infer('quality', [0.1, 1])
    again.device.flush()
    await again.clock.advance(10)
    expect(samplesOf(again.cloud).map(s => s.eventId)).toEqual([wanted])
  })

  it('goes on after a restart where it was, and is over when its time has come', async () => {
    const d = await device(sampling({ burst }))
    const first = d.rows(10)
    await d.device.stop()
    const again = testDevice({ storage: d.storage, clock: d.clock })
    await again.cloud.up()
    for (let i = 0; i < 10; i++) again.device.infer('quality', [0.1, i])
    await d.clock.advance(3_600_000)
    for (let i = 0; i < 10; i++) again.device.infer('quality', [0.1, i])
    again.device.flush()
    await d.clock.advance(10)
    expect([first.length, samplesOf(again.cloud).length]).toEqual([10, 10])
  })

  it('of other things is none of this one', async () => {
    const d = await device(sampling({ burst: { ...burst, things: ['cam-2'] } }))
    d.rows(10)
    await d.clock.advance(10)
    expect(samplesOf(d.cloud)).toEqual([])
  })
})

describe('without a connection', () => {
  const both = sampling({ audit: 0.05, hard: [{ strategy: 'margin', below: 1, probability: 0.9 }] })

  it('the hard lane makes room for the audit lane, and what is lost is counted by lane', async () => {
    const d = await device(both)
    await d.cloud.down()
    const ids: string[] = []
    for (let i = 0; i < 12_000; i++) ids.push(d.device.infer('quality', [(i % 7) / 7, i]).eventId)
    d.device.flush()
    const { dropped } = d.device.status().outbox
    await d.cloud.up()
    await d.clock.advance(60_000)
    d.device.infer('quality', [0.1, 1])
    d.device.flush()
    await d.clock.advance(10)
    const samples = samplesOf(d.cloud)
    const counts = countsOf(d.cloud).filter(c => c !== undefined)
    const sum = (lane: 'audit' | 'hard', what: 'chosen' | 'dropped') =>
      counts.reduce((total, c) => total + c[lane][what], 0)
    expect(sum('audit', 'dropped')).toBe(0)
    expect(sum('hard', 'dropped')).toBe(dropped)
    expect(dropped).toBeGreaterThan(5_000)
    for (const lane of ['audit', 'hard'] as const)
      expect(samples.filter(s => s.lane === lane).length).toBe(sum(lane, 'chosen') - sum(lane, 'dropped'))
    // Of the hard ones it is the newest that came.
    const hard = samples.filter(s => s.lane === 'hard').map(s => ids.indexOf(s.eventId))
    expect(Math.min(...hard.filter(i => i >= 0))).toBeGreaterThan(6_000)
  })

  it('a stop loses what waits, and the next start tells of it', async () => {
    const d = await device(sampling({ audit: 1 }))
    await d.cloud.down()
    for (let i = 0; i < 25; i++) d.device.infer('quality', [0.1, i])
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    again.device.infer('quality', [0.1, 1])
    again.device.flush()
    await again.clock.advance(10)
    const all = countsOf(again.cloud).map(c => c?.audit)
    expect(all).toEqual([
      { chosen: 25, dropped: 0 },
      { chosen: 1, dropped: 25 },
    ])
  })
})
