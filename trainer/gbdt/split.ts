import type { BinnedMatrix } from './bins.ts'
import type { Histogram } from './histogram.ts'
import type { BoosterParams } from './types.ts'

const fround = Math.fround

/** The regularisation terms as float32, the precision XGBoost keeps them in. */
export interface Regularization {
  readonly lambda: number
  readonly alpha: number
  readonly maxDeltaStep: number
  readonly minChildWeight: number
}

/** The regularisation terms of `params`, rounded to float32. */
export function regularization(params: BoosterParams): Regularization {
  return {
    lambda: fround(params.lambda),
    alpha: fround(params.alpha),
    maxDeltaStep: fround(params.maxDeltaStep),
    minChildWeight: fround(params.minChildWeight),
  }
}

function softThreshold(gradient: number, alpha: number): number {
  return gradient > alpha ? gradient - alpha : gradient < -alpha ? gradient + alpha : 0
}

/** Newton step of a node, `-T(G) / (H + lambda)`, clamped to max_delta_step; float32, before shrinkage. */
export function nodeWeight(G: number, H: number, reg: Regularization): number {
  if (H <= 0 || H < reg.minChildWeight) return 0
  const w = -softThreshold(G, reg.alpha) / (H + reg.lambda)
  const limit = reg.maxDeltaStep
  return fround(limit !== 0 && Math.abs(w) > limit ? Math.sign(w) * limit : w)
}

/** Loss reduction of a node at its own weight, float32. */
export function nodeGain(G: number, H: number, reg: Regularization): number {
  if (H <= 0) return 0
  if (reg.maxDeltaStep === 0) {
    const t = softThreshold(G, reg.alpha)
    return fround((t * t) / (H + reg.lambda))
  }
  const w = nodeWeight(G, H, reg)
  return fround(-(2 * G * w + (H + reg.lambda) * w * w))
}

/** A split of one node: rows whose bin is at most `bin` go left, missing ones by `defaultLeft`. */
export interface Split {
  readonly feature: number
  readonly bin: number
  readonly condition: number
  readonly defaultLeft: boolean
  readonly lossChange: number
  readonly leftG: number
  readonly leftH: number
  readonly rightG: number
  readonly rightH: number
}

/**
 * The split with the largest loss reduction over `features`; among equals the first in feature order.
 * Missing values are tried right (ascending scan) and, where the feature has any, left (descending scan).
 */
export function findSplit(
  histogram: Histogram,
  matrix: BinnedMatrix,
  features: Uint32Array,
  G: number,
  H: number,
  reg: Regularization,
): Split | undefined {
  const rootGain = nodeGain(G, H, reg)
  const minHessian = reg.minChildWeight
  let bestLoss = 0
  let bestFeature = -1
  let bestBin = 0
  let bestDefaultLeft = false
  let bestG = 0
  let bestH = 0
  for (let j = 0; j < features.length; j++) {
    const f = features[j]!
    const begin = matrix.offsets[f]!
    const end = matrix.offsets[f + 1]! - 1
    let g = 0
    let h = 0
    for (let slot = begin; slot < end; slot++) {
      g += histogram[slot * 2]!
      h += histogram[slot * 2 + 1]!
      if (h < minHessian || H - h < minHessian) continue
      const loss = fround(fround(nodeGain(g, h, reg) + nodeGain(G - g, H - h, reg)) - rootGain)
      if (loss > bestLoss && loss < Infinity) {
        bestLoss = loss
        bestFeature = f
        bestBin = slot - begin
        bestDefaultLeft = false
        bestG = g
        bestH = h
      }
    }
    if (matrix.hasMissing[f] === 0) continue
    g = 0
    h = 0
    for (let slot = end - 1; slot >= begin; slot--) {
      g += histogram[slot * 2]!
      h += histogram[slot * 2 + 1]!
      if (h < minHessian || H - h < minHessian) continue
      const loss = fround(fround(nodeGain(G - g, H - h, reg) + nodeGain(g, h, reg)) - rootGain)
      if (loss > bestLoss && loss < Infinity) {
        bestLoss = loss
        bestFeature = f
        bestBin = slot - begin - 1
        bestDefaultLeft = true
        bestG = G - g
        bestH = H - h
      }
    }
  }
  if (bestFeature < 0) return undefined
  const cuts = matrix.cuts[bestFeature]!
  return {
    feature: bestFeature,
    bin: bestBin,
    condition: bestBin < 0 ? cuts.below : cuts.values[bestBin]!,
    defaultLeft: bestDefaultLeft,
    lossChange: bestLoss,
    leftG: bestG,
    leftH: bestH,
    rightG: G - bestG,
    rightH: H - bestH,
  }
}
