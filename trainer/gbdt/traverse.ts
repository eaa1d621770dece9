import type { Tree } from './types.ts'

/** The leaf that a row of float32 features reaches: x < condition goes left, NaN by the default direction. */
export function leafOf(tree: Tree, values: Float32Array, at: number): number {
  const { left, right, feature, condition, defaultLeft } = tree
  let node = 0
  let next = left[0]!
  while (next !== -1) {
    const x = values[at + feature[node]!]!
    const goesLeft = Number.isNaN(x) ? defaultLeft[node] === 1 : x < condition[node]!
    node = goesLeft ? next : right[node]!
    next = left[node]!
  }
  return node
}

/** Adds a tree's outputs to `margins[row * groups + group]` in float32, for every row of a row-major matrix. */
export function addTree(
  tree: Tree,
  values: Float32Array,
  cols: number,
  margins: Float32Array,
  groups: number,
  group: number,
): void {
  const rows = margins.length / groups
  for (let row = 0; row < rows; row++) {
    const at = row * groups + group
    margins[at] = margins[at]! + tree.condition[leafOf(tree, values, row * cols)]!
  }
}
