import type { Tree, TreeNodes } from '../ensemble.ts'
import { ModelFormatError } from '../errors.ts'
import { arrayAt, asFloat, asInteger, type Fields, objectAt, own } from './fields.ts'

/** `split_indices` of a slot that the pruner freed (31 bits of XGBoost's deleted-node marker). */
const DELETED = 2 ** 31 - 1
const MAX_NODES = 2 ** 24

const readNodes = (tree: Fields, path: string, count: number, numFeature: number): TreeNodes => {
  const lefts = arrayAt(tree, 'left_children', path, count)
  const rights = arrayAt(tree, 'right_children', path, count)
  const features = arrayAt(tree, 'split_indices', path, count)
  const conditions = arrayAt(tree, 'split_conditions', path, count)
  const defaults = arrayAt(tree, 'default_left', path, count)
  const nodes: TreeNodes = {
    left: new Int32Array(count),
    right: new Int32Array(count),
    feature: new Int32Array(count),
    value: new Float32Array(count),
    defaultLeft: new Uint8Array(count),
  }
  for (let i = 0; i < count; i++) {
    const left = asInteger(lefts[i], `${path}.left_children[${i}]`, -1, count - 1)
    const right = asInteger(rights[i], `${path}.right_children[${i}]`, -1, count - 1)
    // XGBoost's predictor takes the right child at left + 1, whatever the file says: any other number has two meanings.
    if (right !== (left < 0 ? -1 : left + 1))
      throw new ModelFormatError(
        `${path}.right_children[${i}]`,
        left < 0
          ? `must be -1 as the left child is, found ${right}`
          : `must be ${left + 1}, next to the left child, found ${right}`,
      )
    nodes.left[i] = left
    nodes.right[i] = right
    nodes.value[i] = asFloat(conditions[i], `${path}.split_conditions[${i}]`)
    const goesLeft = defaults[i]
    if (goesLeft !== 0 && goesLeft !== 1 && typeof goesLeft !== 'boolean')
      throw new ModelFormatError(`${path}.default_left[${i}]`, 'must be 0, 1, true or false')
    nodes.defaultLeft[i] = goesLeft ? 1 : 0
    const feature = asInteger(features[i], `${path}.split_indices[${i}]`, 0, DELETED)
    if (left >= 0 && feature >= numFeature)
      throw new ModelFormatError(
        `${path}.split_indices[${i}]`,
        `feature ${feature} of a model with ${numFeature}`,
      )
    nodes.feature[i] = feature
  }
  return nodes
}

/** Walks from the root: every other slot must be reached exactly once or be marked as deleted. */
const measure = (nodes: TreeNodes, path: string): { nodeCount: number; depth: number } => {
  const count = nodes.left.length
  const depths = new Int32Array(count).fill(-1)
  depths[0] = 0
  const pending = [0]
  let nodeCount = 0
  let depth = 0
  for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
    nodeCount++
    depth = Math.max(depth, depths[node]!)
    const left = nodes.left[node]!
    if (left < 0) continue
    for (const [field, child] of [
      ['left_children', left],
      ['right_children', left + 1],
    ] as const) {
      if (depths[child]! >= 0)
        throw new ModelFormatError(
          `${path}.${field}[${node}]`,
          `node ${child} already has a parent or is the root: not a tree`,
        )
      depths[child] = depths[node]! + 1
      pending.push(child)
    }
  }
  for (let i = 0; i < count; i++)
    if (depths[i]! < 0 && nodes.feature[i] !== DELETED)
      throw new ModelFormatError(
        `${path}.left_children`,
        `node ${i} cannot be reached from the root: a second root`,
      )
  return { nodeCount, depth }
}

const refuseCategories = (tree: Fields, path: string, count: number): void => {
  if (own(tree, 'split_type') === undefined) return
  const types = arrayAt(tree, 'split_type', path, count)
  for (let i = 0; i < count; i++)
    if (Number(types[i]) !== 0)
      throw new ModelFormatError(
        `${path}.split_type[${i}]`,
        `node ${i} is a categorical split, which is not supported; one-hot encode the feature`,
      )
}

/** Reads and validates one element of `trees`. `path` ends in `trees[i]`. */
export const readTree = (tree: Fields, path: string, numFeature: number, outputClass: number): Tree => {
  const param = objectAt(tree, 'tree_param', path)
  const count = asInteger(own(param, 'num_nodes'), `${path}.tree_param.num_nodes`, 1, MAX_NODES)
  const leafSize = own(param, 'size_leaf_vector')
  if (leafSize !== undefined && asInteger(leafSize, `${path}.tree_param.size_leaf_vector`, 0, DELETED) > 1)
    throw new ModelFormatError(
      `${path}.tree_param.size_leaf_vector`,
      'vector leaves (multi_strategy=multi_output_tree) are not supported',
    )
  refuseCategories(tree, path, count)
  const nodes = readNodes(tree, path, count, numFeature)
  return { class: outputClass, nodes, ...measure(nodes, path) }
}
