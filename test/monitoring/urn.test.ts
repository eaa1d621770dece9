import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { raoScott } from '../../src/domain/monitoring/stats/clustering.ts'
import { sharesOf, totalVariationOf } from '../../src/domain/monitoring/stats/distances.ts'
import { logEvalue } from '../../src/domain/monitoring/stats/evidence.ts'
import { logGamma as lnGamma } from '../../src/domain/rollout/stats/special.ts'
import { multinomial, seeded } from '../domain/support.ts'

const totalVariation = (counts: readonly number[], p0: readonly number[]): number =>
  totalVariationOf(sharesOf(counts), p0)

const simplex = (bins: number) =>
  fc
    .array(fc.integer({ min: 1, max: 50 }), { minLength: bins, maxLength: bins })
    .map(w => w.map(v => v / w.reduce((a, b) => a + b, 0)))

describe('lnGamma', () => {
  it.each([
    [0.1, 2.252712651734206],
    [0.5, 0.5723649429247001],
    [1, 0],
    [1.5, -0.12078223763524522],
    [2, 0],
    [10.5, 13.940625219403763],
    [100, 359.1342053695754],
    [1e6, 12815504.569147881],
  ])('of %d', (x, value) => {
    expect(Math.abs(lnGamma(x) - value)).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(value)))
  })
  it('has the recurrence lnΓ(x+1) = lnΓ(x) + ln x', () => {
    void fc.assert(
      fc.property(fc.double({ min: 1e-3, max: 1e5, noNaN: true }), x => {
        const step = lnGamma(x + 1) - lnGamma(x) - Math.log(x)
        expect(Math.abs(step)).toBeLessThan(1e-12 * Math.max(1, lnGamma(x + 1)))
      }),
    )
  })
})

/** The e-value by its meaning: each observation's predictive probability (Pólya urn) over its probability under p0. */
function direct(counts: readonly number[], p0: readonly number[], kappa: number): number {
  let e = 1
  let drawn = 0
  counts.forEach((count, b) => {
    const p = p0[b] as number
    for (let i = 0; i < count; i++) {
      e *= (kappa * p + i) / (kappa + drawn) / p
      drawn++
    }
  })
  return e
}
/** All ways to spread n over `bins`. */
function* spreads(n: number, bins: number): Generator<number[]> {
  if (bins === 1) {
    yield [n]
    return
  }
  for (let k = 0; k <= n; k++) for (const rest of spreads(n - k, bins - 1)) yield [k, ...rest]
}
const factorial = (n: number): number => (n < 2 ? 1 : n * factorial(n - 1))

describe('logEvalue', () => {
  it('is the product of the predictive probabilities over those of the baseline', () => {
    void fc.assert(
      fc.property(
        fc
          .integer({ min: 2, max: 6 })
          .chain(bins =>
            fc.tuple(
              fc.array(fc.integer({ min: 0, max: 8 }), { minLength: bins, maxLength: bins }),
              simplex(bins),
              fc.double({ min: 0.5, max: 100, noNaN: true }),
            ),
          ),
        ([counts, p0, kappa]) => {
          expect(logEvalue(counts, p0, kappa)).toBeCloseTo(Math.log(direct(counts, p0, kappa)), 8)
        },
      ),
    )
  })
  it('has the values that another lgamma gave', () => {
    const even = [0.25, 0.25, 0.25, 0.25]
    expect(logEvalue([25, 25, 25, 25], even, 100)).toBeCloseTo(-1.045970151362809, 10)
    expect(logEvalue([30, 20, 30, 20], even, 100)).toBeCloseTo(-0.034179111638, 10)
    expect(logEvalue([60, 20, 10, 10], even, 100)).toBeCloseTo(14.49393039128, 10)
    expect(logEvalue([0, 0, 0, 0], even)).toBeCloseTo(0, 12)
  })
  it('has expectation 1 under the baseline, counted out over all outcomes', () => {
    for (const [p0, n] of [
      [[0.5, 0.5], 12],
      [[0.7, 0.2, 0.1], 7],
      [[0.1, 0.2, 0.3, 0.4], 5],
    ] as const) {
      let mean = 0
      for (const counts of spreads(n, p0.length)) {
        const ways = counts.reduce((w, c) => w / factorial(c), factorial(n))
        mean +=
          ways * counts.reduce((q, c, b) => q * (p0[b] as number) ** c, 1) * Math.exp(logEvalue(counts, p0))
      }
      expect(mean).toBeCloseTo(1, 9)
    }
  })
  it('has a mean of 1 over 20 000 simulated windows', ({ annotate }) => {
    const random = seeded(7)
    const p0 = [0.4, 0.3, 0.2, 0.1]
    // Few observations, so that the e-value has no tail too heavy for its mean to be simulated.
    const values = Array.from({ length: 20_000 }, () => Math.exp(logEvalue(multinomial(random, p0, 4), p0)))
    const mean = values.reduce((a, b) => a + b, 0) / values.length
    const spread = Math.sqrt(values.reduce((a, v) => a + (v - mean) ** 2, 0) / values.length)
    const error = spread / Math.sqrt(values.length)
    void annotate(`mean ${mean.toFixed(4)} ± ${error.toFixed(4)}`)
    expect(error).toBeLessThan(0.02)
    expect(Math.abs(mean - 1)).toBeLessThan(4 * error)
  })
  it('passes 20 at any of 20 looks in at most 1 run of 20', ({ annotate }) => {
    const random = seeded(8)
    const p0 = [0.4, 0.3, 0.2, 0.1]
    const runs = 10_000
    let passed = 0
    for (let r = 0; r < runs; r++) {
      const counts = [0, 0, 0, 0]
      let high = Number.NEGATIVE_INFINITY
      for (let look = 0; look < 20; look++) {
        multinomial(random, p0, 5).forEach((c, b) => {
          counts[b] = (counts[b] as number) + c
        })
        high = Math.max(high, logEvalue(counts, p0))
      }
      if (high >= Math.log(20)) passed++
    }
    void annotate(`ever ≥ 20: ${passed / runs}`)
    // Ville's inequality is proven; the margin is the simulation's own error, four times.
    expect(passed / runs).toBeLessThan(0.05 + 4 * Math.sqrt((0.05 * 0.95) / runs))
  })
})

