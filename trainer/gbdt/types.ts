/** Rows of one channel. Missing features are NaN; all numbers are already rounded to float32. */
export interface Dataset {
  readonly rows: number
  readonly cols: number
  /** Row-major, `rows * cols`. */
  readonly values: Float32Array
  readonly labels: Float32Array
  /** Instance weights ≥ 0; absent means 1 for every row. */
  readonly weights?: Float32Array
}

export type ObjectiveName = 'binary:logistic' | 'multi:softprob' | 'multi:softmax' | 'reg:squarederror'

/** What the boosting core needs; XGBoost's parameters of the same meaning. */
export interface BoosterParams {
  readonly objective: ObjectiveName
  /** Number of classes for multi:*, otherwise 0. */
  readonly numClass: number
  readonly eta: number
  readonly maxDepth: number
  readonly minChildWeight: number
  readonly gamma: number
  readonly lambda: number
  readonly alpha: number
  readonly maxDeltaStep: number
  readonly subsample: number
  readonly colsampleByTree: number
  readonly colsampleByLevel: number
  readonly maxBin: number
  readonly scalePosWeight: number
  readonly baseScore: number
  readonly seed: number
}

/**
 * One regression tree in XGBoost's node layout: node 0 is the root, children are numbered level by level,
 * `left[i] === -1` marks a leaf. Floats are float32 values.
 */
export interface Tree {
  readonly left: Int32Array
  readonly right: Int32Array
  readonly parent: Int32Array
  readonly feature: Int32Array
  /** Split value of an inner node (x < condition goes left), output of a leaf. */
  readonly condition: Float32Array
  readonly defaultLeft: Uint8Array
  readonly baseWeight: Float32Array
  readonly lossChange: Float32Array
  readonly sumHessian: Float32Array
}
