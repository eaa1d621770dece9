import { createHash } from 'node:crypto'
import type { ModelConfig } from '../../contracts/model-config.ts'
import { InputError } from '../errors.ts'

/** JSON with sorted keys, for digests of our own documents; never for signed bytes. */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`
  if (value !== null && typeof value === 'object') {
    const entries = Object.entries(value).filter(([, v]) => v !== undefined)
    entries.sort(([a], [b]) => (a < b ? -1 : 1))
    return `{${entries.map(([k, v]) => `${JSON.stringify(k)}:${canonicalJson(v)}`).join(',')}}`
  }
  return JSON.stringify(value)
}
export const sha256Hex = (data: string | Uint8Array): string =>
  createHash('sha256').update(data).digest('hex')

/** What a version is trained on: a versioned manifest, so that two runs on the same inputs are one run. */
export interface TrainingSet {
  readonly model: string
  readonly features: readonly string[]
  readonly split: { readonly validation: number; readonly holdout: number }
  readonly sources: readonly {
    readonly key: string
    readonly versionId?: string
    readonly sha256: string
    readonly rows: number
  }[]
  /** Digest of the admitted object that the samples are from. */
  readonly admitted?: string
  /** Labelled audit samples that came back from the field and were admitted, by event id. */
  readonly samples: readonly { readonly eventId: string; readonly thing: string; readonly digest: string }[]
}
export type TrainingSetSummary = Omit<TrainingSet, 'samples'>
export const trainingSetDigest = (set: TrainingSet): string => sha256Hex(canonicalJson(set))

const OBJECTIVES = {
  binary: 'binary:logistic',
  multiclass: 'multi:softprob',
  regression: 'reg:squarederror',
} as const
const DEFAULTS = { num_round: '100', max_depth: '6', eta: '0.3', seed: '42' } as const

/** Hyperparameters by SageMaker XGBoost's names; SageMaker takes strings only. */
export function hyperparameters(config: ModelConfig): Record<string, string> {
  const own = Object.fromEntries(
    Object.entries(config.training.hyperparameters).map(([k, v]) => [k, String(v)]),
  )
  const objective = own['objective'] ?? OBJECTIVES[config.task]
  if (
    objective !== OBJECTIVES[config.task] &&
    !(config.task === 'multiclass' && objective === 'multi:softmax')
  ) {
    throw new InputError(
      'OBJECTIVE_MISMATCH',
      `task ${config.task} needs objective ${OBJECTIVES[config.task]}, not ${objective}`,
      'training.hyperparameters.objective',
    )
  }
  return {
    ...DEFAULTS,
    ...own,
    objective,
    ...(config.task === 'multiclass' ? { num_class: String(config.label.classes.length) } : {}),
  }
}

/** Identity of a training run: same inputs, same run, however often it is asked for. */
export const runFingerprint = (trainingSet: string, parameters: Readonly<Record<string, string>>): string =>
  sha256Hex(canonicalJson({ trainingSet, parameters }))

const MAX_JOB_NAME = 63
/**
 * SageMaker job names allow 63 of `[a-zA-Z0-9-]`; the name is the idempotency token of CreateTrainingJob. A longer
 * one is cut, and a digest of all of it keeps it apart from others that are cut alike.
 */
const jobName = (full: string): string =>
  full.length <= MAX_JOB_NAME ? full : `${full.slice(0, MAX_JOB_NAME - 17)}-${sha256Hex(full).slice(0, 16)}`

export const trainingJobName = (
  prefix: string,
  model: string,
  version: number,
  fingerprint: string,
): string => jobName(`${prefix}-${model}-v${version}-${fingerprint.slice(0, 8)}`)
export const compilationJobName = (
  prefix: string,
  model: string,
  version: number,
  hardware: string,
): string => jobName(`${prefix}-${model}-v${version}-${sha256Hex(hardware).slice(0, 8)}`)
