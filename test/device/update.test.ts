import { describe, expect, it } from 'vitest'
import { placement } from '../../device/placement.ts'
import type { Storage } from '../../device/ports.ts'
import { memoryStorage } from '../../device/storage/memory.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { THING, testDevice } from './cloud.ts'
import { json, makePackage, signedManifest, slotOf } from './helpers.ts'
import { activeOf, candidate, committed, one, running, two } from './installed.ts'

describe('update machine', () => {
  it('says hello and asks on connect, and installs what the answer names', async () => {
    const d = testDevice()
    d.cloud.hold(one)
    d.cloud.manifest = signedManifest(1, committed(one))
    await d.cloud.up()
    expect(d.cloud.sent.slice(0, 2).map(m => m.kind)).toEqual(['hello', 'ask'])
    expect(d.cloud.of('hello')[0]!.body).toMatchObject({
      manifest: null,
      slots: { quality: { active: null } },
    })
    expect(d.cloud.steps()).toEqual(['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED'])
    expect(d.device.infer('quality', [0.9, 20]).version).toBe(1)
    await d.cloud.down()
    await d.cloud.up()
    expect(d.cloud.of('hello')[1]!.body).toMatchObject({
      manifest: { epoch: 1, counter: 1 },
      slots: { quality: { active: one.release.bundle.sha256, previous: null } },
      outbox: { queued: 0, dropped: 0 },
    })
  })

  it('never uses an idempotency key twice, over restarts too', async () => {
    const d = await running(one)
    await d.device.stop()
    const again = testDevice({ storage: d.storage })
    await again.cloud.up()
    const keys = [...d.cloud.sent, ...again.cloud.sent].map(m => `${m.epoch}-${m.seq}`)
    expect(new Set(keys).size).toBe(keys.length)
    expect(again.cloud.sent[0]!.epoch).toBe(d.cloud.sent[0]!.epoch)
  })

  it('takes the candidate only when its place is below the exposure', async () => {
    const u = placement('seed', THING)
    const out = await running(one)
    await out.cloud.publish(2, candidate(two, u, one))
    expect(activeOf(out)).toBe(one.release.bundle.sha256)
    await out.cloud.publish(3, candidate(two, u + 1e-9, one))
    expect(activeOf(out)).toBe(two.release.bundle.sha256)
    expect(out.cloud.of('report').at(-1)!.body).toMatchObject({ rollout: 'r1', step: 'COMMITTED' })
  })

  it('follows a pin against the exposure, both ways', async () => {
    const d = await running(one)
    const [entry] = candidate(two, 1, one)
    await d.cloud.publish(2, [{ ...entry!, pins: { [THING]: one.release.bundle.sha256 } }])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    const [none] = candidate(two, 0, one)
    await d.cloud.publish(3, [{ ...none!, pins: { [THING]: two.release.bundle.sha256 } }])
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('keeps what runs when nothing is committed or its hardware is not listed', async () => {
    const d = await running(one)
    await d.cloud.publish(2, [slotOf()])
    await d.cloud.publish(3, [slotOf({ hardware: 'other', committed: two.release })])
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.device.status().manifest).toEqual({ epoch: 1, counter: 3 })
    expect(d.device.status().refused).toBe(0)
  })

  it('goes back to the previous model from its own files, by a newer manifest', async () => {
    const d = await running(one)
    await d.cloud.publish(2, candidate(two, 1, one))
    d.cloud.serves = false
    const asked = d.cloud.of('blob').length
    await d.cloud.publish(3, committed(one))
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(d.cloud.steps().slice(-5)).toEqual(['ACCEPTED', 'FETCHED', 'VERIFIED', 'TESTED', 'COMMITTED'])
  })

  it('answers a rollout that wants what already runs, once', async () => {
    const d = await running(one)
    const before = d.cloud.of('report').length
    await d.cloud.publish(2, candidate(one, 0.99, null, 'again'))
    await d.cloud.publish(3, candidate(one, 1, null, 'again'))
    const reports = d.cloud.of('report').slice(before)
    expect(reports.map(r => [r.body.step, r.body.rollout])).toEqual([['COMMITTED', 'again']])
  })

  it('takes a manifest that it could not write down when it comes again', async () => {
    const inner = memoryStorage()
    let broken = false
    const storage: Storage = {
      ...inner,
      write(name, bytes) {
        if (broken) throw new Error('input/output error')
        inner.write(name, bytes)
      },
    }
    const d = await running(one, { storage })
    broken = true
    await d.cloud.publish(2, committed(two))
    expect(d.device.status()).toMatchObject({ manifest: { counter: 1 }, refused: 0 })
    expect(d.device.status().errors.at(-1)).toBe('MESSAGE_FAILED: input/output error')
    broken = false
    await d.cloud.push(topics.manifest('plant'), json(d.cloud.manifest))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('drops a download that a newer manifest made pointless', async () => {
    const d = await running(one)
    let served = 0
    d.cloud.deliver = blocks => (served++ < 3 ? blocks : [])
    await d.cloud.publish(2, committed(two))
    expect(d.device.status().slots['quality']!.updating).toBe(two.release.bundle.sha256)
    d.cloud.deliver = blocks => blocks
    const three = makePackage({ version: 3, lift: 0.25 })
    d.cloud.hold(three)
    await d.cloud.publish(3, committed(three))
    expect(activeOf(d)).toBe(three.release.bundle.sha256)
    expect(
      d.cloud
        .of('report')
        .filter(r => r.body.step === 'COMMITTED')
        .map(r => r.body.manifest.counter),
    ).toEqual([1, 3])
    await d.clock.advance(600_000)
    expect(activeOf(d)).toBe(three.release.bundle.sha256)
    expect(d.storage.list().filter(name => name.includes(two.release.package.sha256))).toEqual([])
  })

  it('abandons an update that a newer manifest takes back', async () => {
    const d = await running(one)
    d.cloud.serves = false
    await d.cloud.publish(2, candidate(two, 1, one))
    await d.cloud.publish(3, committed(one))
    const asked = d.cloud.of('blob').length
    d.cloud.serves = true
    await d.clock.advance(600_000)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    expect(d.device.status().slots['quality']!.updating).toBeNull()
  })

  it('runs the previous model and heals itself when the active one is damaged on disk', async () => {
    const d = await running(one)
    await d.cloud.publish(2, committed(two))
    await d.device.stop()
    d.storage.write(`blob-${two.release.package.sha256}`, Buffer.from('damaged'))
    const again = testDevice({ storage: d.storage })
    expect(again.device.infer('quality', [0.9, 20]).version).toBe(1)
    again.cloud.hold(two)
    again.cloud.manifest = d.cloud.manifest
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('starts anew with a higher epoch when its state is lost, and belongs to one thing', async () => {
    const d = await running(one)
    d.storage.write('state.json', Buffer.from('{"v":1'))
    const clock = { ...d.clock, now: () => d.clock.now() + 5 }
    const again = testDevice({ storage: d.storage, clock })
    await again.cloud.up()
    expect(again.cloud.sent[0]!.epoch).toBeGreaterThan(d.cloud.sent[0]!.epoch)
    expect(() => testDevice({ storage: d.storage, thing: 'other' })).toThrow('belongs to cam-1')
  })

  it('tells its listeners what was committed', async () => {
    const d = testDevice()
    const seen: unknown[] = []
    const off = d.device.onCommitted(event => seen.push(event))
    d.cloud.hold(one)
    d.cloud.hold(two)
    await d.cloud.up()
    await d.cloud.publish(1, committed(one))
    off()
    await d.cloud.publish(2, committed(two))
    expect(seen).toEqual([
      { thing: THING, slot: 'quality', model: 'quality', version: 1, bundle: one.release.bundle.sha256 },
    ])
  })
})
