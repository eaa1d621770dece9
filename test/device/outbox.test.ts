import { describe, expect, it } from 'vitest'
import { ackCorr, topics } from '../../src/contracts/mqtt.ts'
import { settled, THING, testDevice } from './cloud.ts'
import { json, makePackage, signedManifest, slotOf } from './helpers.ts'

const one = makePackage({ contract: { sampling: { policy: 'p', audit: 1 } } })
const quiet = makePackage({ contract: { sampling: { policy: 'p', audit: 0 } } })

async function device(pkg = quiet) {
  const d = testDevice()
  d.cloud.hold(pkg)
  await d.cloud.up()
  await d.cloud.publish(1, [slotOf({ committed: pkg.release })])
  return d
}

describe('terminal reports', () => {
  it('are sent again with the same number and growing pauses until they are acknowledged', async () => {
    const d = testDevice()
    d.cloud.hold(quiet)
    d.cloud.acknowledges = false
    await d.cloud.up()
    await d.cloud.publish(1, [slotOf({ committed: quiet.release })])
    const committed = () => d.cloud.of('report').filter(r => r.body.step === 'COMMITTED')
    expect(committed()).toHaveLength(1)
    await d.clock.advance(3_600_000)
    const hour = committed().length
    expect(hour).toBeGreaterThan(5)
    expect(hour).toBeLessThan(20)
    await d.clock.advance(3_600_000)
    expect(committed().length - hour).toBeLessThan(hour)
    expect(new Set(committed().map(r => r.seq)).size).toBe(1)
    expect(d.device.status().outbox.queued).toBe(1)

    const { epoch, seq } = committed()[0]!
    await d.cloud.push(topics.answer(THING, ackCorr(epoch, seq + 1)), json({ v: 1, kind: 'ack' }))
    expect(d.device.status().outbox.queued).toBe(1)
    await d.cloud.push(topics.answer(THING, ackCorr(epoch, seq)), json({ v: 1, kind: 'ack' }))
    expect(d.device.status().outbox.queued).toBe(0)
    const sent = committed().length
    await d.clock.advance(3_600_000)
    expect(committed()).toHaveLength(sent)
  })

  it('outlive a restart and go out on the next connection, newest first', async () => {
    const d = testDevice()
    d.cloud.hold(quiet)
    d.cloud.acknowledges = false
    await d.cloud.up()
    await d.cloud.publish(1, [slotOf({ committed: quiet.release })])
    await d.cloud.push(topics.manifest('plant'), json(signedManifest(1, [slotOf()])))
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    expect(again.cloud.steps()).toEqual(['REFUSED MANIFEST_EQUIVOCATION', 'COMMITTED'])
    expect(again.cloud.of('report').map(r => r.seq)).toEqual(
      d.cloud
        .of('report')
        .slice(-2)
        .map(r => r.seq)
        .reverse(),
    )
    expect(again.device.status().outbox.queued).toBe(0)
  })
})

describe('other messages', () => {
  it('wait for a connection; of samples the oldest are dropped and counted', async () => {
    const d = await device(one)
    await d.cloud.down()
    for (let i = 0; i < 12_000; i++) d.device.infer('quality', [(i % 7) / 7, i])
    d.device.flush()
    const { queued, dropped } = d.device.status().outbox
    expect(dropped).toBeGreaterThan(0)
    const before = d.cloud.of('samples').length
    await d.cloud.up()
    const sent = d.cloud.of('samples').slice(before)
    // Samples wait one by one, and go out in batches, of which hello sees the first.
    const samples = sent.flatMap(m => m.body.samples).length
    expect(samples + d.cloud.of('metrics').length).toBe(queued)
    expect(d.cloud.of('hello').at(-1)!.body.outbox.dropped).toBe(dropped)
    expect(samples + dropped).toBe(12_000)
    const newest = sent.at(-1)!.body.samples.at(-1)!
    expect(newest.row[1]).toBe(11_999)
  })

  it('keep windows apart from samples, bounded, over a restart, and mark them as historical', async () => {
    const d = await device(one)
    await d.cloud.down()
    const start = d.clock.now()
    for (let w = 0; w < 200; w++) d.device.infer('quality', [0.1, 1], start + w * 60_000)
    await d.device.stop()
    expect(d.device.status().outbox.dropped).toBeGreaterThanOrEqual(32)
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    const windows = again.cloud.of('metrics')
    expect(windows).toHaveLength(168)
    expect(windows.every(w => w.body.historical && w.body.inferences === 1)).toBe(true)
    expect(windows.at(-1)!.body.window).toBe(Math.floor(start / 60_000) + 199)
    expect(again.storage.list()).not.toContain('windows.json')
  })

  it('are not historical when they go out at once', async () => {
    const d = await device()
    d.device.infer('quality', [0.1, 1])
    await d.clock.advance(120_000)
    expect(d.cloud.of('metrics').map(m => m.body.historical)).toEqual([false])
  })

  it('are sent again under the same number when the connection broke before the broker took them', async () => {
    const d = await device()
    const { publish } = d.cloud.transport
    let fails = 1
    const transport = {
      ...d.cloud.transport,
      publish: async (topic: string, payload: Uint8Array) => {
        await publish(topic, payload)
        if (topic.endsWith('metrics') && fails-- > 0) throw new Error('the connection was closed')
      },
    }
    const again = testDevice({ transport, storage: d.storage, clock: d.clock })
    await d.cloud.up()
    again.device.infer('quality', [0.1, 1])
    again.device.flush()
    await settled()
    await d.cloud.down()
    await d.cloud.up()
    const [first, second] = d.cloud.of('metrics')
    // It may have arrived: under the same number it must be the same bytes, or it is taken for a replay.
    expect(second).toEqual(first)
    expect(d.cloud.of('metrics')).toHaveLength(2)
  })
})
