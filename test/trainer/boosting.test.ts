import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createBooster, marginsOf } from '../../trainer/gbdt/booster.ts'
import { evaluate } from '../../trainer/gbdt/metrics.ts'
import type { BoosterParams, Dataset, Tree } from '../../trainer/gbdt/types.ts'
import { writeXgboostJson } from '../../trainer/model-json.ts'
import { loadXgboostJson, margins } from '../../trainer/predict.ts'
import { makeRows, params } from './rows.ts'

function train(data: Dataset, given: Partial<BoosterParams>, rounds: number) {
  const booster = createBooster(data, params(given))
  for (let i = 0; i < rounds; i++) booster.boost()
  return booster
}

const innerNodes = (tree: Tree): number[] => [...tree.left.keys()].filter(i => tree.left[i] !== -1)
const depthOf = (tree: Tree, node = 0): number =>
  tree.left[node] === -1 ? 0 : 1 + Math.max(depthOf(tree, tree.left[node]!), depthOf(tree, tree.right[node]!))

const REGRESSION = { objective: 'reg:squarederror', baseScore: 0 } as const
const cell = fc.oneof({ weight: 8, arbitrary: fc.integer({ min: -12, max: 12 }) }, fc.constant(NaN))
const smallRows = fc
  .array(fc.tuple(cell, cell, cell, fc.integer({ min: -9, max: 9 }), fc.integer({ min: 0, max: 3 })), {
    minLength: 2,
    maxLength: 60,
  })
  .map(rows => ({
    rows: rows.length,
    cols: 3,
    values: Float32Array.from(rows.flatMap(row => row.slice(0, 3))),
    labels: Float32Array.from(rows, row => row[3]),
    counts: rows.map(row => row[4]),
  }))

