import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createRing, type Waiting } from '../../device/monitor/ring.ts'

let number = 0
const item = (lane: 'audit' | 'hard', bytes = 10, bundle = 'b'): Waiting => ({
  ...{ slot: 's', bundle, bytes },
  sample: {
    ...{ eventId: `e-${++number}`, t: 1, lane, pi: 1, row: [1], margins: [1], prediction: 1 },
  },
})
const idsOf = (items: readonly Waiting[]) => items.map(({ sample }) => sample.eventId)

describe('the ring of samples', () => {
  it('lets the oldest hard ones go first, then the oldest audited ones', () => {
    const ring = createRing(40)
    const [a1, h1, a2, h2] = [item('audit'), item('hard'), item('audit'), item('hard')]
    for (const one of [a1, h1, a2, h2]) expect(ring.add(one)).toEqual([])
    expect(idsOf(ring.add(item('audit')))).toEqual(idsOf([h1]))
    expect(idsOf(ring.add(item('audit')))).toEqual(idsOf([h2]))
    expect(idsOf(ring.add(item('audit')))).toEqual(idsOf([a1]))
    // No room for the hard lane at all: what comes goes.
    const late = item('hard')
    expect(idsOf(ring.add(late))).toEqual(idsOf([late]))
    expect(idsOf(ring.add(item('audit', 20)))).toEqual(idsOf([a2]).concat(`e-${number - 4}`))
    expect([ring.length, ring.bytes]).toEqual([3, 40])
  })

  it('gives them out in the order in which they came, by bundle, as many as fit', () => {
    const ring = createRing(1_000)
    const all = [
      ...[item('hard'), item('audit'), item('hard')],
      ...[item('audit', 10, 'c'), item('audit', 10, 'c'), item('hard', 10, 'b')],
    ]
    for (const one of all) ring.add(one)
    const batches = [
      ring.take(2, 100),
      ring.take(9, 100),
      ring.take(9, 15),
      ring.take(9, 100),
      ring.take(9, 1),
    ]
    expect(batches.map(batch => [batch?.bundle, batch?.samples.map(s => s.eventId)])).toEqual([
      ['b', idsOf(all.slice(0, 2))],
      ['b', idsOf(all.slice(2, 3))],
      ['c', idsOf(all.slice(3, 4))],
      ['c', idsOf(all.slice(4, 5))],
      ['b', idsOf(all.slice(5))],
    ])
    expect([ring.take(9, 100), ring.length, ring.bytes]).toEqual([null, 0, 0])
  })

  it('never holds more than its bytes, loses none without saying so, and no audited one while there is a hard one', () => {
    const step = fc.record({
      lane: fc.constantFrom('audit' as const, 'hard' as const),
      bytes: fc.integer({ min: 1, max: 60 }),
      take: fc.boolean(),
    })
    void fc.assert(
      fc.property(fc.array(step), steps => {
        const ring = createRing(100)
        const here = new Map<string, Waiting>()
        for (const { lane, bytes, take } of steps) {
          const next = item(lane, bytes)
          here.set(next.sample.eventId, next)
          for (const gone of ring.add(next)) {
            here.delete(gone.sample.eventId)
            const hard = [...here.values()].some(other => other.sample.lane === 'hard')
            expect(gone.sample.lane === 'audit' && hard).toBe(false)
          }
          if (take) for (const { eventId } of ring.take(2, 50)?.samples ?? []) here.delete(eventId)
          expect(ring.length).toBe(here.size)
          expect(ring.bytes).toBe([...here.values()].reduce((sum, other) => sum + other.bytes, 0))
          expect(ring.bytes).toBeLessThanOrEqual(100)
        }
      }),
    )
  })
})
