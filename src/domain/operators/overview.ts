import type { AnswerOf } from '../../contracts/api/index.ts'
import { fleetReport } from '../device/report.ts'
import {
  type DecisionRow,
  type FleetRow,
  keys,
  listings,
  type ModelRow,
  type MonitorRow,
  type VersionRow,
} from '../entities.ts'
import { harmView } from '../monitoring/harm-view.ts'
import type { Core } from '../ports.ts'
import { failedGuards } from '../retrain/guards.ts'
import { waitsFor } from '../rollout/commands.ts'
import { decide } from '../rollout/decide.ts'
import { readCounts } from '../rollout/record.ts'
import { type Rollout, terminalRollout } from '../rollout/types.ts'
import { ladderOf, rolloutSummary } from '../rollout/view.ts'
import { type Key, put } from '../store.ts'
import type { OpsDeps } from './ask.ts'
import { startOf } from './ask-devices.ts'
import { type Facts, ranked } from './attention.ts'
import { type Point, thinned } from './history.ts'
import { namesIn, type PeopleRow } from './people.ts'
import { EVER } from './vitals.ts'

export type Overview = AnswerOf<'getOverview'>
export interface OverviewRow {
  readonly overview: Overview
  /** Since when each thing that says no time of its own has been there, by its kind and subject. */
  readonly first: Readonly<Record<string, string>>
}
export interface OverviewDeps extends OpsDeps {
  readonly stage: string
  /** Messages in each place where failures land. */
  readonly depths: () => Promise<readonly { readonly queue: string; readonly messages: number }[]>
}

/** More of them are in their lists: one overview is one row, and a minute's work. */
const MAX_FLEETS = 20
const MAX_MODELS = 40
const MAX_ROLLOUTS = 20
const RECENT = 100
/** A row of DynamoDB has 400 KB. */
const HISTORY_BYTES = 150_000

/**
 * Makes the overview anew from counters and heads of lists: its reads grow with fleets, models and rollouts in flight,
 * up to the bounds above, and not with devices, versions or rollouts that are over.
 */
export async function refreshOverview(deps: OverviewDeps): Promise<Overview> {
  const { store } = deps
  const before = await store.get<OverviewRow>(keys.overview())
  const now = deps.now()
  const [fleetRows, modelRows, decisions, recent, unfinished, depths, reconciler, people] = await Promise.all(
    [
      store.page<FleetRow>({ listing: listings.fleets }, { limit: MAX_FLEETS }),
      store.page<ModelRow>({ listing: listings.models }, { limit: MAX_MODELS }),
      store.page<DecisionRow>({ listing: listings.decisions }, { limit: RECENT, newestFirst: true }),
      store.page<Rollout>({ listing: listings.rollouts }, { limit: MAX_ROLLOUTS, newestFirst: true }),
      // Those that wait before their first phase among them, however many came after.
      store.pendingBefore('rollout', EVER, MAX_ROLLOUTS + 1),
      deps.depths(),
      store.get<{ at: string; runs: number }>(keys.reconciler()),
      store.get<PeopleRow>(keys.people()),
    ],
  )
  const fleets = await Promise.all(fleetRows.rows.map(({ data }) => fleetPart(deps, data, now)))
  const rollouts = (
    await Promise.all(unfinished.slice(0, MAX_ROLLOUTS).map(({ key }) => rolloutPart(deps, key, now)))
  ).flatMap(part => part ?? [])
  const models = await Promise.all(
    modelRows.rows.map(({ data }) =>
      modelPart(
        deps,
        data,
        decisions.rows.map(r => r.data),
        before?.data.overview.models.find(m => m.model === data.config.name),
      ),
    ),
  )
  const facts: Facts = {
    ...{ now: now.toISOString(), fleets, rollouts, models: models.map(m => m.part), depths },
    newest: models.flatMap(m => m.newest ?? []),
    reviews: models.map(({ part, reviews }) => ({ model: part.model, open: reviews })),
    ended: recent.rows.map(r => r.data).filter(r => terminalRollout(r.status)),
    unpublished: fleetRows.rows.filter(r => r.data.published < r.data.counter).map(r => r.data.fleet),
    reconciler: reconciler?.data.at,
    people: namesIn(people?.data),
    quietMs: (fleet: string) =>
      quietMs(modelRows.rows.map(({ data }) => data.config).filter(c => c.fleet === fleet)),
  }
  const { attention, total, by, first } = ranked(facts, before?.data.first ?? {})
  const overview: Overview = {
    ...{ asOf: now.toISOString(), stage: deps.stage, attention, attentionTotal: total },
    attentionBy: by,
    ...{
      fleets: withinRow(fleets),
      rollouts,
      models: models.map(m => m.part),
      people: namesIn(people?.data),
    },
    reconciler: { at: reconciler?.data.at ?? null, runs: reconciler?.data.runs ?? 0 },
    complete:
      fleetRows.next === undefined && modelRows.next === undefined && unfinished.length <= MAX_ROLLOUTS,
  }
  const row: OverviewRow = { overview, first }
  // Whoever else makes one at the same moment sees the same.
  await store.commit([put(keys.overview(), row, before)])
  return overview
}

