import { type Cuts, quantileCuts, upperBound } from './cuts.ts'
import type { Dataset } from './types.ts'

/** The training rows as bin numbers, column by column. */
export interface BinnedMatrix {
  readonly rows: number
  readonly cols: number
  /** Column-major, `cols * rows`; a missing value has the bin number `cuts[f].values.length`. */
  readonly bins: Uint16Array
  readonly cuts: readonly Cuts[]
  /** Where feature f's slots start in a histogram; one slot per bin and one for missing values. */
  readonly offsets: Uint32Array
  readonly slots: number
  readonly hasMissing: Uint8Array
}

/** Cuts every feature at weighted quantiles and bins the rows: bin b holds cuts[b-1] <= x < cuts[b]. */
export function binMatrix(data: Dataset, maxBin: number): BinnedMatrix {
  const { rows, cols, values } = data
  const bins = new Uint16Array(rows * cols)
  const offsets = new Uint32Array(cols + 1)
  const hasMissing = new Uint8Array(cols)
  const cuts: Cuts[] = []
  const column = new Float32Array(rows)
  for (let f = 0; f < cols; f++) {
    for (let r = 0; r < rows; r++) column[r] = values[r * cols + f]!
    const cut = quantileCuts(column, data.weights, maxBin)
    const missing = cut.values.length
    for (let r = 0; r < rows; r++) {
      const v = column[r]!
      if (Number.isNaN(v)) hasMissing[f] = 1
      bins[f * rows + r] = Number.isNaN(v) ? missing : upperBound(cut.values, v)
    }
    cuts.push(cut)
    offsets[f + 1] = offsets[f]! + missing + 1
  }
  return { rows, cols, bins, cuts, offsets, slots: offsets[cols]!, hasMissing }
}
