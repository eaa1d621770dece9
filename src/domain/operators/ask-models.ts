import type { AnswerOf } from '../../contracts/api/index.ts'
import type { Binned } from '../../contracts/packages.ts'
import {
  type BundleRow,
  type DatasetRow,
  type EpisodeRow,
  keys,
  listings,
  type ModelRow,
  type MonitorRow,
  type SampleRow,
  type TargetRow,
  type VersionRow,
} from '../entities.ts'
import { harmView } from '../monitoring/harm-view.ts'
import { latencyView } from '../monitoring/latency.ts'
import type { WindowSummaryRow } from '../monitoring/summary.ts'
import { readBaseline } from '../package/read-baseline.ts'
import type { Store } from '../store.ts'
import { fits, found, listed, type Questions } from './ask.ts'
import { startOf } from './ask-devices.ts'

type Summary = AnswerOf<'listModels'>['models'][number]
type VersionView = AnswerOf<'listVersions'>['versions'][number]
type WindowView = AnswerOf<'listWindows'>['windows'][number]
type SampleView = AnswerOf<'listSamples'>['samples'][number]

const modelView = (row: ModelRow): Summary => ({
  ...{ model: row.config.name, fleet: row.config.fleet, slot: row.config.slot, task: row.config.task },
  champion: row.champion ?? null,
  versions: row.nextVersion - 1,
  lastTrainingAt: row.lastTrainingAt ?? null,
  retraining: row.retraining ?? null,
  configDigest: row.configDigest,
})

/** The list of training samples can be long: it is in the training set's manifest, which its digest identifies. */
function versionView({
  trainingSet,
  field,
  config: _config,
  image: _image,
  ...row
}: VersionRow): VersionView {
  const lineage = 'lineage' in row ? row.lineage?.digest : undefined
  return {
    ...row,
    ...(trainingSet ? { sources: trainingSet.sources } : {}),
    fieldSamples: field?.samples ?? 0,
    lineage,
  }
}

export const windowView = (
  place: { readonly model: string; readonly version: number; readonly seconds: number },
  { latency, counts: _counts, problems: _problems, ...row }: WindowSummaryRow,
): WindowView => ({
  ...{ model: place.model, version: place.version, start: startOf(row.window, place.seconds) },
  ...row,
  latencyMs: latencyView([latency]),
})

function targetView({
  model: _model,
  version: _version,
  ...target
}: TargetRow): AnswerOf<'getVersion'>['targets'][number] {
  if (target.status !== 'COMPILED') return target
  const { file: _file, ...shown } = target
  return shown
}

const sampleView = (row: SampleRow): SampleView => ({
  ...{ eventId: row.eventId, thing: row.thing, model: row.model, version: row.version },
  ...{ capturedAt: row.capturedAt, receivedAt: row.receivedAt, lane: row.lane, pi: row.pi },
  ...(row.strategy === undefined ? {} : { strategy: row.strategy }),
  ...{ row: row.row, prediction: row.prediction, label: row.label ?? null },
  ...{ labelClass: row.labelClass ?? null, labelledAt: row.labelledAt ?? null },
  contested: row.contested ?? false,
})

const modelOf = async (store: Pick<Store, 'get'>, model: string): Promise<ModelRow> =>
  found(await store.get<ModelRow>(keys.model(model)), 'model', model)
const versionOf = async (store: Pick<Store, 'get'>, model: string, version: number): Promise<VersionRow> =>
  found(await store.get<VersionRow>(keys.version(model, version)), 'version', `${model}@${version}`)

export const modelQuestions: Questions<
  | 'listModels'
  | 'getModel'
  | 'listVersions'
  | 'getVersion'
  | 'listDatasets'
  | 'getPackage'
  | 'listWindows'
  | 'getWindow'
  | 'listEpisodes'
  | 'listSamples'
