import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { errorLowerBound, judgeHarm } from '../../src/domain/monitoring/harm.ts'
import { seeded } from './support.ts'

describe('errorLowerBound', () => {
  it('lies between 0 and the observed rate, and is 0 without labels', () => {
    expect(errorLowerBound(0, 0)).toBe(0)
    const labels = fc.integer({ min: 1, max: 100_000 })
    void fc.assert(
      fc.property(labels, fc.double({ min: 0, max: 1, noNaN: true }), (n, rate) => {
        const errors = Math.round(n * rate)
        const bound = errorLowerBound(errors, n)
        expect(bound).toBeGreaterThanOrEqual(0)
        expect(bound).toBeLessThanOrEqual(errors / n)
      }),
    )
  })
  it('grows with the errors, and with the labels at one rate', () => {
    for (let errors = 1; errors <= 2_000; errors++)
      expect(errorLowerBound(errors, 2_000)).toBeGreaterThanOrEqual(errorLowerBound(errors - 1, 2_000))
    for (let n = 10; n < 20_000; n += 10)
      expect(errorLowerBound(0.3 * (n + 10), n + 10)).toBeGreaterThanOrEqual(errorLowerBound(0.3 * n, n))
    expect(errorLowerBound(300_000_000, 1e9)).toBeCloseTo(0.3, 3)
  })
  it('is the formula of the paper', () => {
    const radius =
      0.85 * Math.sqrt((Math.log(Math.log(Math.E * 4_000)) + 0.8 * Math.log(1612 / 0.05)) / 4_000)
    expect(errorLowerBound(2_000, 4_000)).toBeCloseTo(0.5 - radius, 14)
    expect(errorLowerBound(2_000, 4_000, 0.01)).toBeLessThan(errorLowerBound(2_000, 4_000))
  })
  it('stays below the true rate at every label count at once in at least 95 % of the runs', ({
    annotate,
  }) => {
    const random = seeded(21)
    const runs = 1_000
    let wrong = 0
    for (let r = 0; r < runs; r++) {
      let errors = 0
      for (let n = 1; n <= 1_000; n++) {
        if (random() < 0.2) errors++
        if (errorLowerBound(errors, n) > 0.2) {
          wrong++
          break
        }
      }
    }
    void annotate(`ever above the truth: ${wrong / runs}`)
    expect(wrong / runs).toBeLessThan(0.05)
  })
})

describe('judgeHarm', () => {
  it('is confirmed only when the bound passes what was accepted at release', () => {
    expect(judgeHarm(0, 0, 0.1, 0.02)).toEqual({ harmed: false, lowerBound: 0, accepted: 0.1 + 0.02 })
    expect(judgeHarm(400, 1_000, 0.1, 0.02).harmed).toBe(true)
    expect(judgeHarm(130, 1_000, 0.1, 0.02).harmed).toBe(false)
    // The same rate on few labels proves nothing.
    expect(judgeHarm(4, 10, 0.1, 0.02).harmed).toBe(false)
  })
})
