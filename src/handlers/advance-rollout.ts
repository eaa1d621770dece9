import * as z from 'zod'
import { deviceLink } from '../adapters/devices.ts'
import { kmsSigner } from '../adapters/signer.ts'
import { sqsEvent } from '../contracts/aws.ts'
import type { Bars } from '../contracts/manifest.ts'
import { standsRevoked } from '../domain/device/revoked.ts'
import { type DeviceRow, type FleetRow, keys, listings } from '../domain/entities.ts'
import { EdgeloopError } from '../domain/errors.ts'
import type { Core } from '../domain/ports.ts'
import { advance, enact } from '../domain/rollout/advance.ts'
import { command } from '../domain/rollout/commands.ts'
import { type FleetDeps, NO_BARS, publishFleet, renewFleet } from '../domain/rollout/fleet.ts'
import { activeRollout, evidenceWrites, readCounts } from '../domain/rollout/record.ts'
import { type Rollout, type RolloutDecision, terminalRollout } from '../domain/rollout/types.ts'
import { adjustFactors } from '../domain/sampling/fleet-budget.ts'
import type { Cause } from '../domain/store.ts'
import { KeyNotTrusted } from '../domain/trust/anchors.ts'
import { type BatchResponse, eachGroup, eachRecord } from '../runtime/batch.ts'
import { follow, remark } from '../runtime/chain.ts'
import { type BusEvent, fromBus, parseBusEvent, retryOnConflict } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

const TRIGGERS = [
  'RolloutPlanned',
  'RolloutCommanded',
  'DeviceSilent',
  'CheckDue',
  'TrustRootPublished',
  'ReleaseBarred',
  'ModelConfigured',
  'BurstRequested',
] as const
type Trigger = BusEvent<(typeof TRIGGERS)[number]>

/**
 * A rollout was planned, a device reported or fell silent, a person said something, time passed, a release was barred,
 * the trust root or what devices are to sample changed: the engine decides, and a decision becomes a signed manifest. The manifest is committed
 * with its counter before it is published, so two manifests with one counter never differ; what was committed and not
 * published is published by whoever comes next. Nothing is signed while the trust root does not list the key.
 */
export const advanceRollout = (deps: FleetDeps) => {
  const one = fromBus(deps, async event => {
    const trigger = parseBusEvent(event, TRIGGERS)
    if (trigger.type === 'DeviceSilent') await recordSilence(deps, trigger)
    // A person's word is nowhere but in its event: it must not be taken as done.
    if (trigger.type === 'RolloutCommanded') await act(deps, trigger)
    else await whileTrusted(deps, () => act(deps, trigger))
  })
  return async (event: unknown) => {
    const batch = sqsEvent.safeParse(event)
    return batch.success ? reported(deps, batch.data) : one(event)
  }
}

/** Reports come by the thousand: however many a batch has of a slot, the engine looks at its counters once. */
async function reported(deps: FleetDeps, { Records }: z.infer<typeof sqsEvent>): Promise<BatchResponse> {
  const slots = new Map<string, { fleet: string; slot: string; cause: Cause; records: string[] }>()
  const { batchItemFailures } = await eachRecord(
    Records,
    r => r.messageId,
    deps.log,
    ({ messageId, body }) =>
      fromBus(deps, async event => {
        const { data, cause } = parseBusEvent(event, ['DeviceReported'])
        const id = `${data.fleet} ${data.slot}`
        const { records } = slots.get(id) ?? { records: [] }
        slots.set(id, { fleet: data.fleet, slot: data.slot, cause, records: [...records, messageId] })
      })(JSON.parse(body)),
  )
  const failed = await eachGroup(slots, deps.log, ({ fleet, slot, cause, records }) => {
    remark({ eventType: 'DeviceReported', records: records.length })
    follow(cause)
    return retryOnConflict(() =>
      whileTrusted(deps, async () => {
        await publishFleet(deps, fleet)
        const rollout = await activeRollout(deps.store, fleet, slot)
        if (rollout !== undefined) await advance(deps, rollout.data.id, cause)
      }),
    )
  })
  return { batchItemFailures: [...batchItemFailures, ...failed] }
}

