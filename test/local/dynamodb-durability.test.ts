import { appendFileSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { DeleteItemCommand } from '@aws-sdk/client-dynamodb'
import { GetCommand, PutCommand, QueryCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb'
import { afterEach, describe, expect, it } from 'vitest'
import { openJournal } from '../../local/dynamodb/journal.ts'
import { type DynamoDbCloud, startDynamoDb, tableProperties } from './dynamodb-cloud.ts'
import { createHarness, removeFolder } from './dynamodb-harness.ts'

const folders: string[] = []
const newFolder = (): string => {
  const { dir } = createHarness().realm
  folders.push(dir)
  return dir
}
afterEach(() => {
  for (const dir of folders.splice(0)) removeFolder(dir)
})

const properties = { ...tableProperties('kept'), StreamSpecification: { StreamViewType: 'NEW_IMAGE' } }
const put = (cloud: DynamoDbCloud, sk: string, v: unknown) =>
  cloud.documents.send(new PutCommand({ TableName: 'kept', Item: { pk: 'a', sk, v, g: 'G', n: 1 } }))
const get = async (cloud: DynamoDbCloud, sk: string) =>
  (await cloud.documents.send(new GetCommand({ TableName: 'kept', Key: { pk: 'a', sk } }))).Item?.['v']

describe('a restart on the same folder', () => {
  it('keeps tables, items, indexes and the unread stream', async () => {
    const dir = newFolder()
    const first = await startDynamoDb(dir)
    const { streamArn = '' } = await first.service.createTable(properties)
    await put(first, '1', { nested: [1, new Set(['x'])] })
    await put(first, '2', 'second')
    await first.client.send(
      new DeleteItemCommand({ TableName: 'kept', Key: { pk: { S: 'a' }, sk: { S: '2' } } }),
    )
    const { next } = first.service.readStream(streamArn, 0, 1)
    await first.stop(true)

    const second = await startDynamoDb(dir)
    expect(await second.service.createTable(properties)).toMatchObject({ streamArn })
    expect(await get(second, '1')).toEqual({ nested: [1, new Set(['x'])] })
    expect(await get(second, '2')).toBeUndefined()
    const indexed = await second.documents.send(
      new QueryCommand({
        TableName: 'kept',
        IndexName: 'by-g',
        KeyConditionExpression: 'g = :g',
        ExpressionAttributeValues: { ':g': 'G' },
      }),
    )
    expect(indexed.Count).toBe(1)
    const rest = second.service.readStream(streamArn, next, 10)
    expect(rest.records.map(record => record.eventName)).toEqual(['INSERT', 'REMOVE'])
    await put(second, '3', 'third')
    expect(second.service.readStream(streamArn, rest.next, 10).records).toHaveLength(1)
    await second.stop()
  })

  it('has every answered write even when the process was killed, and no half transaction', async () => {
    const dir = newFolder()
    const first = await startDynamoDb(dir)
    await first.service.createTable(properties)
    await put(first, '1', 'answered')
    const file = join(dir, 'dynamodb', 'journal.jsonl')
    const before = statSync(file).size
    await first.documents.send(
      new TransactWriteCommand({
        TransactItems: ['2', '3'].map(sk => ({
          Put: { TableName: 'kept', Item: { pk: 'a', sk, v: 'both' } },
        })),
      }),
    )
    const content = readFileSync(file)
    await first.stop(true)
    const transaction = content.length - before
    for (const cut of [0, 1, transaction >> 1, transaction - 1, transaction]) {
      // What a kill leaves: the journal up to some byte, without anything that closing would add.
      writeFileSync(file, content.subarray(0, before + cut))
      const next = await startDynamoDb(dir)
      const values = await Promise.all(['1', '2', '3'].map(sk => get(next, sk)))
      const whole = cut === transaction
      expect(values).toEqual(['answered', whole ? 'both' : undefined, whole ? 'both' : undefined])
      await put(next, '4', 'after')
      await next.stop(true)
      const again = await startDynamoDb(dir)
      expect(await get(again, '4')).toBe('after')
      await again.stop(true)
    }
  })
})

describe('the journal', () => {
  it('compacts to its snapshot', () => {
    const file = join(newFolder(), 'journal.jsonl')
    const state = new Map<string, number>()
    const replay = (entry: unknown) => {
      const [name, value] = entry as [string, number]
      state.set(name, value)
    }
    const journal = openJournal(file, replay, () => state)
    for (let at = 0; at < 1000; at++) {
      state.set('n', at)
      journal.append(['n', at])
    }
    const grown = statSync(file).size
    journal.compact()
    expect(statSync(file).size).toBeLessThan(grown / 100)
    journal.append(['m', 1])
    journal.close()
    state.clear()
    openJournal(file, replay, () => state).close()
    expect([...state]).toEqual([
      ['n', 999],
      ['m', 1],
    ])
    expect(() => journal.append(['late', 1])).toThrow('closed')
  })

  it('names the damaged line instead of starting without it', () => {
    const file = join(newFolder(), 'journal.jsonl')
    writeFileSync(file, '{"a":1}\n')
    appendFileSync(file, 'garbage\n{"b":2}\n')
    expect(() =>
      openJournal(
        file,
        () => {},
        () => [],
      ),
    ).toThrow(/line 2 is damaged/)
  })
})
