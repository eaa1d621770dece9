import type { Ensemble, Tree } from './ensemble.ts'

const leafValue = (tree: Tree, row: Float32Array): number => {
  const { left, right, feature, value, defaultLeft } = tree.nodes
  let node = 0
  while (left[node]! >= 0) {
    const x = row[feature[node]!]!
    const goLeft = Number.isNaN(x) ? defaultLeft[node] === 1 : x < value[node]!
    node = goLeft ? left[node]! : right[node]!
  }
  return value[node]!
}

/**
 * The reference that every artefact is checked against: margins of each row, f32 additions in tree order from the
 * base score, as XGBoost's CPU predictor does them. Rows hold `numFeature` f32 values, NaN for missing.
 */
export const interpretRows = (ensemble: Ensemble, rows: readonly Float32Array[]): Float32Array[] => {
  const margins = rows.map(() => Float32Array.from(ensemble.baseScore))
  // Trees outside, rows inside: a tree stays in the cache, and each row still sees the trees in order.
  for (const tree of ensemble.trees)
    for (let i = 0; i < rows.length; i++) {
      const sums = margins[i]!
      // An f32 sum computed in f64 and rounded once by the store equals the f32 addition (53 >= 2 * 24 + 2 bits).
      sums[tree.class] = sums[tree.class]! + leafValue(tree, rows[i]!)
    }
  return margins
}

/** `interpretRows` for one row. */
export const interpret = (ensemble: Ensemble, row: Float32Array): Float32Array =>
  interpretRows(ensemble, [row])[0]!
