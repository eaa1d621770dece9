import type { Ensemble } from '../../compiler/ensemble.ts'

/**
 * The named baseline: all trees in one set of typed arrays, a plain loop per tree. It is what one would write by hand
 * in JavaScript, and does the same f32 sums as the artefact.
 */
export const typedArrayInterpreter = (ensemble: Ensemble): ((row: Float32Array) => Float32Array) => {
  const { trees, numOutput, baseScore } = ensemble
  const total = trees.reduce((sum, tree) => sum + tree.nodes.left.length, 0)
  const left = new Int32Array(total)
  const feature = new Int32Array(total)
  const value = new Float32Array(total)
  const defaultLeft = new Uint8Array(total)
  const roots = new Int32Array(trees.length)
  const outputs = Int32Array.from(trees, tree => tree.class)
  let at = 0
  trees.forEach((tree, t) => {
    const { nodes } = tree
    roots[t] = at
    left.set(
      nodes.left.map(child => (child < 0 ? -1 : child + at)),
      at,
    )
    feature.set(nodes.feature, at)
    value.set(nodes.value, at)
    defaultLeft.set(nodes.defaultLeft, at)
    at += nodes.left.length
  })
  return row => {
    const margins = new Float32Array(numOutput)
    margins.set(baseScore)
    for (let t = 0; t < roots.length; t++) {
      let node = roots[t]!
      for (let child = left[node]!; child >= 0; child = left[node]!) {
        const x = row[feature[node]!]!
        const goLeft = x < value[node]! || (Number.isNaN(x) && defaultLeft[node] === 1)
        node = goLeft ? child : child + 1
      }
      margins[outputs[t]!]! += value[node]!
    }
    return margins
  }
}
