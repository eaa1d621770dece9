import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { meanNonInferior, promotionScores } from '../../../src/domain/rollout/stats/mean-sequential.ts'
import { addValue, NO_MOMENTS } from '../../../src/domain/rollout/stats/moments.ts'
import { normalQuantile } from '../../../src/domain/rollout/stats/normal.ts'
import {
  lookDue,
  nonInferiority,
  type PromotionPlan,
  plannedLooks,
  promotes,
  spent,
} from '../../../src/domain/rollout/stats/sequential.ts'

/** P(promoted at some look), every sequence of outcomes enumerated. */
function enumerated(looks: readonly number[], allowed: readonly number[], p: number): number[] {
  const total = looks.at(-1)!
  const byLook = looks.map(() => 0)
  for (let outcomes = 0; outcomes < 2 ** total; outcomes++) {
    let failed = 0
    let chance = 1
    let at = -1
    for (let n = 1; n <= total; n++) {
      const bad = (outcomes >> (n - 1)) & 1
      failed += bad
      chance *= bad === 1 ? p : 1 - p
      const look = looks.indexOf(n)
      if (look >= 0 && at < 0 && failed <= allowed[look]!) at = look
    }
    if (at >= 0) byLook[at] = byLook[at]! + chance
  }
  return byLook
}

describe('spending', () => {
  it('spends nothing at first, all of α at the end, and never takes back', () => {
    for (const shape of ['obrien-fleming', 'pocock'] as const) {
      expect([spent(0, 0.05, shape), spent(1, 0.05, shape), spent(1.3, 0.05, shape)]).toEqual([0, 0.05, 0.05])
      for (let t = 0.02; t < 1; t += 0.02)
        expect(spent(t, 0.05, shape)).toBeGreaterThanOrEqual(spent(t - 0.02, 0.05, shape))
    }
    expect(spent(0.5, 0.05, 'obrien-fleming')).toBeLessThan(spent(0.5, 0.05, 'pocock') / 5)
  })

  it('looks are planned totals, due once each however many devices report at a time', () => {
    expect(plannedLooks(100)).toEqual([50, 75, 90, 100])
    expect(plannedLooks(3)).toEqual([2, 3])
    expect(plannedLooks(1)).toEqual([1])
    expect(lookDue(49, [], 100)).toBe(false)
    expect(lookDue(53, [], 100)).toBe(true)
    expect(lookDue(60, [53], 100)).toBe(false)
    expect(lookDue(92, [53], 100)).toBe(true)
    expect(lookDue(99, [53, 92], 100)).toBe(false)
    expect(lookDue(100, [53, 92], 100)).toBe(true)
    expect(lookDue(120, [53, 92, 100], 100)).toBe(false)
  })
})

