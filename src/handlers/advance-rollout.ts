import * as z from 'zod'
import { deviceLink } from '../adapters/devices.ts'
import { kmsSigner } from '../adapters/signer.ts'
import type { DomainEvent } from '../contracts/envelope.ts'
import { type FleetRow, keys, listings, type ModelRow } from '../domain/entities.ts'
import type { Core, DeviceLink, Signer } from '../domain/ports.ts'
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
import { signEnvelope } from '../domain/trust/dsse.ts'
import { fleetManifest } from '../domain/trust/manifest.ts'
import { type BusEvent, fromBus, parseBusEvent } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

export interface AdvanceRolloutDeps extends Core {
  readonly link: DeviceLink
  /** The deployment key; no other function may use it. */
  readonly deploymentKey: Signer
}

/**
 * A rollout was planned, a device reported, or time passed: the engine decides, and a decision becomes a signed
 * manifest. The manifest is committed with its counter before it is published, so two manifests with one counter
 * never differ; what was committed and not published is published by whoever comes next.
 */
export const advanceRollout = (deps: AdvanceRolloutDeps) =>
  fromBus(deps, async event => {
    const trigger = parseBusEvent(event, ['RolloutPlanned', 'DeviceReported', 'CheckDue'])
    if (trigger.type === 'CheckDue' && trigger.data.kind === 'fleet') {
      return publishCommitted(deps, trigger.data.subject)
    }
    // First of all what an interrupted run left unpublished: its rollout may have ended with that run.
    if ('fleet' in trigger.data) await publishCommitted(deps, trigger.data.fleet)
    const rollout = await rolloutOf(deps, trigger)
    if (rollout === undefined) return
    if (trigger.type === 'DeviceReported') await recordOutcome(deps, rollout.data, trigger.data)
    await advance(deps, rollout.data.id, trigger.cause)
  })

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
async function advance(deps: AdvanceRolloutDeps, id: string, cause: Cause): Promise<void> {
  for (;;) {
    const row = await deps.store.get<Rollout>(keys.rollout(id))
    if (row === undefined || terminalRollout(row.data.status)) return
    const outcomes = (await deps.store.query<Outcome>(row.key.pk, 'DEVICE#')).map(r => r.data)
    const verdict = decideRollout(row.data, outcomes, deps.now())
    if (verdict.decision === 'hold') {
      deps.log.info('ROLLOUT_HOLD', { rollout: id, reason: verdict.reason })
      return
    }
    await enact(deps, row, verdict, cause)
  }
}

async function enact(
  deps: AdvanceRolloutDeps,
  row: Row<Rollout>,
  decision: RolloutDecision,
  cause: Cause,
): Promise<void> {
  const fleetKey = keys.fleet(row.data.fleet)
  const fleetRow = await deps.store.get<FleetRow>(fleetKey)
  const fleet: FleetRow = fleetRow?.data ?? {
    fleet: row.data.fleet,
    epoch: 1,
    counter: 0,
    slots: [],
    published: 0,
    active: {},
  }
  const other = await otherActive(deps, row.data, fleet)
  if (other !== undefined && other.data.version > row.data.version)
    decision = superseded(decision, other.data)
  const next = evolveRollout(row.data, decision)
  if (next.status === 'SUPERSEDED') return deps.store.commit([putRollout(row, next)], [], cause)

  const counter = fleet.counter + 1
  const slots = applyToSlots(fleet.slots, next)
  const manifest = fleetManifest({
    fleet: fleet.fleet,
    epoch: fleet.epoch,
    counter,
    issued: deps.now(),
    slots,
  })
  const envelope = await signEnvelope(Buffer.from(JSON.stringify(manifest)), deps.deploymentKey.sign)
  const { [next.slot]: _ended, ...others } = fleet.active
  const active = terminalRollout(next.status) ? others : { ...others, [next.slot]: next.id }
  const nextFleet: FleetRow = { ...fleet, counter, slots, envelope, active }
  const writes: Put[] = [
    putRollout(row, next),
    put(fleetKey, nextFleet, fleetRow, {
      list: { pk: listings.fleets, sk: fleet.fleet },
      pending: { kind: 'fleet', since: decision.at },
    }),
  ]
  if (other !== undefined && next.status === 'CANARY')
    writes.push(putRollout(other, evolveRollout(other.data, superseded(decision, next))))
  if (next.status === 'COMPLETED') writes.push(...(await crown(deps, next)))
  await deps.store.commit(writes, eventsOf(next, decision, counter), cause)
  if (next.status === 'ROLLED_BACK') deps.count('RolloutsRolledBack')
  await publishCommitted(deps, next.fleet)
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

/** Publishes what is committed and not yet out. Publishing twice is harmless: devices know the counter. */
async function publishCommitted(deps: AdvanceRolloutDeps, fleet: string): Promise<void> {
  const row = await deps.store.get<FleetRow>(keys.fleet(fleet))
  if (row?.data.envelope === undefined || row.data.published >= row.data.counter) return
  await deps.link.publishManifest(fleet, row.data.envelope)
  await deps.store.commit([
    put(row.key, { ...row.data, published: row.data.counter }, row, {
      list: { pk: listings.fleets, sk: fleet },
    }),
  ])
}

export const handler = lambda({ DEPLOYMENT_KEY_ID: z.string().min(1) }, (env, core) =>
  advanceRollout({ ...core, link: deviceLink(), deploymentKey: kmsSigner(env.DEPLOYMENT_KEY_ID) }),
)
