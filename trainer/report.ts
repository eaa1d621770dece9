import { argmax, evaluate, type MetricName, metricsOf } from './gbdt/metrics.ts'
import { toPredictions } from './gbdt/objective.ts'
import type { Dataset, ObjectiveName, Tree } from './gbdt/types.ts'

/** Counts at the 0.5 threshold, without weights. */
export interface BinaryConfusion {
  readonly tp: number
  readonly fp: number
  readonly tn: number
  readonly fn: number
}

/** One channel's evaluation in metrics.json; `null` where a metric is undefined, like the AUC of one class. */
export interface ChannelReport {
  readonly rows: number
  readonly metrics: Readonly<Partial<Record<MetricName, number | null>>>
  /** Binary: counts at 0.5. Multi-class: `[actual][predicted]` counts. Absent for regression. */
  readonly confusion?: BinaryConfusion | readonly (readonly number[])[]
}

/** A feature's share in the model, XGBoost's importance types gain, total_gain and weight. */
export interface FeatureImportance {
  readonly feature: string
  /** Mean loss reduction of its splits. */
  readonly gain: number
  readonly total_gain: number
  readonly splits: number
}

/** Evaluates margins of a channel with every metric that fits the objective. */
export function reportChannel(
  objective: ObjectiveName,
  groups: number,
  data: Dataset,
  margins: Float32Array,
): ChannelReport {
  const predictions = toPredictions(objective, margins, groups)
  const scored = { predictions, groups, labels: data.labels, weights: data.weights }
  const metrics = Object.fromEntries(
    metricsOf(objective).map(name => {
      const value = evaluate(name, scored)
      return [name, Number.isFinite(value) ? value : null]
    }),
  )
  if (objective === 'reg:squarederror') return { rows: data.rows, metrics }
  const confusion = groups === 1 ? countBinary(predictions, data) : countClasses(predictions, data, groups)
  return { rows: data.rows, metrics, confusion }
}

function countBinary(predictions: Float32Array, { rows, labels }: Dataset): BinaryConfusion {
  const count = { tp: 0, fp: 0, tn: 0, fn: 0 }
  for (let i = 0; i < rows; i++) {
    const actual = labels[i] === 1
    if (predictions[i]! > 0.5) count[actual ? 'tp' : 'fp']++
    else count[actual ? 'fn' : 'tn']++
  }
  return count
}

function countClasses(predictions: Float32Array, { rows, labels }: Dataset, groups: number): number[][] {
  const matrix = Array.from({ length: groups }, () => new Array<number>(groups).fill(0))
  for (let i = 0; i < rows; i++) {
    const row = matrix[labels[i]!]!
    const predicted = argmax(predictions, i * groups, groups)
    row[predicted] = row[predicted]! + 1
  }
  return matrix
}

/** Importances of all features by descending gain; features without splits have zeros. */
export function featureImportances(trees: readonly Tree[], names: readonly string[]): FeatureImportance[] {
  const total = new Float64Array(names.length)
  const splits = new Uint32Array(names.length)
  for (const tree of trees) {
    for (let i = 0; i < tree.left.length; i++) {
      if (tree.left[i] === -1) continue
      const f = tree.feature[i]!
      total[f] = total[f]! + tree.lossChange[i]!
      splits[f] = splits[f]! + 1
    }
  }
  return names
    .map((feature, f) => ({
      feature,
      gain: splits[f] === 0 ? 0 : total[f]! / splits[f]!,
      total_gain: total[f]!,
      splits: splits[f]!,
    }))
    .sort((a, b) => b.gain - a.gain)
}
