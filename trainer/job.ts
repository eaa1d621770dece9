import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Fit, trainModel } from './fit.ts'
import { marginsOf } from './gbdt/booster.ts'
import { boosterParams, type Hyperparameters, parseHyperparameters } from './hyperparameters.ts'
import { type Channel, readChannel } from './io/channel.ts'
import type { Layout } from './io/columns.ts'
import { readJobConfig } from './io/config.ts'
import { writeXgboostJson } from './model-json.ts'
import { type ChannelReport, featureImportances, reportChannel } from './report.ts'

export const MODEL_FILE = 'xgboost-model.json'
export const METRICS_FILE = 'metrics.json'

/** What a running job tells and asks. */
export interface JobHooks {
  /** One line for the job's log. */
  log(line: string): void
  /** True once the job was told to stop; training then ends with the rounds so far. */
  stopRequested(): boolean
}

/**
 * Runs one training job laid out as SageMaker does under /opt/ml: reads input/, writes
 * model/xgboost-model.json and model/metrics.json.
 * @throws TrainingInputError for what the person who started the job can fix
 */
export async function runJob(baseDir: string, hooks: JobHooks): Promise<void> {
  const config = readJobConfig(baseDir)
  const hp = parseHyperparameters(config.hyperparameters)
  const channels = new Map<string, Channel>()
  let layout: Layout | undefined
  // train first: its files set the layout that the others must have
  const ordered = [...config.channels].sort(
    (a, b) => channelOrder(a.name) - channelOrder(b.name) || (a.name < b.name ? -1 : 1),
  )
  for (const channelConfig of ordered) {
    const channel = readChannel(config.dataDir, channelConfig, hp, layout)
    layout ??= channel.layout
    channels.set(channelConfig.name, channel)
    const { rows, cols } = channel.data
    hooks.log(`Channel ${channelConfig.name}: ${rows} rows, ${cols} features, ${channel.files} files`)
  }
  const train = channels.get('train')!.data
  const result = await trainModel(hp, train, channels.get('validation')?.data, {
    onRound: (round, values) => hooks.log(metricLine(round, values)),
    stopRequested: hooks.stopRequested,
  })
  hooks.log(
    `Stopped by ${result.stoppedBy} after ${result.roundsTrained} rounds, model has ${result.bestIteration + 1}`,
  )
  const reports = Object.fromEntries(
    [...channels].map(([name, { data }]) => {
      const margins = marginsOf(result.trees, result.groups, result.baseMargin, data)
      return [name, reportChannel(hp.objective, result.groups, data, margins)]
    }),
  )
  const finals = Object.entries(reports).flatMap(([name, report]) =>
    hp.eval_metric.map(metric => [`${name}-${metric}`, report.metrics[metric] ?? NaN] as const),
  )
  hooks.log(metricLine(result.bestIteration, finals))
  mkdirSync(config.modelDir, { recursive: true })
  writeFileSync(join(config.modelDir, MODEL_FILE), modelText(hp, result, layout!, train.cols))
  writeFileSync(join(config.modelDir, METRICS_FILE), metricsText(hp, result, layout!, train.cols, reports))
  hooks.log(`Saved model/${MODEL_FILE} and model/${METRICS_FILE}`)
}

function channelOrder(name: string): number {
  const known = ['train', 'validation', 'test'].indexOf(name)
  return known === -1 ? 3 : known
}

/** The line that SageMaker's XGBoost image logs; #011 is the tab, as CloudWatch Logs shows it there. */
function metricLine(round: number, values: readonly (readonly [string, number])[]): string {
  const shown = values.map(([name, value]) => `${name}:${Number.isNaN(value) ? 'nan' : value.toFixed(5)}`)
  return [`[${round}]`, ...shown].join('#011')
}

function modelText(hp: Hyperparameters, result: Fit, layout: Layout, featureCount: number): string {
  const rounds = result.bestIteration + 1
  const early =
    result.bestScore === undefined
      ? {}
      : {
          best_iteration: String(result.bestIteration),
          best_ntree_limit: String(rounds),
          best_score: String(result.bestScore),
        }
  return writeXgboostJson({
    trees: result.trees,
    groups: result.groups,
    params: boosterParams(hp),
    featureCount,
    featureNames: layout.featureNames,
    attributes: { ...early, ...(hp.classes === undefined ? {} : { classes: JSON.stringify(hp.classes) }) },
  })
}

function metricsText(
  hp: Hyperparameters,
  result: Fit,
  layout: Layout,
  featureCount: number,
  channels: Readonly<Record<string, ChannelReport>>,
): string {
  const names =
    layout.featureNames.length > 0
      ? layout.featureNames
      : Array.from({ length: featureCount }, (_, i) => `f${i}`)
  const training = {
    objective: hp.objective,
    rounds: result.bestIteration + 1,
    rounds_trained: result.roundsTrained,
    best_iteration: result.bestIteration,
    best_score: result.bestScore ?? null,
    stopped_by: result.stoppedBy,
    seed: hp.seed,
    classes: hp.classes ?? null,
    label_column: layout.header?.[layout.label] ?? null,
    features: names,
    feature_importances: featureImportances(result.trees, names),
    hyperparameters: hp,
    history: result.history,
  }
  return `${JSON.stringify({ channels, training }, null, 1)}\n`
}
