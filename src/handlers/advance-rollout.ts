import * as z from 'zod'
import { deviceLink } from '../adapters/devices.ts'
import { kmsSigner } from '../adapters/signer.ts'
import type { DomainEvent } from '../contracts/envelope.ts'
import type { Bars } from '../contracts/manifest.ts'
import { type FleetRow, keys, listings, type ModelRow } from '../domain/entities.ts'
import type { Core } from '../domain/ports.ts'
import {
  type FleetDeps,
  isBarred,
  NO_BARS,
  newFleet,
  nextManifest,
  publishFleet,
  renewFleet,
} from '../domain/rollout/fleet.ts'
import {
  applyToSlots,
  decideRollout,
  evolveRollout,
  type Outcome,
  type Rollout,
  type RolloutDecision,
  terminalRollout,
} from '../domain/rollout/rollout.ts'
import { type Cause, type Put, put, type Row } from '../domain/store.ts'
import { KeyNotTrusted } from '../domain/trust/anchors.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/**
 * A rollout was planned, a device reported, time passed, a release was barred or the trust root changed: the engine
 * decides, and a decision becomes a signed manifest. The manifest is committed with its counter before it is
 * published, so two manifests with one counter never differ; what was committed and not published is published by
 * whoever comes next. Nothing is signed while the trust root does not list the key.
 */
export const advanceRollout = (deps: FleetDeps) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, [
      ...(['RolloutPlanned', 'DeviceReported', 'CheckDue', 'TrustRootPublished', 'ReleaseBarred'] as const),
    ])
    if (trigger.type === 'DeviceReported') await recordReport(deps, trigger)
    await whileTrusted(deps, () => act(deps, trigger))
  })

type Trigger = BusEvent<
  'RolloutPlanned' | 'DeviceReported' | 'CheckDue' | 'TrustRootPublished' | 'ReleaseBarred'
>

async function act(deps: FleetDeps, trigger: Trigger): Promise<void> {
  const { cause } = trigger
  if (trigger.type === 'TrustRootPublished') return renewAll(deps, NO_BARS, cause)
  if (trigger.type === 'ReleaseBarred') return renewAll(deps, barsOf(trigger.data), cause)
  if (trigger.type === 'CheckDue' && trigger.data.kind === 'fleet')
    return renew(deps, trigger.data.subject, NO_BARS, cause)
  // First of all what an interrupted run left unpublished: its rollout may have ended with that run.
  if ('fleet' in trigger.data) await publishFleet(deps, trigger.data.fleet)
  const rollout = await rolloutOf(deps, trigger)
  if (rollout !== undefined) await advance(deps, rollout.data.id, cause)
}

/** What cannot be signed now stays pending; the reconciler comes back to it. */
async function whileTrusted(deps: FleetDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof KeyNotTrusted)) throw error
    deps.log.warn('KEY_NOT_TRUSTED', { role: error.role, keyid: error.keyid, reason: error.message })
  }
}

const barsOf = ({ model, minimumRelease, bundle }: BusEvent<'ReleaseBarred'>['data']): Bars => ({
  minimumRelease: minimumRelease === undefined ? {} : { [model]: minimumRelease },
  revokedBundles: bundle === undefined ? [] : [bundle],
})

async function renewAll(deps: FleetDeps, bars: Bars, cause: Cause): Promise<void> {
  for (const { data } of await deps.store.list<FleetRow>(listings.fleets))
    await renew(deps, data.fleet, bars, cause)
}

/** Brings a fleet's manifest and beacon up to the trust root and the bars, and ends a rollout of what is barred now. */
async function renew(deps: FleetDeps, fleet: string, bars: Bars, cause: Cause): Promise<void> {
  const row = await deps.store.get<FleetRow>(keys.fleet(fleet))
  if (row === undefined) return
  const manifest = await renewFleet(deps, row, bars)
  if (manifest !== undefined) await deps.store.commit([manifest.write], [], cause)
  await publishFleet(deps, fleet)
  for (const id of Object.values(row.data.active)) await advance(deps, id, cause)
}

async function rolloutOf(
  deps: Core,
  { type, data }: BusEvent<'RolloutPlanned' | 'DeviceReported' | 'CheckDue'>,
): Promise<Row<Rollout> | undefined> {
  if (type === 'RolloutPlanned') return deps.store.get<Rollout>(keys.rollout(data.rollout))
  if (type === 'CheckDue')
    return data.kind === 'rollout' ? deps.store.get<Rollout>(keys.rollout(data.subject)) : undefined
  const fleet = await deps.store.get<FleetRow>(keys.fleet(data.fleet))
  const active = fleet?.data.active[data.slot]
  return active === undefined ? undefined : deps.store.get<Rollout>(keys.rollout(active))
}

async function recordReport(deps: FleetDeps, trigger: BusEvent<'DeviceReported'>): Promise<void> {
  const rollout = await rolloutOf(deps, trigger)
  if (rollout !== undefined) await recordOutcome(deps, rollout.data, trigger.data)
}

/** Outcomes are a set by device: a report that comes twice, or late, changes nothing. A later terminal one replaces. */
async function recordOutcome(
  deps: Core,
  rollout: Rollout,
  report: BusEvent<'DeviceReported'>['data'],
): Promise<void> {
  // A download that failed is tried again by the device; until it is given up for silence it is no verdict.
  if (report.code === 'FETCH_FAILED') return
  const mine = Object.values(rollout.releases).some(r => r.bundle.sha256 === report.bundle)
  if (!mine || terminalRollout(rollout.status)) return
  const { thing, outcome, code } = report
  const key = keys.outcome(rollout.id, thing)
  const before = await deps.store.get<Outcome>(key)
  if (before?.data.outcome === outcome) return
  await deps.store.commit([put<Outcome>(key, { thing, outcome, ...(code ? { code } : {}) }, before)])
}

