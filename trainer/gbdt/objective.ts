import type { BoosterParams, ObjectiveName } from './types.ts'

const fround = Math.fround
/** XGBoost's floor for a hessian (kRtEps of its objectives), so that no confident row weighs nothing. */
const MIN_HESSIAN = fround(1e-16)

/** Loss of one objective: margins in, first and second derivatives out, all in float32. */
export interface Objective {
  /** Trees per boosting round: the number of classes for multi:*, otherwise 1. */
  readonly groups: number
  /** `base_score` (a probability for binary:logistic) as a margin. */
  readonly baseMargin: number
  /**
   * @param margins row-major, rows * groups
   * @param grad group-major, groups * rows; filled
   * @param hess group-major, groups * rows; filled
   */
  gradients(
    margins: Float32Array,
    labels: Float32Array,
    weights: Float32Array | undefined,
    grad: Float32Array,
    hess: Float32Array,
  ): void
}

/** The logistic function in float32 steps, as XGBoost evaluates it. */
export function sigmoid(margin: number): number {
  const e = fround(Math.exp(Math.min(-margin, fround(88.7))))
  return fround(1 / fround(fround(e + 1) + fround(1e-16)))
}

/** Softmax of `groups` margins from `at`, written to `out` from `to`. */
export function softmax(
  margins: Float32Array,
  at: number,
  groups: number,
  out: Float32Array,
  to: number,
): void {
  let top = -Infinity
  for (let k = 0; k < groups; k++) top = Math.max(top, margins[at + k]!)
  let sum = 0
  for (let k = 0; k < groups; k++) {
    const e = fround(Math.exp(fround(margins[at + k]! - top)))
    out[to + k] = e
    sum = fround(sum + e)
  }
  for (let k = 0; k < groups; k++) out[to + k] = out[to + k]! / sum
}

/** A probability as a margin, float32. */
export function logit(p: number): number {
  return fround(-fround(Math.log(fround(fround(1 / fround(p)) - 1))))
}

/** The loss of `params.objective`. */
export function createObjective(params: BoosterParams): Objective {
  if (params.objective === 'binary:logistic') return logistic(params)
  if (params.objective === 'reg:squarederror') return squaredError(params)
  return multiclass(params)
}

function logistic(params: BoosterParams): Objective {
  const positive = fround(params.scalePosWeight)
  return {
    groups: 1,
    baseMargin: logit(params.baseScore),
    gradients(margins, labels, weights, grad, hess) {
      for (let i = 0; i < labels.length; i++) {
        const p = sigmoid(margins[i]!)
        let w = weights === undefined ? 1 : weights[i]!
        if (labels[i] === 1) w = fround(w * positive)
        grad[i] = fround(p - labels[i]!) * w
        hess[i] = Math.max(fround(p * fround(1 - p)), MIN_HESSIAN) * w
      }
    },
  }
}

function squaredError(params: BoosterParams): Objective {
  return {
    groups: 1,
    baseMargin: fround(params.baseScore),
    gradients(margins, labels, weights, grad, hess) {
      for (let i = 0; i < labels.length; i++) {
        const w = weights === undefined ? 1 : weights[i]!
        grad[i] = fround(margins[i]! - labels[i]!) * w
        hess[i] = w
      }
    },
  }
}

function multiclass(params: BoosterParams): Objective {
  const groups = params.numClass
  const p = new Float32Array(groups)
  return {
    groups,
    baseMargin: fround(params.baseScore),
    gradients(margins, labels, weights, grad, hess) {
      const rows = labels.length
      for (let i = 0; i < rows; i++) {
        const w = weights === undefined ? 1 : weights[i]!
        softmax(margins, i * groups, groups, p, 0)
        for (let k = 0; k < groups; k++) {
          const pk = p[k]!
          grad[k * rows + i] = fround(labels[i] === k ? pk - 1 : pk) * w
          // The factor 2 is XGBoost's upper bound on the softmax Hessian's diagonal.
          hess[k * rows + i] = Math.max(fround(fround(2 * pk) * fround(1 - pk)) * w, MIN_HESSIAN)
        }
      }
    },
  }
}

/**
 * Margins as predictions: probabilities for binary:logistic and multi:* (row-major, one per class),
 * the margins themselves for regression.
 */
export function toPredictions(objective: ObjectiveName, margins: Float32Array, groups: number): Float32Array {
  if (objective === 'binary:logistic') return margins.map(sigmoid)
  if (objective === 'reg:squarederror') return margins
  const out = new Float32Array(margins.length)
  for (let at = 0; at < margins.length; at += groups) softmax(margins, at, groups, out, at)
  return out
}