/** Devices send a window's counts when it is over; two of them may be late or lost before anybody is called. */
const quietMs = (configs: readonly ModelRow['config'][]): number =>
  Math.max(
    2 * 3_600_000,
    ...configs.map(({ monitoring }) => 1_000 * (2 * monitoring.windowSeconds + monitoring.graceSeconds)),
  )

/** With as much of their histories as fits into one row with all else: every second of the older points goes first. */
export function withinRow(fleets: Overview['fleets'], most = HISTORY_BYTES): Overview['fleets'] {
  if (JSON.stringify(fleets.map(f => f.history)).length <= most) return fleets
  const fewer = fleets.map(f => ({
    ...f,
    history: f.history.filter((_, i, all) => (all.length - 1 - i) % 2 === 0),
  }))
  return fewer.every(f => f.history.length <= 1) ? fewer : withinRow(fewer, most)
}

async function fleetPart(deps: Core, row: FleetRow, now: Date): Promise<Overview['fleets'][number]> {
  const { fleet } = row
  const [report, history, heard] = await Promise.all([
    fleetReport(deps.store, fleet),
    deps.store.get<{ points: readonly Point[] }>(keys.fleetHistory(fleet)),
    deps.store.get<{ at: string }>(keys.fleetHeard(fleet)),
  ])
  const point: Point = {
    ...{ at: now.toISOString(), registered: report.registered, connected: report.connected },
    versions: Object.fromEntries(report.versions.map(v => [`${v.model}@${v.version}`, v.devices])),
  }
  const points = thinned(history?.data.points ?? [], point, now)
  await deps.store.commit([{ kind: 'put', key: keys.fleetHistory(fleet), data: { points }, expect: 'any' }])
  return { ...report, history: points, lastSeen: heard?.data.at ?? null, onTarget: onTarget(row, report) }
}

/** Of the devices whose hardware the fleet settled on something for: how many run it. */
function onTarget(
  { slots }: FleetRow,
  report: AnswerOf<'getFleetReport'>,
): Overview['fleets'][number]['onTarget'] {
  const devices = new Map(report.hardware.map(h => [h.hardware, h.devices]))
  const wanted = new Map<string, number>()
  for (const { hardware, committed } of slots)
    if (committed !== null) {
      const name = `${committed.model}@${committed.version}`
      wanted.set(name, (wanted.get(name) ?? 0) + (devices.get(hardware) ?? 0))
    }
  const runs = new Map(report.versions.map(v => [`${v.model}@${v.version}`, v.devices]))
  return {
    devices: [...wanted].reduce((sum, [name, of]) => sum + Math.min(of, runs.get(name) ?? 0), 0),
    of: [...wanted.values()].reduce((sum, of) => sum + of, 0),
  }
}

async function rolloutPart(
  { store }: Core,
  key: Key,
  now: Date,
): Promise<Overview['rollouts'][number] | undefined> {
  const rollout = (await store.get<Rollout>(key))?.data
  if (rollout === undefined || terminalRollout(rollout.status)) return undefined
  const counts = await readCounts(store, rollout)
  const { slot: _slot, last: _last, ...summary } = rolloutSummary(rollout)
  return {
    ...summary,
    ladder: ladderOf(rollout, counts),
    reason: decide(rollout, { counts, now }).reason,
    waitsForApproval: waitsFor(rollout) ?? null,
    waitsForStart: rollout.waitsForStart === true,
  }
}

/** `known` is what the overview before said of the model: its last decision may be behind many newer ones of others. */
async function modelPart(
  deps: OpsDeps,
  row: ModelRow,
  decisions: readonly DecisionRow[],
  known: Overview['models'][number] | undefined,
) {
  const { store } = deps
  const { config, champion } = row
  const model = config.name
  const [monitor, harm, versions, reviews] = await Promise.all([
    champion === undefined ? undefined : store.get<MonitorRow>(keys.monitor(model, champion)),
    harmView(deps, row),
    store.page<VersionRow>({ listing: listings.versions(model) }, { limit: 1, newestFirst: true }),
    store.page<unknown>({ listing: listings.reviews(model) }, { limit: RECENT }),
  ])
  const latest = monitor?.data.latest ?? []
  const off = (monitor?.data.problems ?? []).filter(p => p.until === undefined)
  const window = monitor?.data.evaluated.at(-1) ?? null
  const last = decisions.find(d => d.model === model)
  const part: Overview['models'][number] = {
    ...{ model, fleet: config.fleet, champion: champion ?? null, harm },
    drift: {
      ...{ episode: monitor?.data.episode ?? null, window },
      at: window === null ? null : startOf(window + 1, config.monitoring.windowSeconds),
      worst: [...latest].sort((a, b) => b.distance - a.distance)[0] ?? null,
      drifting: latest.filter(q => q.state === 'drift' && q.scope === 'model').length,
      insufficient: latest.filter(q => q.state === 'insufficient').length,
      quantities: latest.length,
      deviceProblems: off.length,
      offDevices: off.slice(0, 3).map(p => p.thing),
    },
    retraining: row.retraining ?? null,
    lastDecision: last
      ? {
          ...{ decision: last.decision, trigger: last.trigger, approved: last.approved, at: last.at },
          blockedBy: failedGuards(last.guards),
        }
      : (known?.lastDecision ?? null),
  }
  return { part, newest: versions.rows[0]?.data, reviews: reviews.rows.length }
}
