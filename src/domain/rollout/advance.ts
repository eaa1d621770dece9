import type { DomainEvent } from '../../contracts/envelope.ts'
import type { Bars, ManifestSlot } from '../../contracts/manifest.ts'
import { type FleetRow, keys, listings, type ModelRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import { type Cause, type Put, put, type Row } from '../store.ts'
import { decide } from './decide.ts'
import { applyToSlots, evolve } from './evolve.ts'
import { type FleetDeps, isBarred, NO_BARS, newFleet, nextManifest, publishFleet } from './fleet.ts'
import { readCounts } from './record.ts'
import { ENGINE, type Rollout, type RolloutDecision, terminalRollout } from './types.ts'

/** Decides until there is nothing to decide: a phase that is proven by what is known is passed at once. */
export async function advance(deps: FleetDeps, id: string, cause: Cause): Promise<void> {
  for (;;) {
    const row = await deps.store.get<Rollout>(keys.rollout(id))
    if (row === undefined || terminalRollout(row.data.status)) return
    const counts = await readCounts(deps.store, row.data)
    const fleet = await deps.store.get<FleetRow>(keys.fleet(row.data.fleet))
    const verdict =
      barredVerdict(row.data, fleet?.data.bars ?? NO_BARS, deps.now()) ??
      decide(row.data, { counts, now: deps.now() })
    if (verdict.decision === 'wait') {
      deps.log.info('ROLLOUT_WAITS', { rollout: id, reason: verdict.reason })
      if (verdict.look !== undefined) await recordLook(deps, row, verdict.look)
      return
    }
    await enact(deps, row, verdict, cause)
  }
}

/** A look at a promotion that was not one spends error all the same. */
const recordLook = (deps: Core, row: Row<Rollout>, look: number): Promise<void> =>
  deps.store.commit([putRollout(row, { ...row.data, looks: [...row.data.looks, look] })])

/** What may not run is not rolled out either. */
function barredVerdict({ releases }: Rollout, bars: Bars, now: Date): RolloutDecision | undefined {
  const barred = Object.values(releases).find(release => isBarred(release, bars))
  if (barred === undefined) return undefined
  const reason = `${barred.model}@${barred.version} may not run any more`
  const at = now.toISOString()
  return { at, decision: 'roll-back', by: ENGINE, phase: '', reason, counts: {}, tests: [] }
}

/** Makes a decision come true: the rollout's next state and, where devices are told something else, a signed manifest. */
export async function enact(
  deps: FleetDeps,
  row: Row<Rollout>,
  decision: RolloutDecision,
  trigger: Cause,
): Promise<void> {
  const cause = chainOf(row.data, trigger)
  const fleetRow = await deps.store.get<FleetRow>(keys.fleet(row.data.fleet))
  const fleet = fleetRow?.data ?? newFleet(row.data.fleet)
  const other = await otherActive(deps, row.data, fleet)
  if (other !== undefined && outranks(other.data, row.data) && !terminalRollout(row.data.status))
    decision = superseded(decision, other.data)
  const newest = newestCommitted(fleet, row.data)
  // Its events came late: the loop never takes a fleet back to an older version, only people do.
  if (decision.decision === 'start' && row.data.createdBy === ENGINE && newest > row.data.version)
    decision = superseded(decision, { version: newest })
  const next = started(evolve(row.data, decision), fleet.slots, decision)
  if (!SIGNED.includes(decision.decision)) {
    await deps.store.commit([putRollout(row, next)], eventsOf(next, decision, 0), cause)
    if (next.status === 'HELD') deps.count('RolloutsHeld')
    return
  }
  const { [next.slot]: _ended, ...others } = fleet.active
  // One that ended long ago leaves the rollout that runs now alone.
  const active = terminalRollout(next.status)
    ? fleet.active[next.slot] === next.id
      ? others
      : fleet.active
    : { ...others, [next.slot]: next.id }
  const slots = applyToSlots(fleet.slots, next)
  const { write, counter } = await nextManifest(deps, fleetRow, { ...fleet, slots, active })
  const writes: Put[] = [putRollout(row, next), write]
  if (other !== undefined && decision.decision === 'start')
    writes.push(putRollout(other, evolve(other.data, superseded(decision, next))))
  writes.push(...(await crown(deps, row.data, next)))
  await deps.store.commit(writes, eventsOf(next, decision, counter), cause)
  if (next.status === 'ROLLED_BACK') deps.count('RolloutsRolledBack')
  if (next.status === 'COMPLETED') deps.count('RolloutsCompleted')
  await publishFleet(deps, next.fleet, cause)
}

/** A report or the clock may be what moves it on; its decisions belong to the chain that the rollout belongs to. */
const chainOf = ({ correlationId, generation }: Rollout, trigger: Cause): Cause =>
  correlationId === undefined ? trigger : { ...trigger, correlationId, generation }

/** Decisions that change what devices are to run. */
const SIGNED: readonly RolloutDecision['decision'][] = [
  ...(['start', 'activate', 'promote', 'complete', 'roll-back', 'abort'] as const),
]

/** A rollout remembers what the slot had when it began: that is where a roll-back leads. */
const started = (rollout: Rollout, slots: readonly ManifestSlot[], { decision }: RolloutDecision): Rollout =>
  decision !== 'start'
    ? rollout
    : {
        ...rollout,
        before: Object.fromEntries(
          Object.keys(rollout.releases).map(hw => [
            hw,
            slots.find(s => s.slot === rollout.slot && s.hardware === hw)?.committed ?? null,
          ]),
        ),
      }

/** Another rollout in flight in the same slot: the newer version wins. */
async function otherActive(deps: Core, rollout: Rollout, fleet: FleetRow): Promise<Row<Rollout> | undefined> {
  const id = fleet.active[rollout.slot]
  if (id === undefined || id === rollout.id) return undefined
  const other = await deps.store.get<Rollout>(keys.rollout(id))
  return other !== undefined && !terminalRollout(other.data.status) ? other : undefined
}
/** A person's rollout comes before the loop's; then the newer version. */
const outranks = (a: Rollout, b: Rollout): boolean =>
  (a.createdBy === ENGINE) === (b.createdBy === ENGINE) ? a.version > b.version : b.createdBy === ENGINE
const newestCommitted = ({ slots }: FleetRow, { slot, model, releases }: Rollout): number =>
  Math.max(
    0,
    ...slots.flatMap(({ committed, ...s }) =>
      s.slot === slot && Object.hasOwn(releases, s.hardware) && committed?.model === model
        ? [committed.version]
        : [],
    ),
  )
const superseded = (decision: RolloutDecision, by: Pick<Rollout, 'version'>): RolloutDecision => ({
  ...decision,
  decision: 'supersede',
  reason: `version ${by.version} took its place`,
})

function putRollout(row: Row<Rollout>, next: Rollout): Put<Rollout> {
  return put(row.key, next, row, {
    list: { pk: listings.rollouts, sk: `${next.createdAt}#${next.id}` },
    ...(terminalRollout(next.status)
      ? {}
      : { pending: { kind: 'rollout' as const, since: next.phaseSince } }),
  })
}

/** The completed version is the champion that challengers are measured against, until it is rolled back. */
async function crown(deps: Core, before: Rollout, { model, version, status }: Rollout): Promise<Put[]> {
  const deposed = status === 'ROLLED_BACK' && before.status === 'COMPLETED'
  if (status !== 'COMPLETED' && !deposed) return []
  const row = await deps.store.get<ModelRow>(keys.model(model))
  if (row === undefined || (deposed && row.data.champion !== version)) return []
  const { champion: _old, ...rest } = row.data
  const earlier = Object.values(before.before).find(release => release !== null)?.version
  const champion = deposed ? earlier : version
  const data: ModelRow = champion === undefined ? rest : { ...rest, champion }
  return [put(row.key, data, row, { list: { pk: listings.models, sk: model } })]
}

function eventsOf(rollout: Rollout, decision: RolloutDecision, counter: number): DomainEvent[] {
  const { id, model, version, fleet, shadow } = rollout
  const about = { rollout: id, model, version, fleet }
  const phase = rollout.phases[rollout.phase]
  const { reason } = decision
  switch (decision.decision) {
    case 'start':
    case 'activate':
    case 'promote': {
      const exposure = Math.max(0, ...Object.values(phase?.exposures ?? {}))
      const mode = shadow ? 'shadow' : 'active'
      return [
        {
          type: 'PhaseStarted',
          data: { rollout: id, phase: phase?.name ?? '', mode, exposure, fleet, counter },
        },
      ]
    }
    case 'complete':
      return [{ type: 'RolloutCompleted', data: { ...about, counter } }]
    case 'roll-back':
      return [{ type: 'RolloutRolledBack', data: { ...about, counter, reason } }]
    case 'abort':
      return [
        {
          type: 'RolloutAborted',
          data: { ...about, counter, reason, devices: decision.keep ? 'keep' : 'revert' },
        },
      ]
    case 'hold': {
      const { devicesNeeded } = decision
      const more = devicesNeeded === undefined ? {} : { devicesNeeded }
      return [{ type: 'RolloutHeld', data: { ...about, phase: phase?.name ?? '', reason, ...more } }]
    }
    default:
      return []
  }
}