describe('properties of boosting', () => {
  it('never raises the squared error of the training rows, for any step up to 1', () => {
    fc.assert(
      fc.property(
        smallRows,
        fc.double({ min: 0.01, max: 1, noNaN: true }),
        fc.integer({ min: 1, max: 5 }),
        (data, eta, maxDepth) => {
          const booster = createBooster(data, params({ ...REGRESSION, eta, maxDepth }))
          let before = Infinity
          for (let round = 0; round < 8; round++) {
            booster.boost()
            const now = evaluate('rmse', { predictions: booster.margins, groups: 1, labels: data.labels })
            expect(now).toBeLessThanOrEqual(before + 1e-5)
            before = now
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('does not care how a feature is scaled, only how its values are ordered', () => {
    const maps = [
      (x: number) => x * 3 - 7,
      (x: number) => x ** 3,
      (x: number) => Math.exp(x),
      (x: number) => Math.atan(x),
    ]
    fc.assert(
      fc.property(smallRows, fc.constantFrom(...maps), fc.constantFrom(4, 8, 64), (data, map, maxBin) => {
        const mapped = { ...data, values: data.values.map(map) }
        const [plain, scaled] = [data, mapped].map(rows => train(rows, { ...REGRESSION, maxBin }, 4))
        expect(scaled!.margins).toEqual(plain!.margins)
        expect(scaled!.trees.map(tree => [tree.left, tree.feature, tree.sumHessian])).toEqual(
          plain!.trees.map(tree => [tree.left, tree.feature, tree.sumHessian]),
        )
      }),
      { numRuns: 60 },
    )
  })

  it('treats a weight like that many copies of the row', () => {
    fc.assert(
      fc.property(smallRows, data => {
        fc.pre(data.counts.some(count => count > 0))
        const copies = data.counts.flatMap((count, row) => new Array<number>(count).fill(row))
        const weighted = train({ ...data, weights: Float32Array.from(data.counts) }, REGRESSION, 1)
        const copied = train(
          {
            rows: copies.length,
            cols: 3,
            values: Float32Array.from(
              copies.flatMap(row => Array.from(data.values.subarray(row * 3, row * 3 + 3))),
            ),
            labels: Float32Array.from(copies, row => data.labels[row]!),
          },
          REGRESSION,
          1,
        )
        expect(Array.from(copied.margins)).toEqual(copies.map(row => weighted.margins[row]))
      }),
      { numRuns: 60 },
    )
  })

  it('keeps min_child_weight, gamma and max_depth in every tree', () => {
    fc.assert(
      fc.property(
        fc.integer(),
        fc.double({ min: 0, max: 8, noNaN: true }),
        fc.double({ min: 0, max: 3, noNaN: true }),
        fc.integer({ min: 1, max: 6 }),
        (seed, minChildWeight, gamma, maxDepth) => {
          const { trees } = train(makeRows(seed, 150, 3, 0.1), { minChildWeight, gamma, maxDepth }, 3)
          for (const tree of trees) {
            expect(depthOf(tree)).toBeLessThanOrEqual(maxDepth)
            for (const node of innerNodes(tree)) {
              expect(tree.lossChange[node]!).toBeGreaterThanOrEqual(Math.fround(gamma))
              for (const child of [tree.left[node]!, tree.right[node]!])
                expect(tree.sumHessian[child]!).toBeGreaterThanOrEqual(Math.fround(minChildWeight))
            }
          }
        },
      ),
      { numRuns: 30 },
    )
  })

  it('predicts from the file, bit for bit, what it predicted while training', () => {
    const objectives = fc.constantFrom<Partial<BoosterParams>>(
      { objective: 'binary:logistic' },
      { objective: 'reg:squarederror', baseScore: 1.5 },
      { objective: 'multi:softprob', numClass: 3 },
    )
    fc.assert(
      fc.property(
        fc.integer(),
        objectives,
        fc.constantFrom(0.6, 1),
        fc.constantFrom(5, 64),
        (seed, objective, share, maxBin) => {
          const data = makeRows(seed, 120, 4, 0.15)
          const given = {
            ...objective,
            seed,
            maxBin,
            subsample: share,
            colsampleByTree: share,
            colsampleByLevel: share,
          }
          const booster = train(data, given, 4)
          expect(marginsOf(booster.trees, booster.groups, booster.baseMargin, data)).toEqual(booster.margins)
          const text = writeXgboostJson({
            trees: booster.trees,
            groups: booster.groups,
            params: params(given),
            featureCount: 4,
            featureNames: [],
            attributes: {},
          })
          const rows = Array.from({ length: data.rows }, (_, r) => data.values.subarray(r * 4, r * 4 + 4))
          expect(margins(loadXgboostJson(text), rows)).toEqual(booster.margins)
        },
      ),
      { numRuns: 25 },
    )
  })
})

describe('boosting', () => {
  it('learns where missing values belong, even when nothing else tells the classes apart', () => {
    const values = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? NaN : 5))
    const labels = Float32Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? 1 : 0))
    const { margins: scores } = train({ rows: 40, cols: 1, values, labels }, {}, 3)
    expect(scores.every((score, i) => (i % 2 === 0 ? score > 0 : score < 0))).toBe(true)
  })

  it('routes missing values left or right, whichever side fits', () => {
    for (const like of [0, 9]) {
      const values = Float32Array.from({ length: 60 }, (_, i) => (i < 20 ? 0 : i < 40 ? 9 : NaN))
      const labels = Float32Array.from({ length: 60 }, (_, i) =>
        Number(i < 40 ? values[i] === 9 : like === 9),
      )
      const { trees } = train({ rows: 60, cols: 1, values, labels }, {}, 1)
      expect(trees[0]!.defaultLeft[0]).toBe(like === 0 ? 1 : 0)
    }
  })

  it('makes one leaf of rows that no feature separates', () => {
    const data = {
      rows: 4,
      cols: 1,
      values: new Float32Array(4).fill(NaN),
      labels: Float32Array.of(1, 2, 3, 6),
    }
    const booster = train(data, { ...REGRESSION, lambda: 0, eta: 1 }, 1)
    expect(booster.trees[0]!.left.length).toBe(1)
    expect(Array.from(booster.margins)).toEqual([3, 3, 3, 3])
  })

  it('weighs positives by scale_pos_weight as their row weights would', () => {
    const data = makeRows(3, 200, 3)
    const weights = data.labels.map(label => (label === 1 ? 4 : 1))
    // A bin per value: row weights would move the cuts of fewer bins, scale_pos_weight does not.
    const scaled = train(data, { scalePosWeight: 4, maxBin: 256 }, 5)
    expect(scaled.margins).toEqual(train({ ...data, weights }, { maxBin: 256 }, 5).margins)
  })

  it('shrinks leaves with lambda and clears small ones with alpha', () => {
    const size = (given: Partial<BoosterParams>): number =>
      train(makeRows(4, 200, 3), given, 1).margins.reduce((sum, m) => sum + Math.abs(m), 0)
    expect(size({ lambda: 50 })).toBeLessThan(size({ lambda: 1 }))
    expect(size({ alpha: 5 })).toBeLessThan(size({ alpha: 0 }))
    expect(size({ alpha: 1000 })).toBe(0)
    const { margins: clamped } = train(makeRows(4, 200, 3), { maxDeltaStep: 0.1, eta: 1 }, 1)
    expect(Math.max(...clamped.map(Math.abs))).toBe(Math.fround(0.1))
  })

  it('is the same for the same seed and another for another seed', () => {
    const data = makeRows(8, 200, 5)
    const run = (seed: number) => train(data, { subsample: 0.5, seed }, 4).trees
    expect(run(1)).toEqual(run(1))
    expect(run(1)).not.toEqual(run(2))
  })

  it('samples rows and columns in the given shares', () => {
    const data = makeRows(9, 2000, 10)
    const rows = train(data, { ...REGRESSION, subsample: 0.3 }, 5).trees.map(tree => tree.sumHessian[0]!)
    expect(new Set(rows).size).toBeGreaterThan(1)
    for (const count of rows) expect(Math.abs(count - 600)).toBeLessThan(100)
    const used = (tree: Tree): Set<number> => new Set(innerNodes(tree).map(node => tree.feature[node]!))
    const byTree = train(data, { colsampleByTree: 0.3, maxDepth: 6 }, 6).trees.map(used)
    for (const columns of byTree) expect(columns.size).toBeLessThanOrEqual(3)
    expect(new Set(byTree.flatMap(columns => [...columns])).size).toBeGreaterThan(3)
    const [byLevel] = train(data, { colsampleByLevel: 0.1, maxDepth: 6 }, 1).trees
    expect(used(byLevel!).size).toBeGreaterThan(1)
    expect(byLevel!.feature[byLevel!.left[0]!]).toBe(byLevel!.feature[byLevel!.right[0]!])
  })
})
