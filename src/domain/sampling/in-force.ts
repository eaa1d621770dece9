import type { ManifestSlot, Release } from '../../contracts/manifest.ts'
import type { SlotSampling } from '../../contracts/sampling-policy.ts'
import { type BurstRow, type FleetRow, keys, type ModelRow, type VersionRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import { canonicalJson } from '../training/plan.ts'
import { budgetOf } from './fleet-budget.ts'
import { devicePolicy, policyDigest } from './policy.ts'

/**
 * The fleet with the sampling policies that hold now. A slot names one only where it is not what its packages carry:
 * model.yaml has another since, the fleet's budget lowers it, or a burst is on. The same object when nothing changes.
 */
export async function withSampling(core: Pick<Core, 'store' | 'now'>, fleet: FleetRow): Promise<FleetRow> {
  const slots: ManifestSlot[] = []
  for (const slot of fleet.slots) {
    const { sampling: before, ...rest } = slot
    const sampling = await samplingOf(core, fleet.fleet, slot)
    const same = canonicalJson(sampling ?? null) === canonicalJson(before ?? null)
    slots.push(same ? slot : { ...rest, ...(sampling === undefined ? {} : { sampling }) })
  }
  return slots.every((slot, i) => slot === fleet.slots[i]) ? fleet : { ...fleet, slots }
}

async function samplingOf(
  core: Pick<Core, 'store' | 'now'>,
  fleet: string,
  { slot, hardware, committed, candidate }: ManifestSlot,
): Promise<SlotSampling | undefined> {
  const releases: Release[] = [committed, candidate?.release ?? null].filter(r => r !== null)
  const model = releases[0]?.model
  // While a slot goes from one model to another, each package has its own.
  if (model === undefined || releases.some(r => r.model !== model)) return undefined
  const config = (await core.store.get<ModelRow>(keys.model(model)))?.data.config
  if (config === undefined || config.fleet !== fleet || config.slot !== slot) return undefined
  const said = devicePolicy(config.sampling)
  const policy = policyDigest(said)
  const budget = config.sampling.fleet === undefined ? undefined : await budgetOf(core, model)
  const factor = budget?.data.factor ?? 1
  const burst = await burstFor(core, model, hardware)
  if (factor === 1 && burst === undefined && (await inPackages(core, releases, policy))) return undefined
  return { policy, factor, ...(burst === undefined ? {} : { burst }), ...said }
}

async function inPackages(
  { store }: Pick<Core, 'store'>,
  releases: readonly Release[],
  policy: string,
): Promise<boolean> {
  for (const { model, version } of releases) {
    const row = await store.get<VersionRow>(keys.version(model, version))
    if (row !== undefined && policyDigest(devicePolicy(row.data.config.sampling)) !== policy) return false
  }
  return true
}

/** A slot's manifest entry names the things of its own hardware alone: it has an end at 128 KB. */
async function burstFor(
  { store, now }: Pick<Core, 'store' | 'now'>,
  model: string,
  hardware: string,
): Promise<SlotSampling['burst'] | undefined> {
  const row = (await store.get<BurstRow>(keys.burst(model)))?.data
  if (row === undefined || Date.parse(row.until) <= now().getTime()) return undefined
  const { burst: id, count, until, things } = row
  if (things === 'all') return { id, things, count, until }
  const own = Object.hasOwn(things, hardware) ? things[hardware] : undefined
  return own === undefined ? undefined : { id, things: [...own], count, until }
}
