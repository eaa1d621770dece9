import { GetItemCommand } from '@aws-sdk/client-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { tableStore } from '../../src/adapters/table.ts'
import { type Key, put, type Write } from '../../src/domain/store.ts'
import { type StateTable, startStateTable } from './state-table.ts'

const now = () => new Date('2026-11-21T12:00:00.000Z')
let cloud: StateTable
beforeAll(async () => {
  cloud = await startStateTable()
})
afterAll(() => cloud?.close())
const key = (pk: string, sk = 'ROW'): Key => ({ pk, sk })

describe('the table alone', () => {
  const item = async (at: Key) =>
    (
      await cloud.client.send(
        new GetItemCommand({ TableName: cloud.table, Key: { pk: { S: at.pk }, sk: { S: at.sk } } }),
      )
    ).Item
  it('gives a row its time to live in seconds and takes it away again; an addition does not move it', async () => {
    const store = tableStore(cloud.table, now, cloud.client)
    const at = key('TTL')
    await store.commit([put(at, 1, undefined, { ttl: 4_000_000_000 })])
    expect((await item(at))?.['ttl']).toEqual({ N: '4000000000' })
    await store.commit([put(at, 2, await store.get(at))])
    expect(await item(at)).not.toHaveProperty('ttl')
    const counted = key(at.pk, 'sum')
    const add = (ttl: number): Write => ({ kind: 'add', key: counted, by: { n: 1 }, ttl })
    await store.commit([add(4_000_000_000)])
    await store.commit([add(5_000_000_000)])
    expect((await item(counted))?.['ttl']).toEqual({ N: '4000000000' })
  })

  it('says what it did when the table is not there or the row too large', async () => {
    const nowhere = tableStore('no-such-table', now, cloud.client)
    await expect(nowhere.get(key('x'))).rejects.toMatchObject({
      code: 'NOT_FOUND',
      message: expect.stringContaining('read the state table'),
    })
    const store = tableStore(cloud.table, now, cloud.client)
    const large = store.commit([put(key('LARGE'), 'x'.repeat(410_000), undefined)])
    await expect(large).rejects.toMatchObject({
      code: 'ILLEGAL_STATE',
      message: expect.stringMatching(/size/i),
    })
  })
})
