import type { BinnedMatrix } from './bins.ts'
import { accumulate, createHistogramPool, type Histogram, subtract } from './histogram.ts'
import type { Random } from './random.ts'
import { sampleColumns } from './sampling.ts'
import { findSplit, nodeWeight, regularization, type Split } from './split.ts'
import { createTreeBuilder } from './tree-builder.ts'
import type { BoosterParams, Tree } from './types.ts'

/** A grown tree and, per leaf, the training rows that fell into it. */
export interface GrownTree {
  readonly tree: Tree
  readonly leaves: readonly { readonly value: number; readonly rows: Uint32Array }[]
}

interface OpenNode {
  readonly node: number
  readonly G: number
  readonly H: number
  readonly rows: Uint32Array
  readonly histogram: Histogram | undefined
  readonly split: Split | undefined
}

/** XGBoost's kRtEps: a smaller loss change is rounding noise, not a split. */
const MIN_LOSS_CHANGE = 1e-6

/** Returns a function that grows one depth-wise tree from gradients; it reuses its buffers between calls. */
export function createTreeGrower(matrix: BinnedMatrix, params: BoosterParams, random: Random) {
  const reg = regularization(params)
  const eta = Math.fround(params.eta)
  const gamma = Math.fround(params.gamma)
  const pool = createHistogramPool(matrix.slots)
  const scratch = { grad: new Float64Array(matrix.rows), hess: new Float64Array(matrix.rows) }
  const spill = new Uint32Array(matrix.rows)
  const allColumns = Uint32Array.from({ length: matrix.cols }, (_, f) => f)

  /** Reorders `rows` in place, those going left first, order kept on both sides; returns how many go left. */
  const partition = (rows: Uint32Array, split: Split): number => {
    const base = split.feature * matrix.rows
    const missing = matrix.cuts[split.feature]!.values.length
    let lefts = 0
    let rights = 0
    for (let i = 0; i < rows.length; i++) {
      const row = rows[i]!
      const bin = matrix.bins[base + row]!
      if (bin === missing ? split.defaultLeft : bin <= split.bin) rows[lefts++] = row
      else spill[rights++] = row
    }
    rows.set(spill.subarray(0, rights), lefts)
    return lefts
  }

  const usable = (split: Split | undefined): split is Split =>
    split !== undefined &&
    split.lossChange > MIN_LOSS_CHANGE &&
    split.lossChange >= gamma &&
    split.leftH > 0 &&
    split.rightH > 0

  /**
   * @param rows the sampled row ids, ascending; reordered in place
   * @param grad first derivatives of the loss per training row
   * @param hess second derivatives
   */
  return function grow(rows: Uint32Array, grad: Float32Array, hess: Float32Array): GrownTree {
    const builder = createTreeBuilder()
    const leaves: { value: number; rows: Uint32Array }[] = []
    const treeColumns = sampleColumns(allColumns, params.colsampleByTree, random)
    let levelColumns = sampleColumns(treeColumns, params.colsampleByLevel, random)
    let G = 0
    let H = 0
    for (const row of rows) {
      G += grad[row]!
      H += hess[row]!
    }
    const histogramOf = (subset: Uint32Array): Histogram => {
      const histogram = pool.take()
      accumulate(histogram, matrix, treeColumns, subset, grad, hess, scratch)
      return histogram
    }
    const open = (
      node: number,
      g: number,
      h: number,
      subset: Uint32Array,
      histogram: Histogram,
    ): OpenNode => ({
      node,
      G: g,
      H: h,
      rows: subset,
      histogram,
      split: findSplit(histogram, matrix, levelColumns, g, h, reg),
    })
    const weight = nodeWeight(G, H, reg)
    const root = builder.addLeaf(2147483647, Math.fround(weight * eta), weight, H)
    let level = [open(root, G, H, rows, histogramOf(rows))]
    for (let depth = 0; level.length > 0; depth++) {
      const deeper = depth + 1 < params.maxDepth
      const children: { node: number; G: number; H: number; rows: Uint32Array; histogram?: Histogram }[] = []
      for (const parent of level) {
        const { split, histogram } = parent
        if (!usable(split)) {
          leaves.push({ value: builder.leafValue(parent.node), rows: parent.rows })
          if (histogram !== undefined) pool.give(histogram)
          continue
        }
        const lefts = partition(parent.rows, split)
        const rowsOf = [parent.rows.subarray(0, lefts), parent.rows.subarray(lefts)] as const
        const leftValue = Math.fround(nodeWeight(split.leftG, split.leftH, reg) * eta)
        const rightValue = Math.fround(nodeWeight(split.rightG, split.rightH, reg) * eta)
        const left = builder.addLeaf(parent.node, leftValue, leftValue, split.leftH)
        const right = builder.addLeaf(parent.node, rightValue, rightValue, split.rightH)
        builder.setSplit(parent.node, split, nodeWeight(parent.G, parent.H, reg), [left, right])
        const leftChild = { node: left, G: split.leftG, H: split.leftH, rows: rowsOf[0] }
        const rightChild = { node: right, G: split.rightG, H: split.rightH, rows: rowsOf[1] }
        if (!deeper || histogram === undefined) {
          leaves.push({ value: leftValue, rows: rowsOf[0] }, { value: rightValue, rows: rowsOf[1] })
          if (histogram !== undefined) pool.give(histogram)
          continue
        }
        const leftIsSmaller = rowsOf[0].length <= rowsOf[1].length
        const smaller = histogramOf(leftIsSmaller ? rowsOf[0] : rowsOf[1])
        subtract(histogram, smaller)
        children.push({ ...leftChild, histogram: leftIsSmaller ? smaller : histogram })
        children.push({ ...rightChild, histogram: leftIsSmaller ? histogram : smaller })
      }
      if (children.length === 0) break
      levelColumns = sampleColumns(treeColumns, params.colsampleByLevel, random)
      level = children.map(child => open(child.node, child.G, child.H, child.rows, child.histogram!))
    }
    return { tree: builder.finish(), leaves }
  }
}
