import { describe, expect, it } from 'vitest'
import { MAX_MODEL_BYTES, ModelFormatError, readXgboost } from '../../compiler/index.ts'
import { encode, fixture, modelJson, type Shape, treeJson } from './support.ts'

const leaf = (value: number): Shape => ({ leaf: value })
const split = (left: Shape, right: Shape, feature = 0): Shape => ({
  feature,
  threshold: 0.5,
  defaultLeft: true,
  left,
  right,
})
const two = split(split(leaf(1), leaf(2)), leaf(3), 2)

type Model = ReturnType<typeof modelJson>
type TreeJson = ReturnType<typeof treeJson>

const refusal = (source: Uint8Array): ModelFormatError => {
  try {
    readXgboost(source)
  } catch (error) {
    if (error instanceof ModelFormatError) return error
    throw error
  }
  throw new Error('was accepted')
}

/** The error after `change` on a model whose fourth tree is interesting. */
const errorAfter = (change: (model: Model, tree: TreeJson) => void): ModelFormatError => {
  const model = modelJson([leaf(0), leaf(0), leaf(0), two])
  change(model, model.learner.gradient_booster.model.trees[3]!)
  return refusal(encode(model))
}

const TREE = 'learner.gradient_booster.model.trees[3]'

describe('a tree that is none', () => {
  it.each<[string, string, (tree: TreeJson) => void]>([
    ['child out of range', `${TREE}.left_children[1]`, tree => tree.left_children.splice(1, 1, 7)],
    ['child below -1', `${TREE}.left_children[0]`, tree => tree.left_children.splice(0, 1, -2)],
    ['one child only', `${TREE}.right_children[2]`, tree => tree.right_children.splice(2, 1, 3)],
    ['children apart', `${TREE}.right_children[1]`, tree => tree.right_children.splice(1, 1, 2)],
    [
      'shared children',
      `${TREE}.left_children[1]`,
      tree => {
        tree.left_children[2] = 3
        tree.right_children[2] = 4
      },
    ],
    [
      'cycle',
      `${TREE}.left_children[1]`,
      tree => {
        tree.left_children[1] = 0
        tree.right_children[1] = 1
      },
    ],
    [
      'second root',
      `${TREE}.left_children`,
      tree => {
        tree.left_children[1] = -1
        tree.right_children[1] = -1
      },
    ],
    ['feature out of range', `${TREE}.split_indices[1]`, tree => tree.split_indices.splice(1, 1, 3)],
    ['threshold beyond f32', `${TREE}.split_conditions[0]`, tree => tree.split_conditions.splice(0, 1, 1e39)],
    ['leaf beyond f32', `${TREE}.split_conditions[4]`, tree => tree.split_conditions.splice(4, 1, -1e39)],
    ['default neither way', `${TREE}.default_left[0]`, tree => tree.default_left.splice(0, 1, 2)],
    ['array too short', `${TREE}.default_left`, tree => tree.default_left.pop()],
    ['no nodes', `${TREE}.tree_param.num_nodes`, tree => Object.assign(tree.tree_param, { num_nodes: '0' })],
    ['fractional child', `${TREE}.left_children[0]`, tree => tree.left_children.splice(0, 1, 0.5)],
  ])('%s at %s', (_name, path, change) => {
    expect(errorAfter((_model, tree) => change(tree)).path).toBe(path)
  })

  it('names tree and node in the message', () => {
    const error = errorAfter((_model, tree) => tree.left_children.splice(1, 1, 7))
    expect(error.message).toBe(`${TREE}.left_children[1]: must be from -1 to 4, found 7`)
  })
})

