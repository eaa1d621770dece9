import type { ModelConfig } from '../../contracts/model-config.ts'
import { type LabelledRows, MAX_DATASET_BYTES, parseDataset } from '../dataset/parse.ts'
import { concatRows, type SplitRows, splitRows } from '../dataset/split.ts'
import { datasetText } from '../dataset/text.ts'
import { type DatasetRow, keys } from '../entities.ts'
import type { Core, Objects } from '../ports.ts'
import { admittedRows } from '../sampling/admitted.ts'
import type { FieldPart } from './field.ts'
import { canonicalJson, sha256Hex, type TrainingSet } from './plan.ts'

export interface Assembled {
  readonly set: TrainingSet
  readonly parts: TrainingParts
}
export interface TrainingParts extends SplitRows {
  /** Rows of drops alone: what the gate, the sentinel and the self-test of a package rest on. */
  readonly holdout: LabelledRows
  /** Held-out rows from the field: measured and shown, and no part of the gate. */
  readonly field: LabelledRows
}

/** All registered drops of a model and, where there are any, admitted field samples, read and split. */
export async function assembleTrainingSet(
  deps: Core & { readonly drops: Objects },
  config: ModelConfig,
  field: FieldPart = { samples: [] },
): Promise<Assembled> {
  const model = config.name
  const datasets = (await deps.store.query<DatasetRow>(keys.model(model).pk, 'DATASET#')).map(r => r.data)
  datasets.sort((a, b) => (a.digest < b.digest ? -1 : 1))
  let rows: LabelledRows = { features: [], labels: [] }
  for (const dataset of datasets) {
    const { bytes } = await deps.drops.get(dataset.key, {
      maxBytes: MAX_DATASET_BYTES,
      ...(dataset.versionId ? { versionId: dataset.versionId } : {}),
    })
    rows = concatRows(rows, parseDataset(datasetText(dataset.key, bytes), config))
  }
  const set: TrainingSet = {
    model,
    features: config.features.map(f => f.name),
    split: config.training.split,
    sources: datasets.map(({ key, versionId, digest, rows: count }) => ({
      key,
      ...(versionId ? { versionId } : {}),
      sha256: digest,
      rows: count,
    })),
    ...(field.set ? { admitted: field.set.digest } : {}),
    samples: field.samples.map(({ eventId, thing, row, label }) => ({
      eventId,
      thing,
      digest: sha256Hex(canonicalJson([row, label])),
    })),
  }
  return { set, parts: trainingParts(rows, admittedRows(field.samples), config.training.split) }
}

/** Field rows train and validate beside dropped rows; what of them is held out stays apart. */
export function trainingParts(
  drops: LabelledRows,
  field: LabelledRows,
  shares: ModelConfig['training']['split'],
): TrainingParts {
  const own = splitRows(drops, shares)
  const fromField = splitRows(field, shares)
  return {
    train: concatRows(own.train, fromField.train),
    validation: concatRows(own.validation, fromField.validation),
    holdout: own.holdout,
    field: fromField.holdout,
  }
}

export type Channel = 'train' | 'validation' | 'holdout' | 'field'
/** Where the channels of a training set lie in the artefact bucket. */
export const channelPrefix = (model: string, digest: string, channel: Channel): string =>
  `training/${model}/${digest}/${channel}/`
export const channelKey = (model: string, digest: string, channel: Channel): string =>
  `${channelPrefix(model, digest, channel)}data.csv`
/** Held-out rows of the first training set, frozen: field data never gets in. */
export const sentinelKey = (model: string): string => `sentinel/${model}/data.csv`
export const manifestKey = (model: string, digest: string): string =>
  `training/${model}/${digest}/manifest.json`
export const blobKey = (sha256: string): string => `blobs/sha256/${sha256}`
