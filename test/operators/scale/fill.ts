import { type AttributeValue, BatchWriteItemCommand, type DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { tableStore } from '../../../src/adapters/table.ts'
import type { Key, Put, Write } from '../../../src/domain/store.ts'

const BATCH = 25
const TOGETHER = 8

/** Writes many rows: puts in batches, as items like those of transactions; counters added up first. */
export async function fill(client: DynamoDBClient, table: string, writes: Iterable<Write>): Promise<number> {
  const counters = new Map<string, { key: Key; by: Record<string, number> }>()
  let batch: Put[] = []
  let written = 0
  const running = new Set<Promise<unknown>>()
  const flush = async (): Promise<void> => {
    const puts = batch
    batch = []
    written += puts.length
    const sent = client
      .send(
        new BatchWriteItemCommand({
          RequestItems: { [table]: puts.map(write => ({ PutRequest: { Item: itemOf(write) } })) },
        }),
      )
      .then(({ UnprocessedItems = {} }) => {
        if (Object.keys(UnprocessedItems).length > 0) throw new Error('the table did not take a batch')
      })
      .finally(() => running.delete(sent))
    running.add(sent)
    if (running.size >= TOGETHER) await Promise.race(running)
  }
  for (const write of writes) {
    if (write.kind === 'put') {
      batch.push(write)
      if (batch.length === BATCH) await flush()
    } else if (write.kind === 'add') {
      const name = `${write.key.pk}/${write.key.sk}`
      const known = counters.get(name) ?? { key: write.key, by: {} }
      for (const [counter, by] of Object.entries(write.by)) known.by[counter] = (known.by[counter] ?? 0) + by
      counters.set(name, known)
    } else throw new Error(`a world is not made by ${write.kind}`)
  }
  if (batch.length > 0) await flush()
  await Promise.all(running)
  const store = tableStore(table, () => new Date(), client)
  for (const { key, by } of counters.values()) await store.commit([{ kind: 'add', key, by }])
  return written + counters.size
}

function itemOf({ key, data, list, pending, ttl }: Put): Record<string, AttributeValue> {
  return {
    ...{ pk: { S: key.pk }, sk: { S: key.sk }, data: { S: JSON.stringify(data) }, rev: { N: '1' } },
    ...(list ? { lpk: { S: list.pk }, lsk: { S: list.sk } } : {}),
    ...(pending ? { pending: { S: pending.kind }, since: { S: pending.since } } : {}),
    ...(ttl === undefined ? {} : { ttl: { N: String(ttl) } }),
  }
}
