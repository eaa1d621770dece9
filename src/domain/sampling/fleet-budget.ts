import { type FleetRow, keys, type ModelRow, type SamplingBudgetRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import { put } from '../store.ts'

const DAY_MS = 86_400_000
/** The beacon's check comes once an hour; a little less, so that none is passed over. */
const LEAST_MS = 50 * 60_000
/** A change of the factor is a manifest for every device: below this it is not worth one. */
const DEADBAND = 0.1
const LEAST_FACTOR = 1e-4

/**
 * The factor for the next hour. What comes is about proportional to it, so one step leads to the budget; it may fall at
 * once and only double on its way up, since an hour without samples says little.
 * @param items samples that came in `elapsedMs` while `factor` was in force
 */
export function nextFactor(
  factor: number,
  itemsPerDay: number,
  { items, elapsedMs }: { readonly items: number; readonly elapsedMs: number },
): number {
  const perDay = (items * DAY_MS) / elapsedMs
  const wanted = perDay === 0 ? 1 : (factor * itemsPerDay) / perDay
  const next = Number(Math.max(LEAST_FACTOR, Math.min(1, 2 * factor, wanted)).toPrecision(3))
  return Math.abs(next / factor - 1) < DEADBAND && next !== 1 ? factor : next
}

export const budgetOf = async ({ store }: Pick<Core, 'store'>, model: string) =>
  store.get<SamplingBudgetRow>(keys.samplingBudget(model))

/** Brings the factors of a fleet's models up to what came since the last look. Two rows are read per model, however many devices there are. */
export async function adjustFactors(core: Core, fleet: FleetRow): Promise<void> {
  for (const model of modelsOf(fleet)) {
    const config = (await core.store.get<ModelRow>(keys.model(model)))?.data.config
    const itemsPerDay = config?.sampling.fleet?.itemsPerDay
    if (itemsPerDay === undefined) continue
    const before = await budgetOf(core, model)
    const at = core.now().getTime()
    const items = (await core.store.get(keys.sampled(model)))?.counters['items'] ?? 0
    const since = before?.data
    const elapsedMs = since === undefined ? 0 : at - Date.parse(since.at)
    if (since !== undefined && elapsedMs < LEAST_MS) continue
    const factor =
      since === undefined
        ? 1
        : nextFactor(since.factor, itemsPerDay, { items: items - since.items, elapsedMs })
    if (factor !== (since?.factor ?? 1))
      core.log.info('SAMPLING_FACTOR', { model, factor, items, itemsPerDay })
    const next: SamplingBudgetRow = { model, factor, items, at: new Date(at).toISOString() }
    await core.store.commit([put(keys.samplingBudget(model), next, before)])
  }
}

const modelsOf = ({ slots }: FleetRow): Set<string> =>
  new Set(slots.flatMap(s => [s.committed?.model, s.candidate?.release.model]).filter(m => m !== undefined))
