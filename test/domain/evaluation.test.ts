import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { accuracy, auc, rmse } from '../../src/domain/evaluation/metrics.ts'
import { decideRow, errorOf, metricsOf, scoreRows } from '../../src/domain/evaluation/score.ts'
import { config } from './support.ts'

/** The definition: the share of pairs of one positive and one negative that are in the right order, ties half. */
function pairs(scores: readonly number[], labels: readonly number[]): number {
  let right = 0
  let all = 0
  scores.forEach((p, i) => {
    scores.forEach((q, j) => {
      if (labels[i] !== 1 || labels[j] === 1) return
      all++
      right += p > q ? 1 : p === q ? 0.5 : 0
    })
  })
  return all === 0 ? Number.NaN : right / all
}

describe('metrics', () => {
  it('AUC is the share of pairs in the right order, ties counted half', () => {
    const row = fc.tuple(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 1 }))
    void fc.assert(
      fc.property(fc.array(row, { maxLength: 40 }), rows => {
        const scores = rows.map(([s]) => s / 5)
        const labels = rows.map(([, l]) => l)
        const found = auc(scores, labels)
        const expected = pairs(scores, labels)
        if (Number.isNaN(expected)) expect(found).toBeNaN()
        else expect(found).toBeCloseTo(expected, 12)
      }),
    )
  })
  it('AUC has its known values', () => {
    expect(auc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1])).toBe(0.75)
    expect(auc([1, 1, 1], [0, 1, 1])).toBe(0.5)
    expect(auc([1, 2, 3, 4], [0, 0, 1, 1])).toBe(1)
    expect(auc([4, 3, 2, 1], [0, 0, 1, 1])).toBe(0)
    expect(auc([1, 2], [1, 1])).toBeNaN()
    expect(auc([1, 2], [0, 0])).toBeNaN()
    expect(auc([], [])).toBeNaN()
  })
  it('accuracy and RMSE', () => {
    expect(accuracy([1, 0, 2], [1, 1, 2])).toBeCloseTo(2 / 3, 15)
    expect(rmse([1, 2], [4, 6])).toBeCloseTo(Math.sqrt(12.5), 12)
    expect(accuracy([], [])).toBeNaN()
    expect(rmse([], [])).toBeNaN()
  })
})

describe('decideRow', () => {
  it('takes the threshold as class 1, the first of equal classes, and values as they are', () => {
    expect(decideRow([0], 'binary', 0.5)).toEqual({ score: 0.5, prediction: 1 })
    expect(decideRow([-1e-9], 'binary', 0.5).prediction).toBe(0)
    expect(decideRow([1, 3, 3], 'multiclass', 0.5)).toEqual({ score: 1, prediction: 1 })
    expect(decideRow([-4.5], 'regression', 0.5)).toEqual({ score: -4.5, prediction: -4.5 })
  })
})

describe('metricsOf', () => {
  const rows = { features: [[1], [2], [3]], labels: [0, 1, 1] }
  it('leaves out what these rows do not define', () => {
    const scored = scoreRows(row => [(row[0] as number) - 2], rows, config())
    expect(metricsOf(scored, rows, config())).toEqual({ accuracy: 1, auc: 1 })
    const one = { features: [[3]], labels: [1] }
    expect(
      metricsOf(
        scoreRows(() => [1], one, config()),
        one,
        config(),
      ),
    ).toEqual({ accuracy: 1 })
    const none = { features: [], labels: [] }
    expect(
      metricsOf(
        scoreRows(() => [1], none, config()),
        none,
        config(),
      ),
    ).toEqual({})
  })
  it('measures error as a rate for classes and as RMSE for values', () => {
    const regression = config({ task: 'regression', label: { column: 'y' } })
    expect(
      errorOf(
        scoreRows(() => [9], rows, config()),
        rows,
        config(),
      ),
    ).toBeCloseTo(1 / 3, 15)
    expect(
      errorOf(
        scoreRows(() => [1], rows, regression),
        rows,
        regression,
      ),
    ).toBeCloseTo(Math.sqrt(1 / 3), 12)
  })
})
