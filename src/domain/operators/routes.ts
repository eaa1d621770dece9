import { modelName } from '../../contracts/names.ts'
import {
  type AuditRow,
  type DecisionRow,
  type DeviceRow,
  type EnrolmentRow,
  type FleetRow,
  keys,
  listings,
  type ModelRow,
  type MonitorRow,
  type RejectionRow,
  type RevocationRow,
  type VersionRow,
} from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { LineageReads } from '../lineage/read.ts'
import type { Rollout } from '../rollout/types.ts'
import { rolloutView } from '../rollout/view.ts'
import type { Store } from '../store.ts'
import { lineageRoutes } from './lineage.ts'
import { reviewQueue } from './reviews.ts'

export interface Query {
  readonly path: Readonly<Record<string, string>>
  readonly query: Readonly<Record<string, string>>
}
type Route = (
  store: Store,
  query: Query,
  now: Date,
  quarantine: LineageReads['quarantine'],
) => Promise<unknown>

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 500

/** Routes by API Gateway's route key. Lists are newest first and say how many were asked for. */
export const routes: Readonly<Record<string, Route>> = {
  'GET /v1/fleets': async (store, q) => ({
    fleets: (await store.list<FleetRow>(listings.fleets, page(q))).map(r => fleetView(r.data)),
  }),
  'GET /v1/fleets/{fleet}': async (store, { path }) => {
    const fleet = await store.get<FleetRow>(keys.fleet(param(path, 'fleet')))
    return fleetView(found(fleet, 'fleet', path['fleet']))
  },
  'GET /v1/fleets/{fleet}/devices': async (store, q) => ({
    devices: (
      await store.list<DeviceRow>(listings.devices(param(q.path, 'fleet')), {
        ...page(q),
        newestFirst: false,
      })
    ).map(r => r.data),
  }),
  'GET /v1/devices/{thing}': async (store, { path }) => {
    const thing = param(path, 'thing')
    const device = found(await store.get<DeviceRow>(keys.device(thing)), 'device', path['thing'])
    const revocation = await store.get<RevocationRow>(keys.revocation(thing))
    return { ...device, ...(revocation ? { revocation: revocation.data } : {}) }
  },
  'GET /v1/enrolments': async (store, q) => ({
    enrolments: (await store.list<EnrolmentRow>(listings.enrolments, { ...page(q), newestFirst: false })).map(
      r => r.data,
    ),
  }),
  'GET /v1/enrolments/{serial}': async (store, { path }) =>
    found(await store.get<EnrolmentRow>(keys.enrolment(param(path, 'serial'))), 'enrolment', path['serial']),
  'GET /v1/models': async (store, q) => ({
    models: (await store.list<ModelRow>(listings.models, page(q))).map(r => modelView(r.data)),
  }),
  'GET /v1/models/{model}': async (store, { path }) => {
    const model = found(await store.get<ModelRow>(keys.model(param(path, 'model'))), 'model', path['model'])
    const monitor =
      model.champion && (await store.get<MonitorRow>(keys.monitor(param(path, 'model'), model.champion)))
    return {
      ...modelView(model),
      config: model.config,
      monitoring: monitor ? { episode: monitor.data.episode, latest: monitor.data.latest } : null,
    }
  },
  'GET /v1/models/{model}/versions': async (store, q) => ({
    versions: (await store.list<VersionRow>(listings.versions(param(q.path, 'model')), page(q))).map(r =>
      versionView(r.data),
    ),
  }),
  'GET /v1/rollouts': async (store, q) => ({
    rollouts: (await store.list<Rollout>(listings.rollouts, page(q))).map(r => rolloutSummary(r.data)),
  }),
  'GET /v1/rollouts/{rollout}': async (store, { path }, now) => {
    const rollout = await store.get<Rollout>(keys.rollout(param(path, 'rollout')))
    return rolloutView(store, found(rollout, 'rollout', path['rollout']), now)
  },
  'GET /v1/retrain-decisions': async (store, q) => ({
    decisions: (await store.list<DecisionRow>(listings.decisions, page(q))).map(r => r.data),
  }),
  'GET /v1/reviews': async (store, q, _now, quarantine) => {
    const model = modelName.safeParse(q.query['model'])
    if (!model.success)
      throw new InputError(
        'MISSING_PARAMETER',
        'model=NAME says whose reviews; it is a model’s name',
        'model',
      )
    return reviewQueue(store, quarantine, model.data, page(q).limit)
  },
  'GET /v1/rejected-inputs': async (store, q) => ({
    rejections: (await store.list<RejectionRow>(listings.rejections, page(q))).map(r => r.data),
  }),
  'GET /v1/audit': async (store, q) => ({
    audit: (await store.list<AuditRow>(listings.audit, page(q))).map(r => r.data),
  }),
  ...Object.fromEntries(
    Object.entries(lineageRoutes).map(([key, ask]): [string, Route] => [
      key,
      (store, query, now, quarantine) => ask({ store, quarantine }, query, now),
    ]),
  ),
}

const fleetView = ({ envelope: _envelope, ...fleet }: FleetRow) => fleet
const modelView = ({ config, configDigest, nextVersion, champion, lastTrainingAt }: ModelRow) => ({
  model: config.name,
  fleet: config.fleet,
  slot: config.slot,
  champion: champion ?? null,
  versions: nextVersion - 1,
  lastTrainingAt: lastTrainingAt ?? null,
  configDigest,
})
/** The list of training samples can be long: it is in the training set's manifest, which its digest identifies. */
const versionView = ({ trainingSet, config: _config, ...version }: VersionRow) => ({
  ...version,
  ...(trainingSet ? { sources: trainingSet.sources, fieldSamples: version.field?.samples ?? 0 } : {}),
})

/** Plan and evidence are in the rollout's own answer. */
const rolloutSummary = ({
  id,
  model,
  version,
  fleet,
  slot,
  status,
  shadow,
  createdAt,
  createdBy,
  ...r
}: Rollout) => ({
  ...{
    rollout: id,
    model,
    version,
    fleet,
    slot,
    status,
    shadow,
    createdAt,
    createdBy,
    phaseSince: r.phaseSince,
  },
  phase: r.phases[r.phase]?.name ?? null,
  phases: r.phases.map(({ name, exposure }) => ({ name, exposure })),
  last: r.history.at(-1) ?? null,
})

function param(path: Query['path'], name: string): string {
  const value = path[name]
  if (value === undefined || value === '')
    throw new InputError('MISSING_PARAMETER', `${name} is missing in the path`, name)
  try {
    return decodeURIComponent(value)
  } catch {
    throw new InputError('BAD_PARAMETER', `${name} is not percent-encoded UTF-8`, name)
  }
}
function page({ query }: Query): { limit: number; newestFirst: boolean } {
  const limit = query['limit'] === undefined ? DEFAULT_LIMIT : Number(query['limit'])
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_LIMIT) {
    throw new InputError('BAD_LIMIT', `limit must be a whole number from 1 to ${MAX_LIMIT}`, 'limit')
  }
  return { limit, newestFirst: true }
}
function found<T>(row: { data: T } | undefined, what: string, name: string | undefined): T {
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no ${what} "${name}"`)
  return row.data
}
