/** What becomes of a drop, as the state tells it. */
import {
  type DatasetRow,
  type DecisionRow,
  type EnrolmentRow,
  keys,
  listings,
  type ModelRow,
  type RejectionRow,
  type VersionRow,
} from '../../../src/domain/entities.ts'
import type { Rollout } from '../../../src/domain/rollout/types.ts'
import type { Store } from '../../../src/domain/store.ts'
import { plain } from '../text.ts'
import type { Kind } from './kinds.ts'

export type Reads = Pick<Store, 'get' | 'list'>
export const STAGES = ['registered', 'packaged', 'rollout'] as const
export type Stage = (typeof STAGES)[number]

export interface Dropped {
  readonly kind: Kind
  readonly model: string
  readonly key: string
  readonly versionId: string | undefined
  readonly sha256: string
  /** Of a list of devices. */
  readonly serials: readonly string[]
  /** Refusals of this key that were on record before. */
  readonly refusedBefore: ReadonlySet<string>
}
export interface Fate {
  /** `waiting` until something can be said. */
  readonly result: 'waiting' | 'done' | 'refused' | 'rejected' | 'failed' | 'held back'
  /** What it has come to, for a person. */
  readonly text: string
  readonly version?: number
  readonly rollout?: string
  readonly reasons?: readonly string[]
}

const LOOK_BACK = 200
const waiting = (text: string, more: Partial<Fate> = {}): Fate => ({ result: 'waiting', text, ...more })

export async function refusalsOf(store: Reads, key: string): Promise<readonly RejectionRow[]> {
  const rows = await store.list<RejectionRow>(listings.rejections, { newestFirst: true, limit: LOOK_BACK })
  return rows.map(r => r.data).filter(r => r.channel === 's3' && r.subject === key)
}

/** Looks once. @param until how far a dataset, or an import, has to come */
export async function look(store: Reads, dropped: Dropped, until: Stage): Promise<Fate> {
  const refused = (await refusalsOf(store, dropped.key)).filter(r => !dropped.refusedBefore.has(r.rejection))
  const reasons = refused.map(({ code, reason }) => plain(`${code}: ${reason}`))
  const fate = await outcome(store, dropped, until)
  if (fate.result !== 'waiting' || reasons.length === 0)
    return { ...fate, ...(reasons.length > 0 ? { reasons } : {}) }
  // Lines of labels and devices are refused alone, and the rest goes on.
  if ((dropped.kind === 'labels' || dropped.kind === 'devices') && fate.text !== NOT_SEEN)
    return { ...fate, reasons }
  return { result: 'refused', text: `refused: ${reasons[0]}`, reasons }
}

const NOT_SEEN = 'not looked at yet'

async function outcome(store: Reads, dropped: Dropped, until: Stage): Promise<Fate> {
  const { kind, model, sha256 } = dropped
  switch (kind) {
    case 'model': {
      const row = await store.get<ModelRow>(keys.model(model))
      return row?.data.configDigest === sha256
        ? { result: 'done', text: `model ${model} is configured by it` }
        : waiting(NOT_SEEN)
    }
    case 'labels': {
      const row = await store.get<{ matched: number; unmatched: number }>(keys.labelFile(model, sha256))
      return row === undefined
        ? waiting(NOT_SEEN)
        : { result: 'done', text: `${row.data.matched} labels matched, ${row.data.unmatched} did not` }
    }
    case 'devices':
      return devices(store, dropped)
    case 'dataset':
      return dataset(store, dropped, until)
    case 'import': {
      const version = await newestVersion(
        store,
        model,
        v => v.imported?.key === dropped.key && v.imported.versionId === dropped.versionId,
      )
      return version === undefined ? waiting(NOT_SEEN) : ofVersion(store, version, until)
    }
  }
}

async function devices(store: Reads, { serials }: Dropped): Promise<Fate> {
  const rows = await Promise.all(serials.map(s => store.get<EnrolmentRow>(keys.enrolment(s))))
  const known = rows.filter(row => row !== undefined).length
  return known === serials.length
    ? { result: 'done', text: `${known} devices are on the allow-list` }
    : waiting(known === 0 ? NOT_SEEN : `${known} of ${serials.length} devices are on the allow-list`)
}

async function dataset(store: Reads, { model, sha256 }: Dropped, until: Stage): Promise<Fate> {
  const row = await store.get<DatasetRow>(keys.dataset(model, sha256))
  if (row === undefined) {
    const configured = (await store.get(keys.model(model))) !== undefined
    return waiting(configured ? NOT_SEEN : `waits for models/${model}/model.yaml`)
  }
  const registered = `dataset ${sha256.slice(0, 12)} registered, ${row.data.rows} rows`
  if (until === 'registered') return { result: 'done', text: registered }
  const version = await newestVersion(
    store,
    model,
    v => v.trainingSet?.sources.some(source => source.sha256 === sha256) === true,
  )
  if (version !== undefined) return ofVersion(store, version, until)
  const decision = await store.get<DecisionRow>(keys.decision(model, `drop-${sha256.slice(0, 12)}`))
  if (decision === undefined || decision.data.approved) return waiting(registered)
  const against = decision.data.guards.filter(g => !g.passed && g.waived === undefined)
  const reasons = against.map(({ guard, detail }) => plain(`${guard}: ${detail}`))
  return { result: 'held back', text: `${registered}; no training now: ${reasons.join('; ')}`, reasons }
}

async function newestVersion(
  store: Reads,
  model: string,
  fits: (version: VersionRow) => boolean,
): Promise<VersionRow | undefined> {
  const rows = await store.list<VersionRow>(listings.versions(model), { newestFirst: true, limit: 20 })
  // The index lags: it says which, and the row itself says how it is. Of several trainings the first is the drop's own.
  const found = rows.filter(({ data }) => fits(data)).at(-1)
  return found && (await store.get<VersionRow>(keys.version(model, found.data.version)))?.data
}

async function ofVersion(store: Reads, row: VersionRow, until: Stage): Promise<Fate> {
  const { model, version, status } = row
  const name = `${model}@${version}`
  switch (status) {
    case 'REQUESTED':
    case 'TRAINING':
      return waiting(`${name} is training`, { version })
    case 'FAILED':
      return {
        result: 'failed',
        text: `${name} failed: ${plain(row.reason)}`,
        version,
        reasons: [plain(row.reason)],
      }
    case 'REJECTED': {
      const reasons = row.reasons.map(plain)
      return {
        result: 'rejected',
        text: `${name} did not pass its gate: ${reasons.join('; ')}`,
        version,
        reasons,
      }
    }
    case 'REGISTERED':
      return waiting(`${name} passed its gate and is compiled and signed`, { version })
    case 'PACKAGED': {
      const signed = `${name} is packaged and signed for ${row.packages.map(p => p.hardware).join(', ')}`
      if (until === 'packaged') return { result: 'done', text: signed, version }
      const rollout = await store.get<Rollout>(keys.rollout(`${model}-v${version}`))
      if (rollout === undefined) return waiting(signed, { version })
      const { id, fleet, status: now } = rollout.data
      return { result: 'done', text: `${signed}; rollout ${id} to ${fleet} is ${now}`, version, rollout: id }
    }
  }
}
