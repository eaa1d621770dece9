import { describe, expect, it } from 'vitest'
import {
  normalCdf,
  normalQuantile,
  normalScore,
  studentCdf,
} from '../../../src/domain/rollout/stats/normal.ts'
import {
  betaCdf,
  binomialCdf,
  logBeta,
  logBetaTails,
  logBinomial,
  logChoose,
  logGamma,
} from '../../../src/domain/rollout/stats/special.ts'

/** Relative difference; the reference figures are mpmath 1.3.0's at 40 digits. */
const near = (value: number, reference: number, tolerance = 1e-12): void =>
  expect(Math.abs(value - reference)).toBeLessThanOrEqual(tolerance * Math.abs(reference))

describe('special functions', () => {
  it('log-gamma: exact factorials, ln √π, and mpmath', () => {
    let factorial = 1
    for (let n = 1; n < 20; n++) {
      factorial *= n
      expect(logGamma(n + 1)).toBeCloseTo(Math.log(factorial), 12)
    }
    expect(logGamma(1)).toBe(0)
    near(logGamma(0.5), 0.5 * Math.log(Math.PI))
    near(logGamma(3.7), 1.4280723266653879)
    near(logGamma(10.5), 13.940625219403763)
    near(logGamma(1_000_000.5), 12815511.476902766)
    near(logBeta(2, 3), Math.log(1 / 12))
    near(logChoose(10, 3), Math.log(120))
  })

  it('incomplete beta: mpmath, and its tails add up to 1', () => {
    near(betaCdf(0.05, 3.5, 20), 0.05061191119026538)
    near(betaCdf(0.3, 2, 6.33), 0.6968072524508135)
    near(betaCdf(0.001, 1, 5000), 0.9932788880401344)
    near(betaCdf(0.9, 40, 3), 0.19510765482693662)
    near(logBetaTails(0.05, 2, 10_000).upper, -506.7163377744205)
    const { lower, upper } = logBetaTails(0.5, 100_000, 100_000.5)
    near(Math.exp(lower) + Math.exp(upper), 1)
    expect(logBetaTails(0, 2, 3)).toEqual({ lower: Number.NEGATIVE_INFINITY, upper: 0 })
    expect(logBetaTails(1, 2, 3)).toEqual({ lower: 0, upper: Number.NEGATIVE_INFINITY })
  })

  it('the binomial distribution function is the sum of its terms', () => {
    for (const [n, p] of [
      [1, 0.3],
      [17, 0.05],
      [60, 0.4],
    ] as const) {
      let sum = 0
      for (let s = 0; s <= n; s++) {
        sum += Math.exp(logBinomial(s, n, p))
        near(binomialCdf(s, n, p), sum, 1e-11)
      }
      expect(binomialCdf(-1, n, p)).toBe(0)
    }
  })

  it('normal distribution: mpmath over 300 orders of magnitude, and back', () => {
    near(normalCdf(-37), 5.725571222524577e-300, 1e-11)
    near(normalCdf(-10), 7.619853024160525e-24)
    near(normalCdf(-3), 0.0013498980316300946)
    near(normalCdf(-1), 0.15865525393145705)
    near(normalCdf(0.5), 0.6914624612740131)
    near(normalCdf(2), 0.9772498680518208)
    expect([normalCdf(-50), normalCdf(0), normalCdf(50)]).toEqual([0, 0.5, 1])
    near(normalQuantile(0.975), 1.9599639845400543)
    near(normalQuantile(0.0025), -2.8070337683438042)
    near(normalQuantile(0.03), -1.8807936081512509)
    near(normalQuantile(1e-20), -9.262340089798407)
    expect([normalQuantile(0), normalQuantile(1)]).toEqual([-Infinity, Infinity])
    expect(normalQuantile(2)).toBeNaN()
  })

  it('Student’s distribution: mpmath, and the normal score of the same tail', () => {
    near(studentCdf(2.228, 10), 0.9749941140914443)
    near(studentCdf(1.5, 3), 0.8847080673775884)
    near(studentCdf(-1.5, 3), 0.11529193262241152)
    expect(studentCdf(0, 4)).toBe(0.5)
    near(normalScore(5, 18), 3.9085768228320164)
    near(normalScore(-5, 18), -3.9085768228320164)
    near(normalScore(2.228, 10), 1.9598632860933378)
    expect(normalScore(1e200, 30)).toBe(37)
  })
})
