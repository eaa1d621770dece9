import { ownsEventId } from '../../contracts/event-id.ts'
import {
  type AdmissionRow,
  type BundleRow,
  type DecisionRow,
  type DeviceRow,
  type EpisodeRow,
  type ErasedAdmittedRow,
  type ErasedSetRow,
  keys,
  listings,
  type ModelRow,
  type SampleRow,
  type TargetRow,
  type VersionRow,
} from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import { type DeviceEvidence, shardOf } from '../rollout/evidence.ts'
import type { Rollout } from '../rollout/types.ts'
import { eventIdDigest, findErased } from '../sampling/erased.ts'
import type { Quarantine } from '../sampling/quarantine.ts'
import type { Store } from '../store.ts'
import { sha256Hex } from '../training/plan.ts'
import { rolloutTo } from './delivery.ts'
import type { Question } from './document.ts'
import type { Compiled, VersionRecord } from './version.ts'

export interface LineageReads {
  readonly store: Store
  readonly quarantine: Pick<Quarantine, 'query'>
}
/** Rollouts that people asked for have names of their own; they are looked for among the newest. */
const ROLLOUTS_LOOKED_AT = 25
/** Without the model's name, so many are tried. */
export const MODELS_TRIED = 50

/** The rows behind a version: eight reads at most. `targets` and `previous` where the caller has them already. */
export async function readRecord(
  store: Store,
  version: VersionRow,
  known: Pick<VersionRecord, 'previous'> & { readonly targets?: readonly Compiled[] } = {},
): Promise<VersionRecord> {
  const { model, decision: asked } = version
  const targets =
    known.targets ??
    (await store.query<TargetRow>(keys.target(model, version.version, '').pk)).flatMap(r =>
      r.data.status === 'COMPILED' ? [r.data] : [],
    )
  const signed = version.status === 'PACKAGED' ? version.lineage?.previous : undefined
  const previous = known.previous === undefined ? signed : known.previous
  const erased = await readErased(store, version)
  const base: VersionRecord = {
    ...{ version, targets },
    ...(previous === undefined ? {} : { previous }),
    ...(erased === undefined ? {} : { erased }),
  }
  if (asked === undefined) return base
  const [admission, decision] = await Promise.all([
    store.get<AdmissionRow>(keys.admission(model, asked)),
    store.get<DecisionRow>(keys.decision(model, asked)),
  ])
  const name = decision?.data.episode
  const episode = name === undefined ? undefined : await store.get<EpisodeRow>(keys.episode(model, name))
  return {
    ...base,
    ...(admission ? { admission: admission.data } : {}),
    ...(decision ? { decision: decision.data } : {}),
    ...(episode ? { episode: episode.data } : {}),
  }
}

async function readErased(
  store: Store,
  { model, field, trainingSetDigest = '' }: VersionRow,
): Promise<VersionRecord['erased']> {
  if (field === undefined) return undefined
  const [admitted, set] = await Promise.all([
    store.get<ErasedAdmittedRow>(keys.erasedAdmitted(model, field.digest)),
    store.get<ErasedSetRow>(keys.erasedSet(model, trainingSetDigest)),
  ])
  return admitted && { admitted: admitted.data, ...(set ? { set: set.data } : {}) }
}

/**
 * A captured prediction by its event id; of one that was erased, the version that answered. Throws EdgeloopError
 * NOT_FOUND, GONE when it was erased and not even that is on record, or InputError when a model must be named.
 */
export async function readPrediction(
  reads: LineageReads,
  eventId: string,
  model: string | undefined,
): Promise<Question> {
  const models = model === undefined ? await everyModel(reads.store) : [model]
  const sample = await findSample(reads, eventId, models)
  if (sample === undefined) return readErasedPrediction(reads, eventId, models)
  const version = await versionRow(reads.store, sample.model, sample.version)
  const bundle =
    sample.bundle === undefined
      ? undefined
      : (await reads.store.get<BundleRow>(keys.bundle(sample.bundle)))?.data
  // Samples from before bundles were kept: the hardware of the device as it is now.
  const hardware =
    bundle?.hardware ?? (await reads.store.get<DeviceRow>(keys.device(sample.thing)))?.data.hardware
  const question = await readVersion(reads, version, hardware)
  if (hardware === undefined) return { ...question, sample }
  const device = { thing: sample.thing, hardware, at: sample.capturedAt }
  return { ...question, sample, device, ...(await evidenceOf(reads.store, question.rollouts, device)) }
}