describe('promotion on a failure rate', () => {
  it('one look at the end is the exact rule of three', () => {
    for (const [expected, allowed] of [
      [58, -1],
      [59, 0],
      [92, 0],
      [93, 1],
      [124, 2],
    ] as const)
      expect(nonInferiority({ looks: [expected], expected, tolerated: 0.05, alpha: 0.05 })).toEqual([allowed])
  })

  it('agrees with the enumeration of every sequence: error within what was spent, and no failure more would be', () => {
    for (const [looks, tolerated, alpha, spending] of [
      [[4, 8, 12], 0.4, 0.05, 'pocock'],
      [[6, 9, 11, 12], 0.3, 0.1, 'obrien-fleming'],
      [[3, 7, 13], 0.5, 0.2, 'obrien-fleming'],
      [[5, 14], 0.25, 0.1, 'pocock'],
    ] as const) {
      const expected = looks.at(-1)!
      const allowed = nonInferiority({ looks, expected, tolerated, alpha, spending })
      const total = (rule: readonly number[], upTo: number): number =>
        enumerated(looks, rule, tolerated)
          .slice(0, upTo + 1)
          .reduce((a, b) => a + b, 0)
      for (const [k, look] of looks.entries()) {
        const budget = spent(look / expected, alpha, spending)
        expect(total(allowed, k)).toBeLessThanOrEqual(budget + 1e-12)
        expect(total(allowed.with(k, allowed[k]! + 1), k)).toBeGreaterThan(budget)
      }
    }
  })

  it('allows more failures with more devices, and none that an earlier look refused to a smaller total', () => {
    void fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 400 }),
        fc.double({ min: 0.01, max: 0.5, noNaN: true }),
        (expected, tolerated) => {
          const allowed = nonInferiority({ looks: plannedLooks(expected), expected, tolerated, alpha: 0.05 })
          expect(allowed).toEqual(allowed.toSorted((a, b) => a - b))
          expect(Math.max(...allowed)).toBeLessThan(tolerated * expected)
        },
      ),
    )
  })

  it('bears a million devices', () => {
    const expected = 1_000_000
    const [allowed] = nonInferiority({ looks: [expected], expected, tolerated: 0.05, alpha: 0.05 })
    // The normal approximation, good to a device or two at this size.
    const approximate = 0.05 * expected - 1.6449 * Math.sqrt(expected * 0.05 * 0.95)
    expect(Math.abs(allowed! - approximate)).toBeLessThan(3)
  })

  it('takes the present total as a look, after those taken', () => {
    const plan: PromotionPlan = { looks: [62, 93], expected: 124, tolerated: 0.05, alpha: 0.05 }
    expect(promotes({ failed: 0, total: 93 }, plan)).toEqual({ promotes: true, allowed: 0 })
    expect(promotes({ failed: 1, total: 93 }, plan)).toEqual({ promotes: false, allowed: 0 })
    expect(promotes({ failed: 1, total: 124 }, plan)).toEqual({ promotes: true, allowed: 1 })
    expect(promotes({ failed: 0, total: 0 }, plan)).toEqual({ promotes: false, allowed: -1 })
    expect(promotes({ failed: 0, total: 10 }, { ...plan, looks: [], expected: 10 }).promotes).toBe(false)
  })

  it('refuses what cannot be, by name', () => {
    const plan = { looks: [10], expected: 10, tolerated: 0.05, alpha: 0.05 }
    expect(() => nonInferiority({ ...plan, looks: [10, 10] })).toThrow('looks')
    expect(() => nonInferiority({ ...plan, expected: 0 })).toThrow('expected')
    expect(() => nonInferiority({ ...plan, tolerated: 0 })).toThrow('tolerated')
    expect(() => promotes({ failed: 2, total: 1 }, plan)).toThrow('failed and total')
  })
})

describe('promotion on a mean', () => {
  it('boundaries are the published ones of Lan and DeMets, five equal looks, one-sided 0.025', () => {
    const fifths = [0.2, 0.4, 0.6, 0.8, 1]
    const close = (scores: readonly number[], published: readonly number[]): void =>
      published.forEach((z, i) => {
        expect(Math.abs(scores[i]! - z)).toBeLessThan(0.0011)
      })
    close(promotionScores(fifths, 0.025), [4.877, 3.357, 2.68, 2.29, 2.031])
    close(promotionScores(fifths, 0.025, 'pocock'), [2.438, 2.427, 2.41, 2.397, 2.386])
    expect(promotionScores([1], 0.05)[0]).toBeCloseTo(-normalQuantile(0.05), 8)
    expect(promotionScores([0.01, 1], 0.05)[0]).toBe(Infinity)
  })

  const arm = (n: number, centre: number) =>
    Array.from({ length: n }, (_, i) => centre + ((i % 7) - 3) / 2).reduce(addValue, NO_MOMENTS)
  const test = { margin: 0.5, alpha: 0.05, looks: [50, 75, 90, 100], expected: 100 }

  it('promotes a release that is as good, holds one at the margin, and asks for enough devices', () => {
    const same = meanNonInferior(arm(100, 10), arm(100, 10), test)
    expect(same.promotes).toBe(true)
    expect(same.needed).toBeGreaterThan(1.6449)
    expect(meanNonInferior(arm(100, 10.5), arm(100, 10), test).promotes).toBe(false)
    expect(meanNonInferior(arm(100, 9.5), arm(100, 10), { ...test, direction: 'lower' }).promotes).toBe(false)
    expect(meanNonInferior(arm(100, 11), arm(100, 10), { ...test, direction: 'lower' }).promotes).toBe(true)
    expect(meanNonInferior(arm(9, 10), arm(100, 10), { ...test, looks: [9], expected: 9 })).toEqual({
      promotes: false,
      score: null,
      needed: null,
    })
  })

  it('refuses what cannot be, by name', () => {
    expect(() => meanNonInferior(arm(20, 1), arm(20, 1), { ...test, margin: 0 })).toThrow('margin')
    expect(() => meanNonInferior(arm(20, 1), arm(20, 1), { ...test, looks: [] })).toThrow('looks')
  })
})
