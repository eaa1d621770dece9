import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../device/storage/memory.ts'
import { topics } from '../../src/contracts/mqtt.ts'
import { THING, testDevice } from './cloud.ts'
import { json } from './helpers.ts'
import { activeOf, committed, one, running, two } from './installed.ts'

describe('downloads', () => {
  it('installs from lost, doubled, reordered and forged blocks', async () => {
    const d = testDevice({ fetch: { blockBytes: 100, window: 4, timeoutMs: 100 } })
    d.cloud.hold(one)
    const late: [string, Uint8Array][] = []
    let n = 0
    d.cloud.deliver = ([block], request) => {
      n++
      const topic = topics.blob(THING, request.body.digest, request.body.offset)
      if (block === undefined || n % 7 === 0) return []
      if (n % 3 === 0) {
        late.unshift([topic, block])
        return []
      }
      return n % 2 === 0 ? [block.subarray(1), Buffer.concat([block, block]), block, block] : [block]
    }
    await d.cloud.up()
    await d.cloud.publish(1, committed(one))
    for (let i = 0; i < 400 && activeOf(d) === null; i++) {
      for (const [topic, block] of late.splice(0)) await d.cloud.push(topic, block)
      await d.clock.advance(200)
    }
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
  })

  it('gives up a download after bounded attempts, says so once, and goes on with the next hint', async () => {
    const d = await running(one)
    d.cloud.serves = false
    await d.cloud.publish(2, committed(two))
    await d.clock.advance(3_600_000)
    expect(d.cloud.steps().filter(s => s === 'FAILED FETCH_FAILED')).toHaveLength(1)
    const asked = d.cloud.of('blob').length
    expect(asked).toBeLessThan(60)
    await d.clock.advance(3_600_000)
    expect(d.cloud.of('blob')).toHaveLength(asked)
    expect(activeOf(d)).toBe(one.release.bundle.sha256)
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    await d.clock.advance(3_600_000)
    expect(d.cloud.steps().filter(s => s === 'FAILED FETCH_FAILED')).toHaveLength(1)
    d.cloud.serves = true
    await d.cloud.push(topics.hint(THING), json({ v: 1, counter: 2 }))
    expect(activeOf(d)).toBe(two.release.bundle.sha256)
  })

  it('resumes behind the blocks it has, after a disconnection and after a restart', async () => {
    const d = testDevice()
    d.cloud.hold(two)
    let left = 6
    d.cloud.deliver = blocks => (left-- > 0 ? blocks : [])
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    await d.cloud.down()
    const again = testDevice({ storage: d.storage })
    again.cloud.hold(two)
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
    const offsets = again.cloud.of('blob').map(m => `${m.body.digest} ${m.body.offset}`)
    const first = new Set(
      d.cloud
        .of('blob')
        .slice(0, 6)
        .map(m => `${m.body.digest} ${m.body.offset}`),
    )
    expect(offsets.some(offset => first.has(offset))).toBe(false)
  })

  it('fetches again from nothing when what a power cut left is torn', async () => {
    const storage = memoryStorage()
    const d = testDevice({ storage })
    d.cloud.hold(two)
    d.cloud.deliver = (blocks, m) => (m.body.digest === two.release.package.sha256 ? [] : blocks)
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    storage.append(`part-${two.release.package.sha256}`, Buffer.alloc(700, 1))
    const again = testDevice({ storage })
    again.cloud.hold(two)
    await again.cloud.up()
    expect(activeOf(again)).toBe(two.release.bundle.sha256)
  })

  it('does so only once: bytes that are wrong again are refused', async () => {
    const storage = memoryStorage()
    const d = testDevice({ storage })
    d.cloud.hold(two)
    d.cloud.deliver = (blocks, m) => (m.body.digest === two.release.package.sha256 ? [] : blocks)
    await d.cloud.up()
    await d.cloud.publish(1, committed(two))
    storage.append(`part-${two.release.package.sha256}`, Buffer.alloc(700, 1))
    const again = testDevice({ storage })
    again.cloud.hold(two)
    let left = 1_000
    again.cloud.deliver = ([block]) => (left-- > 0 ? [Buffer.alloc(block!.length)] : [])
    await again.cloud.up()
    expect(left).toBeGreaterThan(0)
    expect(again.cloud.steps().at(-1)).toBe('REFUSED PACKAGE_DIGEST')
  })
})
