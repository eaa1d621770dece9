/** Nodes of one tree as parallel arrays; node 0 is the root. Unreachable slots (pruned nodes) are never visited. */
export interface TreeNodes {
  /** Index of the left child; -1 marks a leaf. */
  readonly left: Int32Array
  /** Index of the right child; -1 marks a leaf. */
  readonly right: Int32Array
  /** Feature that the node tests; meaningless at leaves. */
  readonly feature: Int32Array
  /** Split threshold t (`x < t` goes left), or the leaf's value. */
  readonly value: Float32Array
  /** 1 when a missing value (NaN) goes left. */
  readonly defaultLeft: Uint8Array
}

export interface Tree {
  /** Output that the leaf value is added to, in [0, numOutput). */
  readonly class: number
  readonly nodes: TreeNodes
  /** Reachable nodes, leaves included. */
  readonly nodeCount: number
  /** Edges on the longest path from the root; 0 for a single leaf. */
  readonly depth: number
}

/** A sum of trees per output. Margins are accumulated in f32, in tree order, starting from `baseScore`. */
export interface Ensemble {
  /** XGBoost's objective name, e.g. `binary:logistic`. */
  readonly objective: string
  readonly numFeature: number
  /** `num_class` as the file has it: 0 unless the objective is multi-class. */
  readonly numClass: number
  /** Margins per row: `max(1, num_class, num_target)`. */
  readonly numOutput: number
  /** Start value of each margin, in margin space (after the objective's link function), f32. */
  readonly baseScore: Float32Array
  readonly trees: readonly Tree[]
  /** Trees of one boosting iteration end at `iterationEnds[i]` (exclusive). */
  readonly iterationEnds: readonly number[]
  readonly featureNames?: readonly string[]
  /** Zero-based, recorded by early stopping. */
  readonly bestIteration?: number
}

export const isLeaf = (nodes: TreeNodes, node: number): boolean => nodes.left[node]! < 0

/** The first `iterations` boosting iterations of a model. */
export const firstIterations = (ensemble: Ensemble, iterations: number): Ensemble => ({
  ...ensemble,
  trees: ensemble.trees.slice(0, iterations === 0 ? 0 : ensemble.iterationEnds[iterations - 1]),
  iterationEnds: ensemble.iterationEnds.slice(0, iterations),
})
