import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventIdPrefix as devicePrefix } from '../../device/infer.ts'
import { eventIdPrefix, ownsEventId } from '../../src/contracts/event-id.ts'
import { fieldSample } from '../../src/contracts/mqtt.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'

const thing = fc.stringMatching(/^[a-zA-Z0-9:_-]{1,128}$/)
const epoch = fc.integer({ min: 0, max: 4_000_000_000_000 })
const number = fc.maxSafeNat()
const idOf = (name: string, e: number, n: number): string =>
  eventIdPrefix(name, e, sha256Hex) + n.toString(36)

describe('event ids', () => {
  it('are what the reference device gives, and its own', () => {
    void fc.assert(
      fc.property(thing, epoch, number, (name, e, n) => {
        const id = devicePrefix(name, e) + n.toString(36)
        expect(id).toBe(idOf(name, e, n))
        expect(ownsEventId(name, id, sha256Hex)).toBe(true)
        expect(fieldSample.shape.eventId.safeParse(id).success).toBe(true)
      }),
    )
  })
  it('are no other thing’s, not even when one name begins with the other', () => {
    const pair = fc.oneof(
      fc.tuple(thing, thing),
      fc
        .tuple(thing, fc.stringMatching(/^[a-z0-9-]{1,6}$/))
        .map(([a, more]): [string, string] => [a, a + more]),
      thing.map((a): [string, string] => [a, a.replaceAll(':', '_')]),
    )
    void fc.assert(
      fc.property(pair, epoch, number, ([a, b], e, n) => {
        fc.pre(a !== b && b.length <= 128)
        expect(ownsEventId(b, idOf(a, e, n), sha256Hex)).toBe(false)
        expect(ownsEventId(a, idOf(b, e, n), sha256Hex)).toBe(false)
      }),
    )
    expect(ownsEventId('pump', 'pump-1-a-b', sha256Hex)).toBe(false)
    expect(ownsEventId('pump-1', 'pump-1-a-b', sha256Hex)).toBe(true)
  })
  it.each(['', 'pump-1', 'pump-1-a', 'pump-1-a-', 'pump-1--b', 'pump-1-a-b-c', 'pump-1-A-b', 'xpump-1-a-b'])(
    '%j is none of pump-1',
    id => {
      expect(ownsEventId('pump-1', id, sha256Hex)).toBe(false)
    },
  )
})
