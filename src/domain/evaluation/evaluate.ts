import { compile } from '../../../compiler/index.ts'
import { loadArtefact } from '../../../compiler/run.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import type { Baseline } from '../../contracts/packages.ts'
import type { LabelledRows } from '../dataset/parse.ts'
import { InputError } from '../errors.ts'
import { evaluationGate, type GateVerdict, type SetMetrics } from './gate.ts'
import { type Margins, metricsOf, scoreRows } from './score.ts'

/** Margins of a model file, through the same compiled code that devices run. */
export function marginsOf(model: Uint8Array, config: ModelConfig): Margins {
  const { artefact, report } = compile(model)
  if (report.numFeature !== config.features.length) {
    throw new InputError(
      'FEATURE_COUNT',
      `the model takes ${report.numFeature} features, model.yaml declares ${config.features.length}`,
      'features',
    )
  }
  const outputs = config.task === 'multiclass' ? config.label.classes.length : 1
  if (report.numOutput !== outputs) {
    throw new InputError(
      'OUTPUT_COUNT',
      `the model gives ${report.numOutput} outputs, a ${config.task} model here needs ${outputs}`,
      'task',
    )
  }
  const loaded = loadArtefact(artefact)
  return row => loaded.margins(row)
}

export type EvaluationSets = Readonly<Record<'holdout' | 'sentinel', LabelledRows>>

export interface Evaluation {
  readonly verdict: GateVerdict
  /** Flat, for events and lists: `holdout_auc`, `sentinel_auc`, `champion_holdout_auc`, … */
  readonly metrics: Readonly<Record<string, number>>
}

export function evaluate(
  config: ModelConfig,
  sets: EvaluationSets,
  challenger: Margins,
  champion: Margins | undefined,
): Evaluation {
  const measure = (margins: Margins): Record<string, SetMetrics> =>
    Object.fromEntries(
      Object.entries(sets).map(([name, rows]) => [
        name,
        metricsOf(scoreRows(margins, rows, config), rows, config),
      ]),
    )
  const own = measure(challenger)
  const theirs = champion && measure(champion)
  const verdict = evaluationGate({
    evaluation: config.evaluation,
    challenger: own,
    ...(theirs ? { champion: theirs } : {}),
  })
  return { verdict, metrics: { ...flatten(own, ''), ...(theirs ? flatten(theirs, 'champion_') : {}) } }
}
const flatten = (sets: Record<string, SetMetrics>, prefix: string): Record<string, number> =>
  Object.fromEntries(
    Object.entries(sets).flatMap(([set, metrics]) =>
      Object.entries(metrics).map(([m, v]) => [`${prefix}${set}_${m}`, v]),
    ),
  )

/** Fewer field rows than this describe a distribution too loosely to watch for drift from it. */
export const MIN_FIELD_REFERENCE = 300
/**
 * What devices are compared with. A version that was trained because the field had moved is meant for the field
 * as it is now, so its reference are the audit samples that brought it about; otherwise the training rows.
 */
export function referenceRows(
  train: LabelledRows,
  field: LabelledRows,
): { rows: LabelledRows; source: Baseline['source'] } {
  return field.labels.length >= MIN_FIELD_REFERENCE
    ? { rows: field, source: 'field' }
    : { rows: train, source: 'training' }
}