describe('raoScott', () => {
  it('is 1 for one device and for none, and 0 for devices that count alike', () => {
    expect(raoScott([])).toBe(1)
    expect(raoScott([[5, 3, 2]])).toBe(1)
    expect(
      raoScott([
        [5, 3, 2],
        [0, 0, 0],
      ]),
    ).toBe(1)
    expect(raoScott(Array.from({ length: 30 }, () => [5, 3, 2]))).toBeCloseTo(0, 12)
    expect(
      raoScott([
        [5, 0],
        [9, 0],
      ]),
    ).toBe(1)
  })
  it('is the cluster size, times D/(D−1), when each device repeats one value', () => {
    const devices = Array.from({ length: 40 }, (_, d) => [0, 1, 2, 3].map(b => (b === d % 4 ? 25 : 0)))
    expect(raoScott(devices)).toBeCloseTo((25 * 40) / 39, 10)
    expect(raoScott(devices.map(d => d.map(c => c / 25)))).toBeCloseTo(40 / 39, 10)
  })
  it('is 1 on average for readings that are independent', () => {
    const random = seeded(3)
    let sum = 0
    for (let r = 0; r < 200; r++) {
      const effect = raoScott(Array.from({ length: 40 }, () => multinomial(random, [0.1, 0.2, 0.3, 0.4], 50)))
      sum += effect
    }
    expect(sum / 200).toBeCloseTo(1, 1)
  })
  it('does not depend on the order of devices or of bins', () => {
    const random = seeded(4)
    const devices = Array.from({ length: 9 }, (_, d) => multinomial(random, [0.5, 0.3, 0.2], 10 + d))
    const effect = raoScott(devices)
    expect(raoScott([...devices].reverse())).toBeCloseTo(effect, 12)
    expect(raoScott(devices.map(d => [...d].reverse()))).toBeCloseTo(effect, 12)
  })
})

describe('distance', () => {
  it('lies in [0, 1], is 0 for the baseline itself and 1 for what it never has', () => {
    void fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 99 }), { minLength: 4, maxLength: 4 }),
        simplex(4),
        (counts, p0) => {
          const distance = totalVariation(counts, p0)
          expect(distance).toBeGreaterThanOrEqual(0)
          expect(distance).toBeLessThanOrEqual(1 + 1e-12)
          expect(
            totalVariation(
              p0.map(p => p * 1000),
              p0,
            ),
          ).toBeCloseTo(0, 12)
        },
      ),
    )
    expect(totalVariation([0, 5], [1, 0])).toBe(1)
    // The example of Evidently's tests, with the distance by scipy.
    const reference = [16, 16, 16, 16, 16, 8].map(c => c / 88)
    expect(totalVariation([16, 18, 16, 14, 12, 12], reference)).toBeCloseTo(0.0681818, 7)
  })
})
