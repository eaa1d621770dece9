import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placement as devicePlacement } from '../../device/placement.ts'
import type { ManifestSlot, Release } from '../../src/contracts/manifest.ts'
import { canaryExposure, placement } from '../../src/domain/rollout/placement.ts'
import {
  applyToSlots,
  decideRollout,
  evolveRollout,
  type Outcome,
  type Rollout,
  terminalRollout,
} from '../../src/domain/rollout/rollout.ts'

const release = (version: number): Release => ({
  model: 'm',
  version,
  runtime: 'edgeloop-wasm',
  bundle: { sha256: String(version).repeat(64).slice(0, 64), length: 1 },
  package: { sha256: 'b'.repeat(64), length: 1 },
})
const SINCE = '2026-01-01T00:00:00.000Z'
const rollout = (more: Partial<Rollout> = {}): Rollout => ({
  id: 'm-v2',
  model: 'm',
  version: 2,
  fleet: 'f',
  slot: 's',
  releases: { board: release(2) },
  seed: 'seed',
  exposure: 0.1,
  canaries: ['d0', 'd1', 'd2', 'd3'],
  maxFailureRate: 0.25,
  deadlineMinutes: 60,
  status: 'CANARY',
  phaseSince: SINCE,
  history: [],
  generation: 0,
  ...more,
})
const minutesLater = (minutes: number): Date => new Date(Date.parse(SINCE) + minutes * 60_000)
const ok = (thing: string): Outcome => ({ thing, outcome: 'COMMITTED' })
const bad = (thing: string, code = 'SELF_TEST'): Outcome => ({ thing, outcome: 'FAILED', code })

describe('decideRollout', () => {
  const outcome = fc.record({
    thing: fc.integer({ min: 0, max: 7 }).map(i => `d${i}`),
    outcome: fc.constantFrom('COMMITTED', 'FAILED', 'REFUSED'),
    code: fc.constantFrom('SELF_TEST', 'NO_SPACE'),
  }) as fc.Arbitrary<Outcome>
  it('is the same for any order and repetition of the outcomes, also of contradicting ones', () => {
    const cases = fc.array(outcome, { maxLength: 12 }).chain(outcomes =>
      fc.tuple(
        fc.constant(outcomes),
        // Everything at least once, some of it again, in any order.
        fc.array(fc.nat({ max: Math.max(0, outcomes.length - 1) }), { maxLength: 12 }).chain(again => {
          const more = again.flatMap(i => outcomes[i] ?? [])
          const all = [...outcomes, ...more]
          return fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length })
        }),
        fc.integer({ min: 0, max: 120 }),
        fc.constantFrom('PLANNED', 'CANARY', 'COMPLETED'),
      ),
    )
    void fc.assert(
      fc.property(cases, ([once, shuffled, minutes, status]) => {
        const state = rollout({ status: status as Rollout['status'] })
        expect(decideRollout(state, shuffled, minutesLater(minutes))).toEqual(
          decideRollout(state, once, minutesLater(minutes)),
        )
      }),
      { numRuns: 500 },
    )
  })

  it('starts what is planned and leaves alone what has ended', () => {
    expect(decideRollout(rollout({ status: 'PLANNED' }), [], minutesLater(0))).toMatchObject({
      decision: 'start',
    })
    for (const status of ['COMPLETED', 'ROLLED_BACK', 'SUPERSEDED'] as const) {
      expect(terminalRollout(status)).toBe(true)
      expect(decideRollout(rollout({ status }), [bad('d0'), bad('d1')], minutesLater(999)).decision).toBe(
        'hold',
      )
    }
    expect(terminalRollout('PLANNED') || terminalRollout('CANARY')).toBe(false)
  })

  it('holds until every canary has reported, then promotes', () => {
    const three = ['d0', 'd1', 'd2'].map(ok)
    expect(decideRollout(rollout(), three, minutesLater(60))).toEqual({
      decision: 'hold',
      reason: '3 of 4 canaries have reported',
    })
    expect(decideRollout(rollout(), [...three, ok('d3')], minutesLater(5))).toMatchObject({
      decision: 'promote',
      canaries: 4,
      committed: 4,
      failed: 0,
    })
  })

  it('tolerates failures up to the rate and rolls back above it, at once and with the codes', () => {
    expect(
      decideRollout(rollout(), [bad('d0'), ok('d1'), ok('d2'), ok('d3')], minutesLater(5)),
    ).toMatchObject({
      decision: 'promote',
      failed: 1,
    })
    expect(decideRollout(rollout(), [bad('d0'), bad('d1', 'NO_SPACE')], minutesLater(5))).toMatchObject({
      decision: 'roll-back',
      canaries: 4,
      failed: 2,
      reason: '2 of 4 canaries failed (NO_SPACE, SELF_TEST); 1 are tolerated',
    })
    const strict = rollout({ maxFailureRate: 0 })
    expect(decideRollout(strict, [{ thing: 'd0', outcome: 'REFUSED' }], minutesLater(1)).decision).toBe(
      'roll-back',
    )
  })

  it('counts devices that joined the canary later', () => {
    const all = ['d0', 'd1', 'd2', 'd3', 'late'].map(ok)
    expect(decideRollout(rollout(), all, minutesLater(1))).toMatchObject({ decision: 'promote', canaries: 5 })
  })

  it('takes silence past the deadline for harm, and not a minute earlier', () => {
    const three = ['d0', 'd1', 'd2'].map(ok)
    expect(decideRollout(rollout(), three, minutesLater(60)).decision).toBe('hold')
    expect(decideRollout(rollout(), three, minutesLater(60.01))).toMatchObject({
      decision: 'roll-back',
      reason: '1 of 4 canaries were silent past the deadline of 60 minutes',
    })
    expect(decideRollout(rollout(), [...three, ok('d3')], minutesLater(9_999)).decision).toBe('promote')
  })

  it('goes on at once in a fleet without devices, which has nothing to protect', () => {
    expect(decideRollout(rollout({ canaries: [] }), [], minutesLater(1))).toMatchObject({
      decision: 'promote',
      canaries: 0,
    })
  })

  it('keeps each decision with its counts', () => {
    const decision = decideRollout(rollout(), ['d0', 'd1', 'd2', 'd3'].map(ok), minutesLater(3))
    if (decision.decision === 'hold') throw new Error('held')
    const next = evolveRollout(rollout(), decision)
    expect(next).toMatchObject({ status: 'COMPLETED', phaseSince: minutesLater(3).toISOString() })
    expect(next.history).toEqual([decision])
  })
})

