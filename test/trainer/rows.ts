import { createRandom } from '../../trainer/gbdt/random.ts'
import type { BoosterParams, Dataset } from '../../trainer/gbdt/types.ts'

/** Default parameters for the boosting core, some replaced. */
export function params(given: Partial<BoosterParams> = {}): BoosterParams {
  return {
    objective: 'binary:logistic',
    numClass: 0,
    eta: 0.3,
    maxDepth: 4,
    minChildWeight: 1,
    gamma: 0,
    lambda: 1,
    alpha: 0,
    maxDeltaStep: 0,
    subsample: 1,
    colsampleByTree: 1,
    colsampleByLevel: 1,
    maxBin: 64,
    scalePosWeight: 1,
    baseScore: 0.5,
    seed: 0,
    ...given,
  }
}

/** Seeded rows whose label depends on the first two of `cols` features; `missing` of the cells are NaN. */
export function makeRows(seed: number, rows: number, cols: number, missing = 0): Dataset {
  const random = createRandom(seed)
  const values = new Float32Array(rows * cols)
  const labels = new Float32Array(rows)
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < cols; c++) values[r * cols + c] = random() * 4 - 2
    const score = values[r * cols]! * 1.5 - values[r * cols + 1]! ** 2 + random()
    labels[r] = score > 0 ? 1 : 0
    for (let c = 0; c < cols; c++) if (random() < missing) values[r * cols + c] = NaN
  }
  return { rows, cols, values, labels }
}

/** The rows as CSV, label first. */
export function toCsv(data: Dataset, header?: readonly string[]): string {
  const lines = header === undefined ? [] : [header.join(',')]
  for (let r = 0; r < data.rows; r++) {
    const cells = Array.from(data.values.subarray(r * data.cols, (r + 1) * data.cols), v =>
      Number.isNaN(v) ? '' : String(v),
    )
    lines.push([String(data.labels[r]), ...cells].join(','))
  }
  return `${lines.join('\n')}\n`
}
