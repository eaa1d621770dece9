import type { BinnedMatrix } from './bins.ts'

/** Gradient and hessian sums per slot, interleaved: `[g0, h0, g1, h1, …]`. */
export type Histogram = Float64Array

/** Hands out zeroed histograms and takes them back: a tree needs one per open node. */
export function createHistogramPool(slots: number) {
  const free: Histogram[] = []
  return {
    take(): Histogram {
      return free.pop()?.fill(0) ?? new Float64Array(slots * 2)
    },
    give(histogram: Histogram): void {
      free.push(histogram)
    },
  }
}

/** Scratch for gradients in row-set order, so that the inner loop reads them one after the other. */
export interface GradientScratch {
  readonly grad: Float64Array
  readonly hess: Float64Array
}

/** Adds the gradients of `rows` to `into`, for the given features. */
export function accumulate(
  into: Histogram,
  matrix: BinnedMatrix,
  features: Uint32Array,
  rows: Uint32Array,
  grad: Float32Array,
  hess: Float32Array,
  scratch: GradientScratch,
): void {
  const n = rows.length
  const { bins, offsets } = matrix
  const g = scratch.grad
  const h = scratch.hess
  for (let i = 0; i < n; i++) {
    const row = rows[i]!
    g[i] = grad[row]!
    h[i] = hess[row]!
  }
  for (let j = 0; j < features.length; j++) {
    const f = features[j]!
    const base = f * matrix.rows
    const offset = offsets[f]!
    for (let i = 0; i < n; i++) {
      const slot = (offset + bins[base + rows[i]!]!) << 1
      into[slot] = into[slot]! + g[i]!
      into[slot + 1] = into[slot + 1]! + h[i]!
    }
  }
}

/** Turns the parent's histogram into the sibling's: parent - child, in place. */
export function subtract(parent: Histogram, child: Histogram): void {
  for (let i = 0; i < parent.length; i++) parent[i] = parent[i]! - child[i]!
}
