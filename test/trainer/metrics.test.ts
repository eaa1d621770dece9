import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { evaluate } from '../../trainer/gbdt/metrics.ts'
import { rankDescending, rankingAreas } from '../../trainer/gbdt/ranking.ts'

const rows = fc.array(
  fc.record({
    score: fc.oneof(fc.float({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(-0, 0, 0.5)),
    label: fc.integer({ min: 0, max: 1 }),
    weight: fc.integer({ min: 1, max: 4 }),
  }),
  { minLength: 2, maxLength: 40 },
)

describe('ranking areas', () => {
  it('has the AUC of counting pairs, ties as half, weights as products', () => {
    fc.assert(
      fc.property(rows, data => {
        const pairs = data.flatMap(p => data.filter(n => p.label === 1 && n.label === 0).map(n => ({ p, n })))
        fc.pre(pairs.length > 0)
        const mass = pairs.reduce((sum, { p, n }) => sum + p.weight * n.weight, 0)
        const won = pairs.reduce(
          (sum, { p, n }) =>
            sum + p.weight * n.weight * (p.score > n.score ? 1 : p.score === n.score ? 0.5 : 0),
          0,
        )
        const { auc, aucpr } = rankingAreas(
          Float32Array.from(data, row => row.score),
          i => data[i]!.label === 1,
          Float32Array.from(data, row => row.weight),
        )
        expect(auc).toBeCloseTo(won / mass, 12)
        expect(aucpr).toBeGreaterThan(0)
        expect(aucpr).toBeLessThanOrEqual(1 + 1e-12)
      }),
    )
  })

  it('sorts floats of both signs', () => {
    fc.assert(
      fc.property(fc.array(fc.float({ noNaN: true })), values => {
        const scores = Float32Array.from(values)
        const ranked = Array.from(rankDescending(scores), i => scores[i]!)
        for (let i = 1; i < ranked.length; i++) expect(ranked[i]!).toBeLessThanOrEqual(ranked[i - 1]!)
        expect(ranked.length).toBe(values.length)
      }),
    )
  })

  it('is 1 for a perfect ranking and the base rate for one score', () => {
    const perfect = rankingAreas(Float32Array.of(0.9, 0.8, 0.2, 0.1), i => i < 2, undefined)
    expect(perfect).toEqual({ auc: 1, aucpr: 1 })
    const flat = rankingAreas(Float32Array.of(0.5, 0.5, 0.5, 0.5), i => i < 1, undefined)
    expect(flat.auc).toBe(0.5)
    expect(flat.aucpr).toBeCloseTo(0.25, 12)
  })

  it('is undefined for a single class', () => {
    expect(rankingAreas(Float32Array.of(1, 2), () => true, undefined)).toEqual({ auc: NaN, aucpr: NaN })
  })
})

describe('metrics', () => {
  const binary = {
    predictions: Float32Array.of(0.75, 0.5, 0.25),
    groups: 1,
    labels: Float32Array.of(1, 1, 0),
  }
  const multi = {
    predictions: Float32Array.of(0.5, 0.25, 0.25, 0.25, 0.5, 0.25, 0.5, 0.25, 0.25),
    groups: 3,
    labels: Float32Array.of(0, 1, 2),
  }

  it('has the textbook values', () => {
    expect(evaluate('logloss', binary)).toBeCloseTo(-(2 * Math.log(0.75) + Math.log(0.5)) / 3, 7)
    expect(evaluate('error', binary)).toBeCloseTo(1 / 3, 12)
    expect(evaluate('accuracy', binary)).toBeCloseTo(2 / 3, 12)
    expect(evaluate('rmse', binary)).toBeCloseTo(Math.sqrt((0.0625 + 0.25 + 0.0625) / 3), 12)
    expect(evaluate('mae', binary)).toBeCloseTo(1 / 3, 12)
    expect(evaluate('mlogloss', multi)).toBeCloseTo(-(2 * Math.log(0.5) + Math.log(0.25)) / 3, 7)
    expect(evaluate('merror', multi)).toBeCloseTo(1 / 3, 12)
    expect(evaluate('accuracy', multi)).toBeCloseTo(2 / 3, 12)
    expect(evaluate('auc', multi)).toBeCloseTo((0.75 + 1 + 0.5) / 3, 12)
  })

  it('counts rows by their weights', () => {
    expect(evaluate('error', { ...binary, weights: Float32Array.of(1, 2, 1) })).toBe(0.5)
  })

  it('stays finite for a confident mistake', () => {
    const wrong = { predictions: Float32Array.of(0), groups: 1, labels: Float32Array.of(1) }
    expect(evaluate('logloss', wrong)).toBeCloseTo(-Math.log(1e-16), 9)
  })
})
