/** What must hold when the network is whole again, every device is on and nothing is under way. */
import type { DeviceRow } from '../../../src/domain/entities.ts'
import { keys } from '../../../src/domain/entities.ts'
import { waitsFor } from '../../../src/domain/rollout/commands.ts'
import type { DeviceEvidence } from '../../../src/domain/rollout/evidence.ts'
import { shardOf } from '../../../src/domain/rollout/evidence.ts'
import { type Rollout, terminalRollout } from '../../../src/domain/rollout/types.ts'
import { wantOf } from './checks.ts'
import type { FieldDevice } from './field.ts'
import { SLOT } from './products.ts'
import type { Race } from './race.ts'

/** Everything that is not at rest, in words; nothing when all is. */
export function restFaults(race: Race): string[] {
  return [
    ...cloud(race),
    ...race.devices.flatMap(device => field(race, device)),
    ...ledger(race),
    ...commands(race),
    ...race.rollouts().flatMap(rollout => inFlight(race, rollout)),
  ]
}

function cloud({ backend, broker, store, fleet }: Race): string[] {
  const outbox = [...store.rows.keys()].filter(key => key.startsWith('OUTBOX#')).length
  return [
    ...(outbox > 0 ? [`${outbox} events are in the outbox`] : []),
    ...(backend.jobs.length + backend.runs.size > 0 ? [`${backend.jobs.length} deliveries wait`] : []),
    ...(broker.flights.length > 0 ? [`${broker.flights.length} messages are under way`] : []),
    ...(fleet !== undefined && fleet.published < fleet.counter ? ['a manifest is not published'] : []),
  ]
}

function field(race: Race, device: FieldDevice): string[] {
  const { thing, durable, online } = device
  const say = (text: string): string[] => [`${thing} ${text}`]
  if (!online || durable === undefined) return say('is not connected')
  const { fleet, checks } = race
  const { manifest } = durable.trust
  if (fleet?.envelope === undefined) return []
  if (manifest?.epoch !== fleet.epoch || manifest.counter !== fleet.counter)
    return say(`is at ${manifest?.epoch}.${manifest?.counter}, the fleet at ${fleet.epoch}.${fleet.counter}`)
  if (durable.outbox.length > 0) return say(`keeps ${durable.outbox.length} reports`)
  const slot = durable.slots[SLOT]!
  if (slot.job !== null) return say(`has an update in hand: ${JSON.stringify(slot.job)}`)
  const entry = checks.entry(durable)
  if (entry === undefined) return say('has taken a manifest that nobody signed')
  const want = wantOf(entry, thing)
  const [active, wanted] = [slot.active?.bundle.sha256, want.active?.bundle.sha256]
  const failed = (bundle: string): boolean =>
    [...checks.kept.values()].some(
      r =>
        r.thing === thing &&
        r.body.bundle === bundle &&
        r.body.manifest.counter === fleet.counter &&
        gaveUp(r.body.code),
    )
  if (wanted !== undefined && active !== wanted && !failed(wanted))
    return say(`runs ${slot.active?.version}, wanted is ${want.active?.version}`)
  const [beside, shadow] = [slot.shadow?.release.bundle.sha256, want.shadow?.bundle.sha256]
  if (beside !== shadow && !(shadow !== undefined && failed(shadow)))
    return say(`has ${beside?.slice(0, 8)} in the shadow, wanted is ${shadow?.slice(0, 8)}`)
  if (slot.shadow !== null && !slot.shadow.ready) return say('has a shadow that does not run')
  const known = race.row<DeviceRow>(keys.device(thing))?.slots[SLOT]?.bundle ?? null
  // One that stopped because it was barred is known not to run; what answers in its place, by the next hello.
  if (known !== (active ?? null) && !(known === null && saidBarred(race, thing)))
    return say(`runs ${active?.slice(0, 8)}, and the cloud believes ${known?.slice(0, 8)}`)
  return []
}
const saidBarred = ({ checks }: Race, thing: string): boolean =>
  [...checks.kept.values()].some(r => r.thing === thing && r.body.code?.startsWith('RELEASE_'))
const gaveUp = (code: string | undefined): boolean => code !== undefined && code !== 'FETCH_FAILED'

/** Every terminal report that a device ever wrote down came to the cloud, and none says the same thing twice. */
function ledger({ checks }: Race): string[] {
  const found: string[] = []
  const ends = new Map<string, number>()
  for (const [number, { thing, body }] of checks.kept) {
    if (!checks.recorded(thing, number.split(' ')[1]!)) found.push(`report ${number} never came`)
    const { bundle, manifest, step, code = '', rollout } = body
    // About a document, or about a model that may not run any more: said beside what became of an update.
    if (/^(ROOT|BEACON|MANIFEST|RELEASE)_/.test(code)) continue
    const count = (what: string) => ends.set(what, (ends.get(what) ?? 0) + 1)
    count(
      `${thing} ${manifest.epoch}.${manifest.counter} ${bundle.slice(0, 8)} ${code === 'FETCH_FAILED' ? code : ''}`,
    )
    if (step === 'COMMITTED' && rollout !== undefined) count(`${thing} COMMITTED ${rollout}`)
  }
  for (const [what, times] of ends) if (times > 1) found.push(`${times} outcomes of ${what}`)
  return found
}

/** What a person said, and was told that it is taken, is done, noted as no longer fitting, or before a person again. */
function commands(race: Race): string[] {
  const lost = race.backend.undelivered.map(
    ({ event }) => (event as { detail?: { data?: { id?: string } } }).detail?.data?.id,
  )
  const done = new Set([...race.rollouts().flatMap(r => r.history.map(d => d.command)), ...lost])
  const open = [...race.checks.taken].filter(id => !done.has(id))
  const dropped = race.backend.logs.get('COMMAND_DROPPED') ?? 0
  return open.length > dropped ? [`commands came to nothing: ${open.join(', ')}`] : []
}

/** A rollout that is not over waits for a person, and has heard every device that takes part. */
function inFlight(race: Race, rollout: Rollout): string[] {
  const { id, status, shadow } = rollout
  if (terminalRollout(status)) return []
  if (status === 'PLANNED')
    return waitsFor(rollout) === undefined ? [`${id} is PLANNED and waits for nobody`] : []
  if (race.fleet?.active[rollout.slot] !== id) return [`${id} is ${status} and not the one in flight`]
  if (status === 'RUNNING' && waitsFor(rollout) === undefined) return [`${id} still runs`]
  return race.devices.flatMap(({ thing, durable }) => {
    const entry = durable && race.checks.entry(durable)
    if (entry === undefined || wantOf(entry, thing).rollout !== id || shadow) return []
    const row = race.row<DeviceEvidence>(keys.evidence(id, shardOf(rollout, thing), thing))
    const { outcome = null } = row ?? {}
    return outcome === null || outcome === 'RETRYABLE' ? [`${id} has ${outcome} of ${thing}`] : []
  })
}
