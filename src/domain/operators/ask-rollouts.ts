import { DEFAULT_LIMIT } from '../../contracts/api/operation.ts'
import { keys, listings } from '../entities.ts'
import { InputError } from '../errors.ts'
import type { DeviceEvidence } from '../rollout/evidence.ts'
import type { Rollout } from '../rollout/types.ts'
import { rolloutSummary, rolloutView } from '../rollout/view.ts'
import { fits, found, listed, type Questions } from './ask.ts'

const read = async (store: { get: Parameters<typeof rolloutView>[0]['get'] }, id: string): Promise<Rollout> =>
  found(await store.get<Rollout>(keys.rollout(id)), 'rollout', id)

export const rolloutQuestions: Questions<'listRollouts' | 'getRollout' | 'listRolloutDevices'> = {
  async listRollouts({ store }, { query: { model, fleet, status, ...paged } }) {
    const { items, next } = await listed<Rollout, ReturnType<typeof rolloutSummary>>(
      store,
      { listing: listings.rollouts },
      {
        ...{ ...paged, newestFirst: true },
        filters: [model, fleet, status].some(f => f !== undefined),
        view: ({ data }) =>
          fits(model, data.model) && fits(fleet, data.fleet) && fits(status, data.status)
            ? rolloutSummary(data)
            : undefined,
      },
    )
    return { rollouts: items, next }
  },
  async getRollout({ store, now }, { path: { rollout } }) {
    return rolloutView(store, await read(store, rollout), now())
  },
  /** Shard by shard: the cursor says in which one, and where in it. */
  async listRolloutDevices({ store }, { path: { rollout: id }, query: { outcome, arm, cursor, limit } }) {
    const rollout = await read(store, id)
    const [, shardText = '0', inner = ''] =
      cursor === undefined ? [] : (/^(\d{1,4})\.(.*)$/.exec(cursor) ?? [])
    const shard = Number(shardText)
    if (cursor !== undefined && (!/^\d{1,4}\./.test(cursor) || shard >= rollout.shards))
      throw new InputError(
        'BAD_CURSOR',
        'cursor must be `next` of an earlier page of the same list',
        'cursor',
      )
    const devices: DeviceEvidence[] = []
    const wanted = (data: DeviceEvidence): boolean =>
      cameTo(data, outcome) && (arm === undefined || Object.values(data.phases).at(-1)?.arm === arm)
    let at: { readonly shard: number; readonly cursor: string | undefined } | undefined = {
      ...{ shard, cursor: inner === '' ? undefined : inner },
    }
    // Most shards of a small rollout hold a device or two: many are read for one page, one after the other.
    let looked = 0
    for (let look = 0; look < SHARDS_A_PAGE && looked < ROWS_A_PAGE && at !== undefined; look++) {
      const from: { readonly shard: number; readonly cursor: string | undefined } = at
      const page = await listed<DeviceEvidence, DeviceEvidence>(
        store,
        { pk: keys.evidence(id, from.shard, '').pk, prefix: 'DEVICE#' },
        {
          ...{ limit: (limit ?? DEFAULT_LIMIT) - devices.length, cursor: from.cursor, looks: 1 },
          filters: outcome !== undefined || arm !== undefined,
          view: ({ data }) => (wanted(data) ? data : undefined),
        },
      )
      devices.push(...page.items)
      looked += page.looked
      const behind =
        from.shard + 1 < rollout.shards ? { shard: from.shard + 1, cursor: undefined } : undefined
      at = page.next === null ? behind : { shard: from.shard, cursor: page.next }
      if (devices.length >= (limit ?? DEFAULT_LIMIT)) break
    }
    return { devices, next: at === undefined ? null : `${at.shard}.${at.cursor ?? ''}` }
  },
}
function cameTo({ started, outcome }: DeviceEvidence, wanted: string | undefined): boolean {
  if (wanted === undefined) return true
  if (wanted === 'UNSUCCESSFUL') return outcome === 'FAILED' || outcome === 'REFUSED'
  if (wanted === 'UNDER_WAY') return started && outcome === null
  return (outcome ?? 'NONE') === wanted
}

const SHARDS_A_PAGE = 64
const ROWS_A_PAGE = 1_000