/** Decides until there is nothing to decide: a rollout without canaries goes on at once. */
async function advance(deps: FleetDeps, id: string, cause: Cause): Promise<void> {
  for (;;) {
    const row = await deps.store.get<Rollout>(keys.rollout(id))
    if (row === undefined || terminalRollout(row.data.status)) return
    const outcomes = (await deps.store.query<Outcome>(row.key.pk, 'DEVICE#')).map(r => r.data)
    const fleet = await deps.store.get<FleetRow>(keys.fleet(row.data.fleet))
    const verdict =
      barredVerdict(row.data, fleet?.data.bars ?? NO_BARS, deps.now()) ??
      decideRollout(row.data, outcomes, deps.now())
    if (verdict.decision === 'hold') {
      deps.log.info('ROLLOUT_HOLD', { rollout: id, reason: verdict.reason })
      return
    }
    await enact(deps, row, verdict, cause)
  }
}

/** What may not run is not rolled out either. */
function barredVerdict({ releases }: Rollout, bars: Bars, now: Date): RolloutDecision | undefined {
  const barred = Object.values(releases).find(release => isBarred(release, bars))
  if (barred === undefined) return undefined
  const counts = { canaries: 0, committed: 0, failed: 0 }
  const reason = `${barred.model}@${barred.version} may not run any more`
  return { ...counts, at: now.toISOString(), decision: 'roll-back', reason }
}

async function enact(
  deps: FleetDeps,
  row: Row<Rollout>,
  decision: RolloutDecision,
  cause: Cause,
): Promise<void> {
  const fleetRow = await deps.store.get<FleetRow>(keys.fleet(row.data.fleet))
  const fleet = fleetRow?.data ?? newFleet(row.data.fleet)
  const other = await otherActive(deps, row.data, fleet)
  if (other !== undefined && other.data.version > row.data.version)
    decision = superseded(decision, other.data)
  const next = evolveRollout(row.data, decision)
  if (next.status === 'SUPERSEDED') return deps.store.commit([putRollout(row, next)], [], cause)

  const { [next.slot]: _ended, ...others } = fleet.active
  const active = terminalRollout(next.status) ? others : { ...others, [next.slot]: next.id }
  const slots = applyToSlots(fleet.slots, next)
  const { write, counter } = await nextManifest(deps, fleetRow, { ...fleet, slots, active })
  const writes: Put[] = [putRollout(row, next), write]
  if (other !== undefined && next.status === 'CANARY')
    writes.push(putRollout(other, evolveRollout(other.data, superseded(decision, next))))
  if (next.status === 'COMPLETED') writes.push(...(await crown(deps, next)))
  await deps.store.commit(writes, eventsOf(next, decision, counter), cause)
  if (next.status === 'ROLLED_BACK') deps.count('RolloutsRolledBack')
  await publishFleet(deps, next.fleet)
}

/** Another rollout in flight in the same slot: the newer version wins. */
async function otherActive(deps: Core, rollout: Rollout, fleet: FleetRow): Promise<Row<Rollout> | undefined> {
  const id = fleet.active[rollout.slot]
  if (id === undefined || id === rollout.id) return undefined
  const other = await deps.store.get<Rollout>(keys.rollout(id))
  return other !== undefined && !terminalRollout(other.data.status) ? other : undefined
}
const superseded = (decision: RolloutDecision, by: Rollout): RolloutDecision => ({
  ...decision,
  decision: 'supersede',
  reason: `version ${by.version} took its place`,
})

function putRollout(row: Row<Rollout>, next: Rollout): Put<Rollout> {
  const created = row.data.history[0]?.at ?? row.data.phaseSince
  return put(row.key, next, row, {
    list: { pk: listings.rollouts, sk: `${created}#${next.id}` },
    ...(terminalRollout(next.status)
      ? {}
      : { pending: { kind: 'rollout' as const, since: next.phaseSince } }),
  })
}

/** The completed version is the champion that challengers are measured against. */
async function crown(deps: Core, { model, version }: Rollout): Promise<Put[]> {
  const row = await deps.store.get<ModelRow>(keys.model(model))
  if (row === undefined) return []
  return [put(row.key, { ...row.data, champion: version }, row, { list: { pk: listings.models, sk: model } })]
}

function eventsOf(rollout: Rollout, { reason }: RolloutDecision, counter: number): DomainEvent[] {
  const { id, model, version, fleet, exposure } = rollout
  const shared = { rollout: id, model, version, fleet, counter }
  switch (rollout.status) {
    case 'CANARY':
      return [{ type: 'PhaseStarted', data: { rollout: id, phase: 'canary', exposure, fleet, counter } }]
    case 'COMPLETED':
      return [
        { type: 'PhaseStarted', data: { rollout: id, phase: 'fleet', exposure: 1, fleet, counter } },
        { type: 'RolloutCompleted', data: shared },
      ]
    case 'ROLLED_BACK':
      return [{ type: 'RolloutRolledBack', data: { ...shared, reason } }]
    default:
      return []
  }
}

export const handler = lambda({ DEPLOYMENT_KEY_ID: z.string().min(1) }, (env, core) =>
  advanceRollout({ ...core, link: deviceLink(), deploymentKey: kmsSigner(env.DEPLOYMENT_KEY_ID) }),
)
