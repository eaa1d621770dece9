import type { DomainEvent } from '../contracts/envelope.ts'
import { deviceWrites } from '../domain/device/report.ts'
import {
  type DeviceRow,
  type EpisodeRow,
  keys,
  listings,
  type ModelRow,
  type RevocationRow,
  type VersionRow,
  versionListing,
} from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import { closeWindow } from '../domain/monitoring/windows.ts'
import { startVitals, type Vitals } from '../domain/operators/vitals.ts'
import type { Core } from '../domain/ports.ts'
import { scheduleDue } from '../domain/retrain/triggers.ts'
import type { Rollout } from '../domain/rollout/types.ts'
import { type Cause, type Pending, type PendingKind, type Put, put, type Row } from '../domain/store.ts'
import { BEACON_PERIOD_MS } from '../domain/trust/beacon.ts'
import { lambda } from '../runtime/lambda.ts'

const BATCH = 50
/** How long work may be still before it is looked at again. */
const STILL_MS: Readonly<Record<Exclude<PendingKind, 'window' | 'device' | 'silent'>, number>> = {
  training: 5 * 60_000,
  compilation: 5 * 60_000,
  package: 2 * 60_000,
  rollout: 60_000,
  fleet: 30_000,
  beacon: BEACON_PERIOD_MS,
  trust: 30_000,
  revocation: 60_000,
  labels: 5 * 60_000,
  outbox: 60_000,
}

/**
 * The clock of the system: whatever is unfinished and has been still for too long is started again, by the same
 * events and through the same handlers as the first time. It decides nothing itself.
 */
export const reconcile = (deps: Core) => async (): Promise<void> => {
  const driven: Record<string, number> = {}
  const vitals = startVitals(deps)
  for (const kind of Object.keys(STILL_MS) as (keyof typeof STILL_MS)[])
    driven[kind] = await redrive(deps, kind, vitals)
  driven['window'] = await closeOverdue(deps)
  driven['device'] = await markSilent(deps)
  driven['schedule'] = await askSchedules(deps)
  await beat(deps, driven)
  await vitals.report()
  deps.log.info('RECONCILED', { driven: Object.fromEntries(Object.entries(driven).filter(([, n]) => n > 0)) })
}

async function redrive(deps: Core, kind: keyof typeof STILL_MS, vitals: Vitals): Promise<number> {
  const before = new Date(deps.now().getTime() - STILL_MS[kind]).toISOString()
  const rows = await deps.store.pendingBefore(kind, before, BATCH)
  for (const row of rows) await quietly(() => again(deps, kind, row, vitals))
  return rows.length
}

/** The row is written anew with the time of this attempt, in one transaction with the event that drives it. */
async function again(
  deps: Core,
  kind: keyof typeof STILL_MS,
  listed: Pick<Row<unknown>, 'key'>,
  vitals: Vitals,
): Promise<void> {
  // The index lags: what counts is the row itself.
  const row = await deps.store.get<unknown>(listed.key)
  if (row === undefined) return
  vitals.saw(kind, row)
  const pending: Pending = { kind, since: deps.now().toISOString() }
  const { list, event } = describe(kind, row)
  const write: Put = put(row.key, row.data, row, { pending, ...(list ? { list } : {}) })
  // An outbox row is published by its rewriting alone: the stream carries it again.
  await deps.store.commit([write], event ? [event] : [], chainOf(row))
}

/** Work that is asked for again stays in the chain that it belongs to. */
function chainOf({ data }: Row<unknown>): Cause | undefined {
  const { correlationId, generation = 0 } = data as { correlationId?: string; generation?: number }
  return correlationId === undefined ? undefined : { correlationId, generation }
}

function describe(
  kind: keyof typeof STILL_MS,
  row: Row<unknown>,
): { list?: { pk: string; sk: string }; event?: DomainEvent } {
  const due = (data: Record<string, unknown>): DomainEvent => ({ type: 'CheckDue', data: { kind, ...data } })
  switch (kind) {
    case 'training':
    case 'compilation':
    case 'package': {
      const { model, version, job } = row.data as VersionRow
      return {
        list: versionListing(model, version),
        event: due({ subject: job ?? `${model}-v${version}`, model, version }),
      }
    }
    case 'rollout': {
      const { id, createdAt, model } = row.data as Rollout
      return {
        list: { pk: listings.rollouts, sk: `${createdAt}#${id}` },
        event: due({ subject: id, model }),
      }
    }
    case 'fleet':
    case 'beacon': {
      const { fleet } = row.data as { fleet: string }
      return {
        list: { pk: listings.fleets, sk: fleet },
        event: { type: 'CheckDue', data: { kind: 'fleet', subject: fleet } },
      }
    }
    case 'trust':
      return { event: due({ subject: 'trust' }) }
    case 'revocation': {
      const { thing } = row.data as RevocationRow
      return { event: due({ subject: thing }) }
    }
    case 'labels': {
      const { episode, model } = row.data as EpisodeRow
      return { event: due({ subject: episode, model }) }
    }
    case 'outbox':
      return {}
  }
}

async function closeOverdue(deps: Core): Promise<number> {
  const rows = await deps.store.pendingBefore('window', deps.now().toISOString(), BATCH)
  for (const { key } of rows) {
    const [, model = '', version, window] = key.pk.split('#')
    await quietly(() => closeWindow(deps, model, Number(version), Number(window), true))
  }
  return rows.length
}

async function markSilent(deps: Core): Promise<number> {
  const rows = await deps.store.pendingBefore('device', deps.now().toISOString(), BATCH)
  for (const { key } of rows) {
    await quietly(async () => {
      const row = await deps.store.get<DeviceRow>(key)
      if (row === undefined || row.data.silent) return
      const { thing, fleet, lastSeen } = row.data
      await deps.store.commit(deviceWrites({ ...row.data, silent: true }, row), [
        { type: 'DeviceSilent', data: { thing, fleet, lastSeen } },
      ])
      deps.count('DevicesSilent')
    })
  }
  return rows.length
}

async function askSchedules(deps: Core): Promise<number> {
  const models = await deps.store.list<ModelRow>(listings.models)
  const due = models.filter(({ data }) => scheduleDue(data, deps.now()))
  for (const { data } of due) {
    const model = data.config.name
    await deps.store.commit([], [{ type: 'CheckDue', data: { kind: 'labels', subject: 'schedule', model } }])
  }
  return due.length
}

/** Shows operators that the clock runs, how often it ran, and what it had to push. */
async function beat(deps: Core, driven: Record<string, number>): Promise<void> {
  const before = await deps.store.get<{ runs: number }>(keys.reconciler())
  const data = { at: deps.now().toISOString(), runs: (before?.data.runs ?? 0) + 1, driven }
  await quietly(() => deps.store.commit([put(keys.reconciler(), data, before)]))
}

/** Somebody was faster: then there is nothing left to push. */
async function quietly(run: () => Promise<void>): Promise<void> {
  try {
    await run()
  } catch (error) {
    if (!(error instanceof EdgeloopError && error.code === 'CONFLICT')) throw error
  }
}

export const handler = lambda({}, (_env, core) => reconcile(core))