describe('placement', () => {
  it('is the same in the cloud and on the device', () => {
    void fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (seed, thing) => {
        expect(placement(seed, thing)).toBe(devicePlacement(seed, thing))
      }),
      { numRuns: 1_000 },
    )
    expect(placement('ab', 'c')).not.toBe(placement('a', 'bc'))
  })
  it('is pinned, since devices in the field compute it', () => {
    expect(placement('m-v2', 'containers-0001')).toBe(0.541070518264916)
  })
  it('is uniform: chi-square over 64 cells of 64 000 devices', () => {
    const cells = new Array<number>(64).fill(0)
    for (let i = 0; i < 64_000; i++) {
      const cell = Math.floor(placement('uniform', `thing-${i}`) * 64)
      cells[cell] = (cells[cell] as number) + 1
    }
    const chi2 = cells.reduce((sum, c) => sum + (c - 1_000) ** 2 / 1_000, 0)
    // The 99.99 % point of chi-square with 63 degrees of freedom is 112.
    expect(chi2).toBeLessThan(112)
    expect(chi2).toBeGreaterThan(25)
  })
})

describe('canaryExposure', () => {
  const things = fc.uniqueArray(fc.string({ minLength: 1, maxLength: 8 }), { maxLength: 60 })
  it('always lets in the wanted number of devices, and no more than the share when that is enough', () => {
    void fc.assert(
      fc.property(
        fc.string(),
        things,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (seed, fleet, share, minDevices) => {
          const exposure = canaryExposure(seed, fleet, share, minDevices)
          const within = (limit: number) => fleet.filter(t => placement(seed, t) < limit).length
          expect(exposure).toBeGreaterThanOrEqual(share)
          expect(exposure).toBeLessThanOrEqual(1)
          expect(within(exposure)).toBeGreaterThanOrEqual(Math.min(minDevices, fleet.length))
          if (within(share) >= Math.min(minDevices, fleet.length)) expect(exposure).toBe(share)
          else expect(within(exposure)).toBe(Math.min(minDevices, fleet.length))
        },
      ),
    )
  })
  it('is the share when nobody is known', () => {
    expect(canaryExposure('s', [], 0.1, 3)).toBe(0.1)
  })
})

describe('applyToSlots', () => {
  const slot = (name: string, hardware: string, version: number | null): ManifestSlot => ({
    slot: name,
    hardware,
    committed: version === null ? null : release(version),
    candidate: null,
    pins: { vip: 'c'.repeat(64) },
  })
  const slots = [slot('s', 'board', 1), slot('s', 'tablet', 1), slot('other', 'board', 9)]
  const find = (list: readonly ManifestSlot[], name: string, hardware: string) =>
    list.find(s => s.slot === name && s.hardware === hardware)
  const candidate = { rollout: 'm-v2', release: release(2), seed: 'seed', exposure: 0.1 }

  it('offers the candidate to its own slot and hardware and leaves everything else as it was', () => {
    const next = applyToSlots(slots, rollout())
    expect(find(next, 's', 'board')).toEqual({ ...slots[0], candidate })
    expect(find(next, 's', 'tablet')).toEqual(slots[1])
    expect(find(next, 'other', 'board')).toEqual(slots[2])
    expect(next).toHaveLength(3)
  })
  it('commits it at the end, and takes it away again when it is rolled back', () => {
    const canary = applyToSlots(slots, rollout())
    const done = applyToSlots(canary, rollout({ status: 'COMPLETED' }))
    expect(find(done, 's', 'board')).toEqual({ ...slots[0], committed: release(2) })
    const back = applyToSlots(canary, rollout({ status: 'ROLLED_BACK' }))
    expect(back).toEqual(applyToSlots(slots, rollout({ status: 'SUPERSEDED' })))
    expect(find(back, 's', 'board')).toEqual(slots[0])
  })
  it('makes the slot for hardware that has none yet, and is the same when it runs again', () => {
    const first = applyToSlots([], rollout())
    expect(first).toEqual([{ slot: 's', hardware: 'board', committed: null, candidate, pins: {} }])
    expect(applyToSlots(first, rollout())).toEqual(first)
    expect(applyToSlots([...slots].reverse(), rollout())).toEqual(applyToSlots(slots, rollout()))
  })
})
