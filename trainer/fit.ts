import { setImmediate } from 'node:timers/promises'
import { TrainingInputError } from './errors.ts'
import { createBooster } from './gbdt/booster.ts'
import { createEarlyStopping } from './gbdt/early-stopping.ts'
import { evaluate, type MetricName, maximizes } from './gbdt/metrics.ts'
import { toPredictions } from './gbdt/objective.ts'
import { addTree } from './gbdt/traverse.ts'
import type { Dataset, Tree } from './gbdt/types.ts'
import { boosterParams, type Hyperparameters } from './hyperparameters.ts'

/** A trained ensemble, cut after its best round. */
export interface Fit {
  readonly trees: readonly Tree[]
  readonly groups: number
  readonly baseMargin: number
  /** Rounds that were trained; the model keeps `bestIteration + 1` of them. */
  readonly roundsTrained: number
  /** 0-based last round of the model. */
  readonly bestIteration: number
  /** Watched metric at that round, with early stopping only. */
  readonly bestScore?: number
  readonly stoppedBy: 'num_round' | 'early_stopping_rounds' | 'signal'
  /** Metric values per round, by channel (train, validation) and metric. */
  readonly history: Readonly<Record<string, Readonly<Partial<Record<MetricName, readonly number[]>>>>>
}

/** What goes on while a fit runs. */
export interface FitHooks {
  /** Called after every round with `channel-metric` pairs in printing order. */
  onRound(round: number, values: readonly (readonly [name: string, value: number])[]): void
  /** Asked after every round; true ends training with the rounds so far. At least one round is trained. */
  stopRequested(): boolean
}

/**
 * Trains on `train`; `validation` is only watched. Yields to the event loop after every round, so that
 * a signal can be seen.
 */
export async function trainModel(
  hp: Hyperparameters,
  train: Dataset,
  validation: Dataset | undefined,
  hooks: FitHooks,
): Promise<Fit> {
  if (hp.early_stopping_rounds > 0 && validation === undefined)
    throw new TrainingInputError(
      'early_stopping_rounds needs a validation channel: add one, or remove the hyperparameter',
    )
  const booster = createBooster(train, boosterParams(hp))
  const { groups, baseMargin } = booster
  const watched = hp.eval_metric.at(-1)!
  const stopping =
    hp.early_stopping_rounds > 0
      ? createEarlyStopping(hp.early_stopping_rounds, maximizes(watched))
      : undefined
  const held = validation && new Float32Array(validation.rows * groups).fill(baseMargin)
  const history: Record<string, Partial<Record<MetricName, number[]>>> = {}

  const measure = (channel: string, data: Dataset, margins: Float32Array): [string, number][] => {
    const predictions = toPredictions(hp.objective, margins, groups)
    return hp.eval_metric.map(metric => {
      const value = evaluate(metric, { predictions, groups, labels: data.labels, weights: data.weights })
      history[channel] ??= {}
      history[channel][metric] ??= []
      history[channel][metric].push(value)
      return [`${channel}-${metric}`, value]
    })
  }

  let round = 0
  let stoppedBy: Fit['stoppedBy'] = 'num_round'
  for (; round < hp.num_round; round++) {
    const grown = booster.boost()
    const values = measure('train', train, booster.margins)
    if (booster.margins.some(m => !Number.isFinite(m)))
      throw new TrainingInputError(
        `training diverged in round ${round}: the labels or weights are too large for 32-bit floats; rescale them`,
      )
    if (validation !== undefined && held !== undefined) {
      grown.forEach((tree, k) => {
        addTree(tree, validation.values, validation.cols, held, groups, k)
      })
      values.push(...measure('validation', validation, held))
    }
    hooks.onRound(round, values)
    const watchedValue = values.at(-1)![1]
    if (stopping !== undefined && Number.isNaN(watchedValue))
      throw new TrainingInputError(
        `early stopping cannot watch ${watched}: it is undefined on the validation channel, which lacks a class`,
      )
    const stop = stopping?.observe(round, watchedValue) ?? false
    await setImmediate()
    if (stop) stoppedBy = 'early_stopping_rounds'
    else if (hooks.stopRequested()) stoppedBy = 'signal'
    if (stoppedBy !== 'num_round') {
      round++
      break
    }
  }
  const best = stopping?.best()
  const bestIteration = best?.round ?? round - 1
  return {
    trees: booster.trees.slice(0, (bestIteration + 1) * groups),
    groups,
    baseMargin,
    roundsTrained: round,
    bestIteration,
    ...(best === undefined ? {} : { bestScore: best.score }),
    stoppedBy,
    history,
  }
}
