import { compile } from '../../../compiler/index.ts'
import { loadArtefact } from '../../../compiler/run.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import type { Baseline } from '../../contracts/packages.ts'
import type { LabelledRows } from '../dataset/parse.ts'
import { InputError } from '../errors.ts'
import { evaluationGate, type GateVerdict } from './gate.ts'
import { type EvaluationSets, type GateLine, gateLines } from './lines.ts'
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

export interface Evaluation {
  readonly verdict: GateVerdict
  /** Every set and slice that the verdict rests on. */
  readonly gate: readonly GateLine[]
  /** Flat, for events and lists: `holdout_auc`, `sentinel_auc`, `champion_holdout_auc`, … */
  readonly metrics: Readonly<Record<string, number>>
}

/** Both models on all sets. An empty set of audit rows says nothing, and so does none. */
export function evaluate(
  config: ModelConfig,
  sets: EvaluationSets,
  challenger: Margins,
  champion: Margins | undefined,
): Evaluation {
  const measure = (margins: Margins, prefix: string): [string, number][] =>
    Object.entries(sets).flatMap(([name, rows]) =>
      Object.entries(metricsOf(scoreRows(margins, rows, config), rows, config)).map(
        ([m, v]): [string, number] => [`${prefix}${name}_${m}`, v],
      ),
    )
  const gate = gateLines(config, sets, challenger, champion)
  return {
    verdict: evaluationGate(config.evaluation, gate),
    gate,
    metrics: Object.fromEntries([
      ...measure(challenger, ''),
      ...(champion ? measure(champion, 'champion_') : []),
    ]),
  }
}

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