async function act(deps: FleetDeps, trigger: Trigger): Promise<void> {
  const { cause } = trigger
  switch (trigger.type) {
    case 'TrustRootPublished':
      return renewAll(deps, NO_BARS, cause)
    case 'ReleaseBarred':
      return renewAll(deps, barsOf(trigger.data), cause)
    case 'ModelConfigured':
    case 'BurstRequested':
      return renew(deps, trigger.data.fleet, NO_BARS, cause)
    case 'CheckDue':
      if (trigger.data.kind === 'fleet') {
        await budget(deps, trigger.data.subject)
        return renew(deps, trigger.data.subject, NO_BARS, cause)
      }
      return trigger.data.kind === 'rollout' ? advance(deps, trigger.data.subject, cause) : undefined
    case 'DeviceSilent':
      for (const id of await activeIn(deps, trigger.data.fleet)) await advance(deps, id, cause)
      return
  }
  // First of all what an interrupted run left unpublished: its rollout may have ended with that run.
  await publishFleet(deps, trigger.data.fleet)
  if (trigger.type === 'RolloutCommanded') await obey(deps, trigger)
  await advance(deps, trigger.data.rollout, cause)
}

const activeIn = async (deps: Core, fleet: string): Promise<readonly string[]> =>
  Object.values((await deps.store.get<FleetRow>(keys.fleet(fleet)))?.data.active ?? {})

/** What cannot be signed now stays pending; the reconciler comes back to it. */
async function whileTrusted(deps: FleetDeps, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof KeyNotTrusted)) throw error
    deps.count('SigningBlocked')
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

/** Once an hour, with the beacon. */
async function budget(deps: FleetDeps, fleet: string): Promise<void> {
  const row = await deps.store.get<FleetRow>(keys.fleet(fleet))
  if (row !== undefined) await adjustFactors(deps, row.data)
}

/** Brings a fleet's manifest and beacon up to the trust root, the bars and the sampling policies, and ends a rollout of what is barred now. */
async function renew(deps: FleetDeps, fleet: string, bars: Bars, cause: Cause): Promise<void> {
  const row = await deps.store.get<FleetRow>(keys.fleet(fleet))
  if (row === undefined) return
  const manifest = await renewFleet(deps, row, bars)
  if (manifest !== undefined) await deps.store.commit([manifest.write], [], cause)
  await publishFleet(deps, fleet)
  for (const id of Object.values(row.data.active)) await advance(deps, id, cause)
}

/** Silence after an update is harm, and in the control arm it is what harm is measured against. */
async function recordSilence(deps: FleetDeps, { data }: BusEvent<'DeviceSilent'>): Promise<void> {
  const device = (await deps.store.get<DeviceRow>(keys.device(data.thing)))?.data
  if (device === undefined || standsRevoked(device)) return
  for (const id of await activeIn(deps, data.fleet)) {
    const rollout = (await deps.store.get<Rollout>(keys.rollout(id)))?.data
    if (rollout === undefined || terminalRollout(rollout.status)) continue
    // It counts in the phase in which it was last heard.
    await deps.store.commit(
      await evidenceWrites(deps.store, rollout, device, { kind: 'silent' }, new Date(data.lastSeen)),
    )
  }
}

/** A person's word, once; what does not fit the rollout any more is noted and dropped. */
async function obey(deps: FleetDeps, { data, cause }: BusEvent<'RolloutCommanded'>): Promise<void> {
  const row = await deps.store.get<Rollout>(keys.rollout(data.rollout))
  if (row === undefined || row.data.history.some(d => d.command === data.id)) return
  const counts = await readCounts(deps.store, row.data)
  let decision: RolloutDecision
  try {
    decision = command(row.data, data.command, data.by, counts, deps.now())
  } catch (error) {
    if (!(error instanceof EdgeloopError && ['ILLEGAL_STATE', 'FORBIDDEN'].includes(error.code))) throw error
    deps.log.warn('COMMAND_DROPPED', {
      rollout: data.rollout,
      command: data.command.command,
      reason: error.message,
    })
    return
  }
  await enact(deps, row, { ...decision, command: data.id }, cause)
}

export const handler = lambda({ DEPLOYMENT_KEY_ID: z.string().min(1) }, (env, core) =>
  advanceRollout({ ...core, link: deviceLink(), deploymentKey: kmsSigner(env.DEPLOYMENT_KEY_ID) }),
)
