import { type DatasetRow, keys, type VersionRow } from '../entities.ts'
import type { Rollout } from '../rollout/types.ts'
import type { Store } from '../store.ts'

/** A person has looked: what was rejected before no longer counts. */
export interface BreakerRow {
  readonly resetAt: string
  readonly by: string
  readonly request: string
  readonly reason: string
}
export interface BreakerFacts {
  /** Challengers in a row that came to nothing, newest first. */
  readonly rejected: readonly number[]
  /** They are counted from here on: the newest drop, or a person's reset. */
  readonly since?: string
}

/** More than the largest `circuitBreaker.rejected`, since versions in flight are passed over. */
const LOOKED_AT = 32

/**
 * Trained challengers, newest first, up to one that reached the whole fleet: how many did the gate reject or a rollout
 * take back? One that is on its way, whose training failed or whose rollout a person ended says nothing either way.
 * @param newest versions, newest first
 */
export async function rejectedInRow(
  store: Pick<Store, 'get' | 'query'>,
  model: string,
  newest: readonly VersionRow[],
): Promise<BreakerFacts> {
  const since = await countedSince(store, model)
  const rejected: number[] = []
  for (const version of newest.filter(v => v.origin === 'training').slice(0, LOOKED_AT)) {
    if (version.requestedAt < (since ?? '')) break
    const outcome = await outcomeOf(store, version)
    if (outcome === 'accepted') break
    if (outcome === 'rejected') rejected.push(version.version)
  }
  return { rejected, ...(since === undefined ? {} : { since }) }
}

async function outcomeOf(
  store: Pick<Store, 'get'>,
  { status, model, version }: VersionRow,
): Promise<'accepted' | 'rejected' | undefined> {
  if (status === 'REJECTED') return 'rejected'
  if (status !== 'PACKAGED') return undefined
  const rollout = (await store.get<Rollout>(keys.rollout(`${model}-v${version}`)))?.data.status
  if (rollout === 'ROLLED_BACK') return 'rejected'
  return rollout === 'COMPLETED' ? 'accepted' : undefined
}

async function countedSince(store: Pick<Store, 'get' | 'query'>, model: string): Promise<string | undefined> {
  const datasets = await store.query<DatasetRow>(keys.model(model).pk, 'DATASET#')
  const reset = (await store.get<BreakerRow>(keys.breaker(model)))?.data.resetAt
  return [...datasets.map(d => d.data.registeredAt), ...(reset === undefined ? [] : [reset])].sort().at(-1)
}