> = {
  async listModels({ store }, { query }) {
    const { items, next } = await listed<ModelRow, Summary>(
      store,
      { listing: listings.models },
      { ...query, view: ({ data }) => modelView(data) },
    )
    return { models: items, next }
  },

  async getModel(deps, { path: { model } }) {
    const { store } = deps
    const row = await modelOf(store, model)
    const { champion } = row
    const monitor = champion && (await store.get<MonitorRow>(keys.monitor(model, champion)))?.data
    return {
      ...modelView(row),
      config: row.config,
      monitoring:
        champion === undefined || !monitor
          ? null
          : {
              ...{ version: champion, window: monitor.evaluated.at(-1) ?? null },
              ...{ episode: monitor.episode ?? null, latest: monitor.latest, problems: monitor.problems },
            },
      harm: await harmView(deps, row),
    }
  },

  async listVersions({ store }, { path: { model }, query: { status, ...paged } }) {
    const { items, next } = await listed<VersionRow, VersionView>(
      store,
      { listing: listings.versions(model) },
      {
        ...{ ...paged, newestFirst: true, filters: status !== undefined },
        view: ({ data }) => (fits(status, data.status) ? versionView(data) : undefined),
      },
    )
    return { versions: items, next }
  },

  async getVersion({ store }, { path: { model, version } }) {
    const row = await versionOf(store, model, version)
    const targets = await store.query<TargetRow>(keys.target(model, version, '').pk, '', { limit: 16 })
    return {
      ...versionView(row),
      targets: targets.map(({ data }) => targetView(data)),
    }
  },

  async listDatasets({ store }, { path: { model }, query }) {
    const { items, next } = await listed<DatasetRow, DatasetRow>(
      store,
      { pk: keys.model(model).pk, prefix: 'DATASET#' },
      { ...query, view: ({ data }) => data },
    )
    return { datasets: items, next }
  },

  async getPackage({ store }, { path: { digest } }) {
    const { model, version, hardware, fleet, slot } = found(
      await store.get<BundleRow>(keys.bundle(digest)),
      'package',
      digest,
    )
    const row = (await store.get<VersionRow>(keys.version(model, version)))?.data
    const packages = row?.status === 'PACKAGED' ? row.packages : []
    const ref = packages.find(p => p.bundle.sha256 === digest)
    return {
      ...{ digest, model, version, hardware, fleet, slot },
      ...{ package: ref?.package ?? null, bundle: ref?.bundle ?? null },
    }
  },

  async listWindows({ store }, { path: { model, version }, query }) {
    const row = await versionOf(store, model, version)
    const place = { model, version, seconds: row.config.monitoring.windowSeconds }
    const { items, next } = await listed<WindowSummaryRow, WindowView>(
      store,
      { pk: keys.windowSummary(model, version, 0).pk, prefix: 'WINDOW#' },
      { ...query, newestFirst: true, view: ({ data }) => windowView(place, data) },
    )
    return { windows: items, next }
  },

  async getWindow(deps, { path: { model, version, window } }) {
    const row = await versionOf(deps.store, model, version)
    const summary = found(
      await deps.store.get<WindowSummaryRow>(keys.windowSummary(model, version, window)),
      'judged window',
      window,
    )
    const baseline = 'baselineDigest' in row ? await readBaseline(deps, row.baselineDigest) : undefined
    const binned: readonly Binned[] = baseline
      ? [
          { ...baseline.prediction, name: 'prediction' },
          ...(baseline.confidence ? [{ ...baseline.confidence, name: 'confidence' }] : []),
          ...baseline.features,
        ]
      : []
    return {
      ...windowView({ model, version, seconds: row.config.monitoring.windowSeconds }, summary),
      bins: binned.map(({ name, edges, p0 }) => ({
        ...{ name, edges, baseline: p0 },
        counts: summary.counts[name] ?? p0.map(() => 0),
      })),
      problems: summary.problems,
    }
  },

  async listEpisodes({ store }, { path: { model }, query }) {
    const { items, next } = await listed<EpisodeRow, EpisodeRow>(
      store,
      { pk: keys.model(model).pk, prefix: 'EPISODE#' },
      { ...query, newestFirst: true, view: ({ data }) => data },
    )
    return { episodes: items, next }
  },

  async listSamples({ quarantine }, { path: { model }, query: { thing, lane, labelled, ...paged } }) {
    const { items, next } = await listed<SampleRow, SampleView>(
      quarantine,
      { pk: keys.sample(model, '', '').pk },
      {
        ...{ ...paged, filters: [thing, lane, labelled].some(f => f !== undefined) },
        view: ({ data }) =>
          fits(thing, data.thing) && fits(lane, data.lane) && fits(labelled, data.label !== undefined)
            ? sampleView(data)
            : undefined,
      },
    )
    return { samples: items, next }
  },
}