/** A package by its bundle's digest, and, where a device is named, how it came there by a time (ISO). */
export async function readBundle(
  reads: LineageReads,
  digest: string,
  on: { readonly thing: string; readonly at: string } | undefined,
): Promise<Question> {
  const bundle = (await reads.store.get<BundleRow>(keys.bundle(digest)))?.data
  if (bundle === undefined) throw new EdgeloopError('NOT_FOUND', `no package has the bundle ${digest}`)
  const version = await versionRow(reads.store, bundle.model, bundle.version)
  const question = await readVersion(reads, version, bundle.hardware)
  if (on === undefined) return question
  const device = { ...on, hardware: bundle.hardware }
  return { ...question, device, ...(await evidenceOf(reads.store, question.rollouts, device)) }
}

/** @param hardware of one package; undefined: all of the version */
export async function readVersion(
  { store }: LineageReads,
  version: VersionRow,
  hardware?: string,
): Promise<Question> {
  const { model, version: number } = version
  const [record, first, newest] = await Promise.all([
    readRecord(store, version),
    store.get<Rollout>(keys.rollout(`${model}-v${number}`)),
    store.list<Rollout>(listings.rollouts, { limit: ROLLOUTS_LOOKED_AT, newestFirst: true }),
  ])
  const listed = newest.map(r => r.data).filter(r => r.model === model && r.version === number)
  // The listing lags behind the row.
  const others = listed.filter(r => r.id !== first?.data.id)
  const rollouts = [...(first ? [first.data] : []), ...others].sort((a, b) =>
    a.createdAt < b.createdAt ? -1 : 1,
  )
  return { record, rollouts, ...(hardware === undefined ? {} : { hardware }) }
}

export async function versionRow(store: Store, model: string, version: number): Promise<VersionRow> {
  const row = await store.get<VersionRow>(keys.version(model, version))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `model "${model}" has no version ${version}`)
  return row.data
}

async function evidenceOf(
  store: Store,
  rollouts: readonly Rollout[],
  device: { readonly thing: string; readonly hardware: string; readonly at: string },
): Promise<Pick<Question, 'evidence'>> {
  const rollout = rolloutTo(rollouts, device, device.at)?.rollout
  if (rollout === undefined) return {}
  const key = keys.evidence(rollout.id, shardOf(rollout, device.thing), device.thing)
  const row = await store.get<DeviceEvidence>(key)
  return row === undefined ? {} : { evidence: row.data }
}

/** The sender is behind the id in the key, and may only use its own ids: at most one row is the one. */
async function findSample(
  { quarantine }: LineageReads,
  eventId: string,
  models: readonly string[],
): Promise<SampleRow | undefined> {
  const found = await Promise.all(
    models.map(name =>
      quarantine.query<SampleRow>(keys.sample(name, '', '').pk, `${eventId}#`, { limit: 8 }),
    ),
  )
  return found
    .flat()
    .map(r => r.data)
    .find(s => s.eventId === eventId && ownsEventId(s.thing, eventId, sha256Hex))
}

async function readErasedPrediction(
  reads: LineageReads,
  eventId: string,
  models: readonly string[],
): Promise<Question> {
  const found = await Promise.all(models.map(model => findErased(reads.quarantine, model, eventId)))
  const at = found.findIndex(e => e !== undefined)
  const [erased, model] = [found[at], models[at]]
  if (erased !== undefined && model !== undefined) {
    const { version, ...when } = erased
    if (version === undefined)
      throw new EdgeloopError(
        'GONE',
        `the prediction "${eventId}" was erased ${when.erasedAt}: ${when.reason}. Which version answered had gone before`,
      )
    const question = await readVersion(reads, await versionRow(reads.store, model, version))
    return { ...question, erased: { ...when, eventId: eventIdDigest(eventId) } }
  }
  throw new EdgeloopError(
    'NOT_FOUND',
    `there is no captured prediction "${eventId}": most predictions are counted and not sent, and samples go after a year. ` +
      'What a device ran is told by GET /v1/lineage/bundles/{digest}, with ?thing= and ?at= for how it came there',
  )
}

async function everyModel(store: Store): Promise<string[]> {
  const rows = await store.list<ModelRow>(listings.models, { limit: MODELS_TRIED + 1 })
  if (rows.length > MODELS_TRIED)
    throw new InputError(
      'MODEL_NEEDED',
      `there are more than ${MODELS_TRIED} models; name the one of the prediction with ?model=`,
      'model',
    )
  return rows.map(r => r.data.config.name)
}
