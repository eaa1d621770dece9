import type { ModelConfig } from '../../contracts/model-config.ts'
import type { Baseline, Binned, IoContract, SelfTest } from '../../contracts/packages.ts'
import type { LabelledRows } from '../dataset/parse.ts'
import { confidenceOf, errorOf, type Margins, scoreRows } from '../evaluation/score.ts'
import { binClasses, binColumn } from '../monitoring/bins.ts'
import { type DeviceDay, withSpread } from '../monitoring/device-days.ts'
import { devicePolicy, policyDigest } from '../sampling/policy.ts'

export function ioContract(config: ModelConfig, version: number, hardware: string): IoContract {
  const sampling = devicePolicy(config.sampling)
  return {
    model: config.name,
    version,
    slot: config.slot,
    hardware,
    task: config.task,
    features: config.features.map(({ name, required }) => ({ name, required })),
    classes: config.label.classes,
    threshold: config.evaluation.threshold,
    monitoring: { windowSeconds: config.monitoring.windowSeconds },
    sampling: { policy: policyDigest(sampling).slice(0, 16), ...sampling },
  }
}

/** What is monitored, over the reference rows: one value per row, NaN where it is missing. */
export interface ReferenceColumns {
  /** In the order of the features. */
  readonly features: readonly (readonly number[])[]
  readonly prediction: readonly number[]
  /** Absent for regression. */
  readonly confidence?: readonly number[]
}

export function referenceColumns(
  config: ModelConfig,
  reference: LabelledRows,
  margins: Margins,
): ReferenceColumns {
  const { task } = config
  const { threshold } = config.evaluation
  return {
    features: config.features.map((_, f) => reference.features.map(row => row[f] as number)),
    prediction: scoreRows(margins, reference, config).scores,
    ...(task === 'regression'
      ? {}
      : { confidence: reference.features.map(row => confidenceOf(margins(row), task, threshold)) }),
  }
}

/**
 * Bins of features, of the model's own score and of its confidence over the reference rows; error on the held-out rows.
 * @param deviceDays device and day of each reference row, where they are known
 */
export function makeBaseline(
  config: ModelConfig,
  reference: LabelledRows,
  holdout: LabelledRows,
  margins: Margins,
  source: Baseline['source'],
  deviceDays?: readonly DeviceDay[],
): Baseline {
  const columns = referenceColumns(config, reference, margins)
  const { prediction: scores, confidence } = columns
  const spread = (bins: Binned, values: readonly number[]): Binned => withSpread(bins, values, deviceDays)
  return {
    source,
    rows: reference.labels.length,
    features: config.features.map(({ name }, f) => {
      const values = columns.features[f] ?? []
      return spread(binColumn(name, values), values)
    }),
    prediction: spread(
      config.task === 'multiclass'
        ? binClasses('prediction', scores, config.label.classes.length)
        : binColumn('prediction', scores),
      scores,
    ),
    error: errorOf(scoreRows(margins, holdout, config), holdout, config),
    ...(confidence ? { confidence: spread(binColumn('confidence', confidence), confidence) } : {}),
  }
}

/** Held-out rows spread evenly over the set, and one with every optional value missing, with their exact margins. */
export function makeSelfTest(config: ModelConfig, holdout: LabelledRows, margins: Margins): SelfTest {
  const wanted = Math.min(config.selfTestRows, holdout.features.length)
  const rows = Array.from(
    { length: wanted },
    (_, i) => holdout.features[Math.floor((i * holdout.features.length) / wanted)] as readonly number[],
  )
  const first = rows[0] as readonly number[]
  const sparse = first.map((value, f) => (config.features[f]?.required ? value : Number.NaN))
  const all = [...rows.slice(0, 255), sparse].map(row => row.map(Math.fround))
  return {
    rows: all.map(row => row.map(v => (Number.isNaN(v) ? null : v))),
    margins: all.map(row => Array.from(margins(row), hexFloat32)),
  }
}

/** The four bytes of an f32, big-endian, in hex. */
export function hexFloat32(value: number): string {
  const bytes = Buffer.alloc(4)
  bytes.writeFloatBE(value)
  return bytes.toString('hex')
}
