import { describe, expect, it } from 'vitest'
import { compile, readXgboost } from '../../compiler/index.ts'
import { loadArtefact } from '../../compiler/run.ts'
import { LAYOUTS } from '../../compiler/wasm/plan.ts'
import { baseScores, encode, expected, fixture, fixtureNames, hex, modelJson } from './support.ts'

const models = [...fixtureNames('.json.gz'), ...fixtureNames('.ubj.gz')].filter(
  name => !name.startsWith('refused'),
)
const caseOf = (file: string): string => file.replace(/\.(json|ubj)\.gz$/, '')

describe("margins are XGBoost's own, bit for bit", () => {
  it('covers JSON and UBJSON of three versions', () => {
    for (const part of ['-1.7.json', '-2.1.json', '-3.2.json', '-1.7.ubj', '-2.1.ubj', '-3.2.ubj'])
      expect(models.some(name => name.includes(part))).toBe(true)
  })

  describe.each(models)('%s', file => {
    const rows = expected(caseOf(file))

    it.each(LAYOUTS)('%s', layout => {
      const { artefact } = compile(fixture(file), { layout })
      const loaded = loadArtefact(artefact)
      for (const { row, margins } of rows) expect(hex(loaded.margins(row))).toEqual(hex(margins))
      const all = Float32Array.from(rows.flatMap(({ row }) => [...row]))
      expect(hex(loaded.marginsBatch(all))).toEqual(rows.flatMap(({ margins }) => hex(margins)))
    })

    it('predicts what XGBoost predicts', () => {
      const loaded = loadArtefact(compile(fixture(file)).artefact)
      for (const { row, predictions } of rows) {
        const { probabilities, value, label, margins } = loaded.predict(row)
        if (loaded.metadata.objective.startsWith('multi:')) {
          expect(label).toBe(predictions.indexOf(Math.max(...predictions)))
          predictions.forEach((p, i) => {
            expect(probabilities![i]).toBeCloseTo(p, 6)
          })
        } else if (loaded.metadata.objective === 'binary:logistic') {
          expect(probabilities![1]).toBeCloseTo(predictions[0]!, 6)
          expect(label).toBe(predictions[0]! > 0.5 ? 1 : 0)
        } else {
          expect(value! / predictions[0]!).toBeCloseTo(1, 6)
          expect(margins.length).toBe(predictions.length)
        }
      }
    })
  })
})

it('uses the best iteration of an early-stopped model, and all of it when asked', () => {
  const file = fixtureNames('.json.gz').find(name => name.startsWith('early'))!
  const model = readXgboost(fixture(file))
  expect(model.bestIteration! + 1).toBeLessThan(model.iterationEnds.length)
  const best = compile(fixture(file)).report
  const all = compile(fixture(file), { iterations: 'all' }).report
  expect(best.iterations).toEqual({ used: model.bestIteration! + 1, total: model.iterationEnds.length })
  expect(all.trees).toBe(model.trees.length)
  expect(best.trees).toBeLessThan(all.trees)
})

it('skips the slots that the pruner freed', () => {
  const file = fixtureNames('.json.gz').find(name => name.startsWith('pruned'))!
  const { trees } = readXgboost(fixture(file))
  expect(trees.some(tree => tree.nodeCount < tree.nodes.left.length)).toBe(true)
})

it('counts the trees of one iteration with num_parallel_tree', () => {
  const { trees, iterationEnds } = readXgboost(fixture('regression-3.2.json.gz'))
  expect(iterationEnds).toEqual([3, 6, 9, 12])
  expect(trees).toHaveLength(12)
})

describe('base score', () => {
  it.each(['binary:logistic', 'count:poisson', 'binary:logitraw'])(
    "is XGBoost's margin for %s",
    objective => {
      const cases = baseScores().filter(one => one.objective === objective)
      expect(cases.length).toBeGreaterThanOrEqual(20)
      for (const { score, margin } of cases) {
        const { baseScore } = readXgboost(encode(modelJson([], { objective, baseScore: `${score}` })))
        expect(hex(baseScore)).toEqual(hex(Float32Array.of(margin)))
      }
    },
  )

  it('needs the very logf of the C library: the nearest f32 would miss some of these', () => {
    const missed = baseScores().filter(({ objective, score, margin }) => {
      const odds = Math.fround(Math.fround(1 / score) - 1)
      return objective === 'binary:logistic' && Math.fround(-Math.log(odds)) !== margin
    })
    expect(missed.length).toBeGreaterThan(0)
  })

  it('handles scores at the edges as the version that wrote them does', () => {
    const marginAt = (version: number[], baseScore: string): number =>
      readXgboost(encode({ ...modelJson([], { baseScore }), version })).baseScore[0]!
    expect(marginAt([3, 2, 0], '0E0')).toBe(marginAt([3, 2, 0], '1E-6'))
    expect(marginAt([2, 1, 4], '1E-30')).toBeLessThan(-69)
    expect(marginAt([3, 2, 0], '1E-30')).toBeGreaterThan(-14)
    for (const outside of ['0E0', '1E0', '1E-40', '-1E-1'])
      expect(() => marginAt([2, 1, 4], outside)).toThrow('must lie between 0 and 1')
  })

  it('reads one number per class', () => {
    const model = modelJson([], { numClass: 3, baseScore: '[1E-1,-2E0,3E0]' })
    expect(Array.from(readXgboost(encode(model)).baseScore)).toEqual([Math.fround(0.1), -2, 3])
  })

  it('can be replaced by the exact margins', () => {
    const { artefact } = compile(encode(modelJson([{ leaf: 1 }])), { baseMargin: [0.25] })
    expect(loadArtefact(artefact).margins([0, 0, 0])[0]).toBe(1.25)
  })
})
