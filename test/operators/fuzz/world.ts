/** What the fuzzer has to know of the world, and whether the world is as it was. */
import { createHash } from 'node:crypto'
import { DynamoDBClient, paginateScan } from '@aws-sdk/client-dynamodb'
import { exampleOf, namesOf, urlOf } from '../../../scripts/lib/api/requests.ts'
import type { ApiWorld } from '../../../scripts/lib/api/world.ts'
import type { OperationName } from '../../../src/contracts/api/index.ts'
import { documented } from '../documented.ts'
import type { Known } from './shots.ts'

/** Schedules stand still, so that only requests change what there is; and what is asked is answered, not throttled. */
export const FROZEN = {
  minuteMs: 3_600_000,
  parameters: { ApiRequestsPerSecond: '100000', ApiRequestBurst: '50000' },
}
/** Rollouts that wait for their start, so that commands find some that they fit. */
const PLANNED = 12

async function planned({ send, eventually }: ApiWorld): Promise<string[]> {
  const ids: string[] = []
  for (let i = 0; i < PLANNED; i++) {
    const asked = { model: 'cold-chain', version: 1, start: false, reason: `to be fuzzed ${i}` }
    const { status, body } = await send('operator', 'POST', '/v1/rollouts', asked)
    if (status !== 202) throw new Error(`no rollout was planned: ${JSON.stringify(body)}`)
    const { rollout } = body as { rollout: string }
    await eventually(`rollout ${rollout}`, async () => {
      const found = await send('operator', 'GET', `/v1/rollouts/${rollout}`)
      return found.status === 200 ? true : undefined
    })
    ids.push(rollout)
  }
  return ids
}

/** Names, cursors and ETags that there are. */
export async function knownOf(world: ApiWorld): Promise<Known> {
  const names = await namesOf(world)
  const list = async (path: string, items: string, name: string): Promise<string[]> => {
    const { body } = await world.send('operator', 'GET', path)
    return (body as Record<string, Record<string, unknown>[]>)[items]?.map(item => String(item[name])) ?? []
  }
  const rollouts = await planned(world)
  const things = await list('/v1/fleets/containers/devices?limit=20', 'devices', 'thing')
  const reviews = await list('/v1/reviews?model=cold-chain&limit=40', 'reviews', 'review')
  const eventIds = await list('/v1/models/cold-chain/samples?limit=20', 'samples', 'eventId')
  const models = ['cold-chain', 'cold-chain', 'cold-chain', 'nobody']
  const versions = ['1', '1', '2', '3']
  const cursors: Record<string, string[]> = {}
  const etags: string[] = []
  for (const operation of documented) {
    const request = operation.method === 'GET' && exampleOf(operation.id as OperationName, names)
    if (!request) continue
    const asked = operation.parameters.some(p => p.name === 'limit')
      ? { ...request, query: { ...request.query, limit: '1' } }
      : request
    const { headers, body } = await world.send('operator', 'GET', urlOf(operation.path, asked))
    const { next } = body as { next?: string | null }
    if (next) cursors[operation.id] = [next]
    const etag = headers.get('etag')
    if (etag !== null) etags.push(etag)
  }
  const pools = {
    ...{ model: models, minimumRelease: versions, version: versions },
    ...{ fleet: ['containers', 'containers', 'nowhere'], hardware: ['gateway-arm64', 'toaster'] },
    ...{ thing: [...things, 'nobody'], things, serial: [...things, 'new-1', 'new-2', 'new-3'] },
    ...{ review: [...reviews, 'cold-chain.none'], eventId: [...eventIds, 'nobody-1-1'] },
    ...{ rollout: ['cold-chain-v1', 'cold-chain-v2', ...rollouts, 'cold-chain-v9'] },
    ...{ digest: [names.bundle, 'f'.repeat(64)], revokedBundle: [names.bundle, 'f'.repeat(64)] },
    ...{
      decision: [names.decision, 'none'],
      window: [names.window, '0'],
      label: ['0', '1', '2'],
      data: ['0', '1', 'x'],
    },
    ...{ queue: ['reports-dead', 'failures', 'undelivered', 'no-such'] },
  }
  return { pools, cursors, etags }
}

/** Digest of every row of the stack's tables. */
export async function stateDigest({ cloud }: ApiWorld): Promise<string> {
  const client = new DynamoDBClient({
    ...{ endpoint: cloud.endpoint, region: cloud.realm.region, credentials: cloud.credentials },
  })
  try {
    const rows: string[] = []
    for (const name of ['StateTableName', 'QuarantineTableName'])
      for await (const { Items = [] } of paginateScan({ client }, { TableName: String(cloud.outputs[name]) }))
        for (const item of Items)
          rows.push(JSON.stringify(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1))))
    return createHash('sha256').update(rows.sort().join('\n')).digest('hex')
  } finally {
    client.destroy()
  }
}

/** Waits until nothing is written any more, and says the digest of that state. */
export async function quiet(world: ApiWorld): Promise<string> {
  let last = ''
  return world.eventually('a state that stays as it is', async () => {
    const now = await stateDigest(world)
    const same = now === last
    last = now
    if (same) return now
    await new Promise(resolve => setTimeout(resolve, 1_500))
    return undefined
  })
}
