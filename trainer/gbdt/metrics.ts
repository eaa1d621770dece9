import { rankingAreas } from './ranking.ts'
import type { ObjectiveName } from './types.ts'

/** Predictions (see `toPredictions`), row-major rows * groups, beside the truth. */
export interface Scored {
  readonly predictions: Float32Array
  readonly groups: number
  readonly labels: Float32Array
  readonly weights?: Float32Array | undefined
}

export const METRIC_NAMES = [
  'logloss',
  'error',
  'accuracy',
  'auc',
  'aucpr',
  'mlogloss',
  'merror',
  'rmse',
  'mae',
] as const
export type MetricName = (typeof METRIC_NAMES)[number]

const BY_OBJECTIVE: Record<ObjectiveName, readonly MetricName[]> = {
  'binary:logistic': ['logloss', 'error', 'accuracy', 'auc', 'aucpr', 'rmse', 'mae'],
  'multi:softprob': ['mlogloss', 'merror', 'accuracy', 'auc'],
  'multi:softmax': ['mlogloss', 'merror', 'accuracy', 'auc'],
  'reg:squarederror': ['rmse', 'mae'],
}

/** The metrics that an objective has; the first one is its default `eval_metric`. */
export function metricsOf(objective: ObjectiveName): readonly MetricName[] {
  return BY_OBJECTIVE[objective]
}

/** Whether larger is better. */
export function maximizes(metric: MetricName): boolean {
  return metric === 'auc' || metric === 'aucpr' || metric === 'accuracy'
}

/** Weighted metric values under XGBoost's definitions; NaN where a metric is undefined (AUC of one class). */
export function evaluate(metric: MetricName, scored: Scored): number {
  const { predictions: p, labels: y, groups } = scored
  switch (metric) {
    case 'logloss':
      return mean(scored, i => (y[i] === 1 ? negativeLog(p[i]!) : negativeLog(1 - p[i]!)))
    case 'error':
      return mean(scored, i => (p[i]! > 0.5 === (y[i] === 1) ? 0 : 1))
    case 'accuracy':
      return 1 - evaluate(groups === 1 ? 'error' : 'merror', scored)
    case 'mlogloss':
      return mean(scored, i => negativeLog(p[i * groups + y[i]!]!))
    case 'merror':
      return mean(scored, i => (argmax(p, i * groups, groups) === y[i] ? 0 : 1))
    case 'rmse':
      return Math.sqrt(mean(scored, i => (p[i]! - y[i]!) ** 2))
    case 'mae':
      return mean(scored, i => Math.abs(p[i]! - y[i]!))
    case 'aucpr':
      return rankingAreas(p, i => y[i] === 1, scored.weights).aucpr
    case 'auc':
      return groups === 1 ? rankingAreas(p, i => y[i] === 1, scored.weights).auc : oneVsRestAuc(scored)
  }
}

/** The class with the highest prediction, the lowest number among equals. */
export function argmax(p: Float32Array, at: number, groups: number): number {
  let best = 0
  for (let k = 1; k < groups; k++) if (p[at + k]! > p[at + best]!) best = k
  return best
}

function negativeLog(p: number): number {
  return -Math.log(Math.max(p, 1e-16))
}

function mean({ labels, weights }: Scored, loss: (row: number) => number): number {
  let sum = 0
  let total = 0
  for (let i = 0; i < labels.length; i++) {
    const w = weights?.[i] ?? 1
    sum += w * loss(i)
    total += w
  }
  return sum / total
}

/** One-vs-rest AUC averaged by class prevalence, XGBoost's definition for multi:*. */
function oneVsRestAuc({ predictions, groups, labels, weights }: Scored): number {
  const column = new Float32Array(labels.length)
  let sum = 0
  let total = 0
  for (let k = 0; k < groups; k++) {
    let mass = 0
    for (let i = 0; i < labels.length; i++) {
      column[i] = predictions[i * groups + k]!
      if (labels[i] === k) mass += weights?.[i] ?? 1
    }
    sum += mass * rankingAreas(column, i => labels[i] === k, weights).auc
    total += mass
  }
  return sum / total
}