describe('a document that does not hold together', () => {
  it.each<[string, (model: Model) => void]>([
    ['version', model => Object.assign(model, { version: undefined })],
    ['version[0]', model => model.version.splice(0, 1, 4)],
    ['learner', model => Object.assign(model, { learner: [] })],
    ['learner.objective.name', model => Object.assign(model.learner.objective, { name: 'survival:cox' })],
    [
      'learner.learner_model_param.num_feature',
      model => Object.assign(model.learner.learner_model_param, { num_feature: 'x' }),
    ],
    [
      'learner.learner_model_param.num_class',
      model => Object.assign(model.learner.learner_model_param, { num_class: '3' }),
    ],
    [
      'learner.learner_model_param.base_score',
      model => Object.assign(model.learner.learner_model_param, { base_score: '1E0' }),
    ],
    [
      'learner.learner_model_param.base_score',
      model => Object.assign(model.learner.learner_model_param, { base_score: '[5E-1,5E-1]' }),
    ],
    [
      'learner.learner_model_param.base_score',
      model => Object.assign(model.learner.learner_model_param, { base_score: 'nan' }),
    ],
    ['learner.feature_names', model => model.learner.feature_names.push('a')],
    [
      'learner.attributes.best_iteration',
      model => Object.assign(model.learner.attributes, { best_iteration: '4' }),
    ],
    [
      'learner.gradient_booster.model.trees',
      model =>
        model.learner.gradient_booster.model.trees.pop() &&
        model.learner.gradient_booster.model.tree_info.pop(),
    ],
    [
      'learner.gradient_booster.model.tree_info',
      model => model.learner.gradient_booster.model.tree_info.pop(),
    ],
    [
      'learner.gradient_booster.model.tree_info[0]',
      model => model.learner.gradient_booster.model.tree_info.splice(0, 1, 1),
    ],
    [
      'learner.gradient_booster.model.iteration_indptr',
      model => Object.assign(model.learner.gradient_booster.model, { iteration_indptr: [0, 2] }),
    ],
  ])('%s', (path, change) => {
    expect(errorAfter(change).path).toBe(path)
  })

  it('is limited in bytes and depth before it is parsed', () => {
    expect(refusal(new Uint8Array(MAX_MODEL_BYTES + 1)).message).toContain('the limit is')
    expect(refusal(new TextEncoder().encode('['.repeat(1_000_000))).message).toContain('nested deeper')
    expect(refusal(new TextEncoder().encode('{"a":NaN}')).message).toContain('not valid JSON')
    expect(refusal(new Uint8Array()).message).toContain('not valid JSON')
    const ubjson = new Uint8Array(100_000).fill(0x5b)
    ubjson.set([0x7b, 0x4c, 0, 0, 0, 0, 0, 0, 0, 0])
    expect(refusal(ubjson).message).toContain('nested deeper')
  })

  it('does not allocate what a UBJSON length promises', () => {
    const bytes = fixture('binary-3.2.ubj.gz')
    const at = bytes.findIndex((byte, i) => byte === 0x24 && bytes[i + 1] === 0x64 && bytes[i + 2] === 0x23)
    bytes.set([0x4c, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff], at + 3)
    expect(refusal(bytes).message).toContain('bytes needed')
  })
})

describe('what is not supported says so', () => {
  it.each([
    ['refused-dart.json.gz', 'learner.gradient_booster.name: booster "dart" is not supported'],
    ['refused-gblinear.json.gz', 'learner.gradient_booster.name: booster "gblinear" is not supported'],
    [
      'refused-categorical.json.gz',
      'learner.gradient_booster.model.trees[0].split_type[0]: node 0 is a categorical split',
    ],
    [
      'refused-vector-leaf.json.gz',
      'learner.gradient_booster.model.trees[0].tree_param.size_leaf_vector: vector leaves',
    ],
    ['refused-legacy.bin.gz', 'legacy binary format'],
  ])('%s', (name, message) => {
    expect(refusal(fixture(name)).message).toContain(message)
  })
})

describe('shapes of other versions', () => {
  it('takes booleans for default_left and no num_target, num_parallel_tree or attributes, as 1.0 wrote', () => {
    const model = modelJson([two])
    const old = {
      ...model,
      version: [1, 0, 2],
      learner: {
        ...model.learner,
        attributes: undefined,
        feature_names: undefined,
        learner_model_param: { base_score: '0.5', num_class: '0', num_feature: '3' },
        gradient_booster: {
          name: 'gbtree',
          model: {
            ...model.learner.gradient_booster.model,
            gbtree_model_param: { num_trees: '1' },
            trees: [{ ...treeJson(two), default_left: [true, false, true, false, false] }],
          },
        },
      },
    }
    const { trees, baseScore } = readXgboost(encode(old))
    expect(Array.from(trees[0]!.nodes.defaultLeft)).toEqual([1, 0, 1, 0, 0])
    expect(Object.is(baseScore[0], -0) || baseScore[0] === 0).toBe(true)
  })

  it('reads the same model from JSON and UBJSON', () => {
    expect(readXgboost(fixture('missing-3.2.ubj.gz'))).toEqual(readXgboost(fixture('missing-3.2.json.gz')))
  })

  it('keeps names and measures', () => {
    const { featureNames, numFeature } = readXgboost(fixture('missing-3.2.json.gz'))
    expect(featureNames).toContain('annual_inc')
    expect(featureNames).toHaveLength(numFeature)
    expect(readXgboost(encode(modelJson([two]))).trees[0]).toMatchObject({ nodeCount: 5, depth: 2, class: 0 })
  })
})
