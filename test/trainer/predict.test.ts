import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { float32Text } from '../../trainer/float32.ts'
import { loadXgboostJson, ModelFormatError, margins, predictions } from '../../trainer/predict.ts'

const text = readFileSync(`${import.meta.dirname}/fixtures/xgboost-trained.json.txt`, 'utf8')

/** The fixture with one value replaced, by its path from the root. */
function spoil(path: readonly (string | number)[], value: unknown): string {
  const root: unknown = JSON.parse(text)
  let at = root as Record<string | number, unknown>
  for (const key of path.slice(0, -1)) at = at[key] as Record<string | number, unknown>
  at[path.at(-1)!] = value
  return JSON.stringify(root)
}

const TREE = ['learner', 'gradient_booster', 'model', 'trees', 0]

describe('reading a model', () => {
  const refused: [string, string, RegExp][] = [
    ['no JSON', '{', /^not JSON: /],
    ['a list', '[]', /^model: expected an object$/],
    [
      'another booster',
      spoil(['learner', 'gradient_booster', 'name'], 'dart'),
      /booster dart is not supported/,
    ],
    [
      'another objective',
      spoil(['learner', 'objective', 'name'], 'survival:cox'),
      /objective survival:cox is not/,
    ],
    ['vector leaves', spoil(['learner', 'learner_model_param', 'num_target'], '2'), /num_target above 1/],
    [
      'no base_score',
      spoil(['learner', 'learner_model_param', 'base_score'], 'x'),
      /^base_score: expected a number$/,
    ],
    ['categorical splits', spoil([...TREE, 'split_type', 0], 1), /^trees\[0\] has categorical splits/],
    [
      'words in arrays',
      spoil([...TREE, 'split_conditions', 0], '1'),
      /^trees\[0\]\.split_conditions: expected numbers/,
    ],
    ['arrays of unequal length', spoil([...TREE, 'split_indices'], [0]), /^trees\[0\]\.feature has 1 of/],
    ['a tree without nodes', spoil([...TREE, 'left_children'], []), /^trees\[0\] has no nodes/],
    [
      'a circle',
      spoil([...TREE, 'left_children', 0], 0),
      /^trees\[0\], node 0: child or feature out of range/,
    ],
    ['a child outside', spoil([...TREE, 'right_children', 0], 99), /node 0: child or feature out of range/],
    ['a feature outside', spoil([...TREE, 'split_indices', 0], 5), /node 0: child or feature out of range/],
    ['a wrong tree_info', spoil(['learner', 'gradient_booster', 'model', 'tree_info'], [0]), /tree_info/],
  ]
  it.each(refused)('refuses %s', (_, spoiled, message) => {
    expect(() => loadXgboostJson(spoiled)).toThrow(ModelFormatError)
    expect(() => loadXgboostJson(spoiled)).toThrow(message)
  })

  it('reads the base_score of XGBoost 3 and the link of each objective', () => {
    const base = (objective: string, score: string): number => {
      const root = JSON.parse(spoil(['learner', 'objective', 'name'], objective))
      root.learner.learner_model_param.base_score = score
      return loadXgboostJson(JSON.stringify(root)).baseMargins[0]!
    }
    expect(base('binary:logistic', '[2.5E-1]')).toBeCloseTo(Math.log(1 / 3), 6)
    expect(base('reg:squarederror', '2.5E-1')).toBe(0.25)
    expect(base('count:poisson', '2E0')).toBe(Math.fround(Math.log(2)))
    expect(() => base('binary:logistic', '[5E-1,2E-1]')).toThrow('base_score has 2 values for 1 outputs')
  })

  it('starts every class from its own base_score', () => {
    const multi = readFileSync(`${import.meta.dirname}/fixtures/trainer-trained.json.txt`, 'utf8')
    const root = JSON.parse(multi)
    root.learner.learner_model_param.base_score = '[1E0,2E0,-3E0]'
    root.learner.gradient_booster.model.trees = []
    root.learner.gradient_booster.model.tree_info = []
    const scores = margins(loadXgboostJson(JSON.stringify(root)), [
      new Array(5).fill(0),
      new Array(5).fill(NaN),
    ])
    expect(Array.from(scores)).toEqual([1, 2, -3, 1, 2, -3])
  })

  it('refuses a row of another width', () => {
    expect(() => margins(loadXgboostJson(text), [[1, 2]])).toThrow('row 0 has 2 features, the model has 5')
  })

  it('turns margins into what predict gives', () => {
    const binary = loadXgboostJson(text)
    expect(Array.from(predictions(binary, Float32Array.of(0, 100)))).toEqual([0.5, 1])
    const multi = { ...binary, objective: 'multi:softmax', groups: 3 }
    expect(Array.from(predictions(multi, Float32Array.of(1, 3, 2, 0, 0, -1)))).toEqual([1, 0])
    const soft = predictions({ ...multi, objective: 'multi:softprob' }, Float32Array.of(1, 1, 1))
    expect(Array.from(soft)).toEqual(new Array(3).fill(Math.fround(1 / 3)))
  })
})

describe('float32 as text', () => {
  it('has XGBoost’s notation', () => {
    const numbers = [0, -0, 0.5, 50, -1.5, Math.fround(0.1), 3.4028234663852886e38, 1.401298464324817e-45]
    expect(numbers.map(float32Text)).toEqual([
      '0E0',
      '-0E0',
      '5E-1',
      '5E1',
      '-1.5E0',
      '1E-1',
      '3.4028235E38',
      '1E-45',
    ])
  })

  it('reads back to the same bits from any float, and is short', () => {
    const bits = new Uint32Array(1)
    const float = new Float32Array(bits.buffer)
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 32 - 1 }), pattern => {
        bits[0] = pattern
        const value = float[0]!
        fc.pre(Number.isFinite(value))
        const written = float32Text(value)
        expect(Object.is(Math.fround(Number(written)), value)).toBe(true)
        expect(written.length).toBeLessThanOrEqual(15)
      }),
      { numRuns: 2000 },
    )
  })

  it('refuses what JSON cannot hold', () => {
    expect(() => float32Text(NaN)).toThrow(RangeError)
  })
})
