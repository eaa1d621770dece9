import { type LabelledRows, MAX_DATASET_BYTES, parseDataset } from '../dataset/parse.ts'
import { concatRows, type SplitRows, splitRows } from '../dataset/split.ts'
import { datasetText } from '../dataset/text.ts'
import { type DatasetRow, keys, type ModelRow, type SampleRow } from '../entities.ts'
import type { Core, Objects } from '../ports.ts'
import { canonicalJson, sha256Hex, type TrainingSet } from './plan.ts'

export interface Assembled {
  readonly set: TrainingSet
  readonly parts: SplitRows
  /** Rows that came back from the field, unsplit. */
  readonly field: LabelledRows
}

/** All registered drops of a model and, when asked for, its labelled audit samples, read and split. */
export async function assembleTrainingSet(
  deps: Core & { readonly drops: Objects },
  model: string,
  { config }: ModelRow,
  withSamples: boolean,
): Promise<Assembled> {
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
  const samples = withSamples ? await labelledAudit(deps, model) : []
  const field = sampleRows(samples)
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
    samples: samples.map(s => ({
      eventId: s.eventId,
      thing: s.thing,
      digest: sha256Hex(canonicalJson([s.row, s.label])),
    })),
  }
  return { set, parts: splitRows(concatRows(rows, field), config.training.split), field }
}

/** Only the random lane measures and only labels teach; the hard lane would bias the evaluation. */
export async function labelledAudit(deps: Core, model: string): Promise<readonly SampleRow[]> {
  const samples = await deps.store.query<SampleRow>(keys.sample(model, '').pk)
  return samples.map(r => r.data).filter(s => s.lane === 'audit' && s.label !== undefined)
}
export const sampleRows = (samples: readonly SampleRow[]): LabelledRows => ({
  features: samples.map(s => s.row.map(v => (v === null ? Number.NaN : v))),
  labels: samples.map(s => s.label as number),
})

/** Where the channels of a training set lie in the artefact bucket. */
export const channelPrefix = (model: string, digest: string, channel: string): string =>
  `training/${model}/${digest}/${channel}/`
export const channelKey = (model: string, digest: string, channel: string): string =>
  `${channelPrefix(model, digest, channel)}data.csv`
/** Held-out rows of the first training set, frozen: field data never gets in. */
export const sentinelKey = (model: string): string => `sentinel/${model}/data.csv`
export const manifestKey = (model: string, digest: string): string =>
  `training/${model}/${digest}/manifest.json`
export const blobKey = (sha256: string): string => `blobs/sha256/${sha256}`
