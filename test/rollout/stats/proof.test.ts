import { describe, expect, it } from 'vitest'
import {
  devicesNeeded,
  fixedUpperBound,
  type PhaseShape,
  phaseNeeded,
  phaseProof,
  phaseUpperBound,
  smallestDifferenceSeen,
  smallestRateStopped,
  smallestRatioSeen,
} from '../../../src/domain/rollout/stats/proof.ts'
import { nonInferiority, plannedLooks } from '../../../src/domain/rollout/stats/sequential.ts'
import { STOP_WEIGHTS, splitAlpha } from '../../../src/domain/rollout/stats/split.ts'

const SHAPE: PhaseShape = {
  canaries: 100,
  controls: 100,
  tolerated: 0.05,
  promotionAlpha: 0.05,
  stopAlpha: { failureRate: 0.035, count: 0.00375, mean: 0.001875 },
  expectedEvents: 60,
}
const rows = (change: Partial<PhaseShape> = {}): Record<string, { value: number | null; sentence: string }> =>
  Object.fromEntries(phaseProof({ ...SHAPE, ...change }).map(row => [row.claim, row]))

describe('what a phase can prove', () => {
  it('devices needed in one look are the exact rule of three', () => {
    expect(
      [0.2, 0.1, 0.05, 0.02, 0.01].map(tolerated => [0, 1, 2].map(s => devicesNeeded(s, tolerated, 0.05))),
    ).toEqual([
      [14, 22, 30],
      [29, 46, 61],
      [59, 93, 124],
      [149, 236, 313],
      [299, 473, 628],
    ])
    expect(() => devicesNeeded(0, 0, 0.05)).toThrow('tolerated')
  })

  it('a phase of the size it names is promoted with that many failures, and no smaller one', () => {
    for (const failed of [0, 1, 2]) {
      const n = phaseNeeded(failed, 0.05, 0.05)
      const allowed = (expected: number): number =>
        nonInferiority({ looks: plannedLooks(expected), expected, tolerated: 0.05, alpha: 0.05 }).at(-1)!
      expect(allowed(n)).toBe(failed)
      expect(allowed(n - 1)).toBeLessThan(failed)
      expect(n).toBeGreaterThanOrEqual(devicesNeeded(failed, 0.05, 0.05))
    }
  })

  it('ten canaries can show no better than 26 % in one look', () => {
    expect(fixedUpperBound({ failed: 0, total: 10 }, 0.05)).toBeCloseTo(1 - 0.05 ** 0.1, 10)
    expect(fixedUpperBound({ failed: 10, total: 10 }, 0.05)).toBe(1)
    expect(phaseUpperBound({ failed: 1, total: 10 }, 0.05)).toBeGreaterThanOrEqual(
      fixedUpperBound({ failed: 1, total: 10 }, 0.05),
    )
    const ten = rows({ canaries: 10, controls: 10 })
    expect(ten['upper-bound-0']!.sentence).toBe(
      'With no failure among 10 canaries, one look at the end shows that fewer than 25.9 % fail (95 % confidence).',
    )
    expect(ten['promotion']!.value).toBeNull()
    expect(ten['promotion']!.sentence).toContain('not enough evidence')
  })

  it('more devices show more', () => {
    const rates = [10, 30, 100, 300].map(n => smallestRateStopped(n, 0.05, 0.03, 0.8))
    expect(rates).toEqual(rates.toSorted((a, b) => b - a))
    expect(rates[3]).toBeGreaterThan(0.05)
    expect(smallestRateStopped(1, 0.05, 0.03, 0.8)).toBe(1)
    const ratios = [20, 60, 200].map(events => smallestRatioSeen(events, 0.5, 0.005, 0.8))
    expect(ratios).toEqual(ratios.toSorted((a, b) => b - a))
    expect(smallestRatioSeen(2, 0.5, 0.005, 0.8)).toBe(Infinity)
    expect(smallestDifferenceSeen(9, 100, 0.0025, 0.5, 0.8)).toBe(Infinity)
    expect(smallestDifferenceSeen(40, 40, 0.0025, 0.5, 0.8)).toBeGreaterThan(
      smallestDifferenceSeen(80, 80, 0.0025, 0.5, 0.8),
    )
  })

  it('has a whole sentence per row, for any shape', () => {
    for (const [canaries, controls] of [
      [0, 0],
      [1, 0],
      [1, 1],
      [2, 40],
      [100, 100],
    ] as const)
      for (const { sentence, value } of phaseProof({ ...SHAPE, canaries, controls })) {
        expect(sentence).toMatch(/^[A-Z0-9].*\.$/)
        expect(sentence).not.toMatch(/NaN|Infinity|undefined|\b1 canaries|\b1 controls|\b1 failures/)
        expect(value === null || Number.isFinite(value)).toBe(true)
      }
    const all = rows()
    expect(all['promotion']!.sentence).toBe(
      '100 canaries promote with at most 1 failure at the end: a release that fails on 5 % or more is promoted in at most 5 % of cases.',
    )
    expect(rows({ controls: 0 })['ratio-80']!.value).toBeNull()
    expect(() => rows({ canaries: 1.5 })).toThrow('failed and total')
  })
})

describe('the false-stop budget', () => {
  it('is divided whole, by weight, among the metrics given', () => {
    const shares = splitAlpha(0.05, STOP_WEIGHTS)
    expect(shares.failureRate).toBeCloseTo(0.035, 12)
    expect(Object.values(shares).reduce((a, b) => a + b, 0)).toBeCloseTo(0.05, 12)
    expect(splitAlpha(0.04, { errors: 3, silence: 1, latency: 0 })).toEqual({
      errors: 0.03,
      silence: 0.01,
      latency: 0,
    })
  })
  it('refuses what cannot be divided', () => {
    expect(() => splitAlpha(0, { a: 1 })).toThrow('total')
    expect(() => splitAlpha(0.05, { a: 0 })).toThrow('at least one')
    expect(() => splitAlpha(0.05, { a: 1, b: -1 })).toThrow('weight of b')
  })
})
