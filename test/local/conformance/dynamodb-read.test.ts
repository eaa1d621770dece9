import {
  BatchWriteCommand,
  DeleteCommand,
  PutCommand,
  QueryCommand,
  type QueryCommandInput,
  ScanCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb, tableProperties } from '../dynamodb-cloud.ts'

let cloud: DynamoDbCloud
const TableName = 'read'
const query = (input: Omit<QueryCommandInput, 'TableName'>) =>
  cloud.documents.send(new QueryCommand({ TableName, ...input }))
const sortKeys = (output: { Items?: Record<string, unknown>[] | undefined }) =>
  output.Items?.map(item => item['sk'])

beforeAll(async () => {
  cloud = await startDynamoDb()
  await cloud.service.createTable({
    ...tableProperties(TableName),
    GlobalSecondaryIndexes: [
      ...tableProperties(TableName).GlobalSecondaryIndexes,
      {
        IndexName: 'partial',
        KeySchema: [{ AttributeName: 'g', KeyType: 'HASH' }],
        Projection: { ProjectionType: 'INCLUDE', NonKeyAttributes: ['extra'] },
      },
    ],
  })
  const items = Array.from({ length: 25 }, (_, n) => ({
    pk: 'q',
    sk: String(n).padStart(3, '0'),
    // Sparse: odd items are in no global index.
    ...(n % 2 === 0 ? { g: 'G' } : {}),
    n,
    extra: n,
    filler: 'x'.repeat(100),
  }))
  await cloud.documents.send(
    new BatchWriteCommand({ RequestItems: { [TableName]: items.map(Item => ({ PutRequest: { Item } })) } }),
  )
})
afterAll(() => cloud.stop())

describe('Query', () => {
  it.each([
    ['sk = :a', { ':a': '003' }, ['003']],
    ['sk < :a', { ':a': '002' }, ['000', '001']],
    ['sk <= :a', { ':a': '001' }, ['000', '001']],
    ['sk > :a', { ':a': '022' }, ['023', '024']],
    [':a <= sk', { ':a': '023' }, ['023', '024']],
    ['sk BETWEEN :a AND :b', { ':a': '009', ':b': '011' }, ['009', '010', '011']],
    ['begins_with(sk, :a)', { ':a': '02' }, ['020', '021', '022', '023', '024']],
    ['(sk > :a)', { ':a': '023' }, ['024']],
  ])('%s', async (condition, values, expected) => {
    const input = {
      KeyConditionExpression: `pk = :p AND ${condition}`,
      ExpressionAttributeValues: { ':p': 'q', ...values },
    }
    expect(sortKeys(await query(input))).toEqual(expected)
    expect(sortKeys(await query({ ...input, ScanIndexForward: false }))).toEqual([...expected].reverse())
  })

  it('filters after the limit and counts what it looked at', async () => {
    const found = await query({
      KeyConditionExpression: 'pk = :p',
      FilterExpression: 'n >= :n',
      ProjectionExpression: 'sk',
      ExpressionAttributeValues: { ':p': 'q', ':n': 8 },
      Limit: 10,
    })
    expect(found).toMatchObject({ Count: 2, ScannedCount: 10, Items: [{ sk: '008' }, { sk: '009' }] })
    expect(found.LastEvaluatedKey).toEqual({ pk: 'q', sk: '009' })
  })

  it.each([true, false])(
    'pages through everything once, forward %s, while items vanish',
    async ScanIndexForward => {
      const pk = `paged-${ScanIndexForward}`
      const all = Array.from({ length: 20 }, (_, at) => String(at).padStart(2, '0'))
      for (const sk of all) await cloud.documents.send(new PutCommand({ TableName, Item: { pk, sk } }))
      const seen: unknown[] = []
      let start: Record<string, unknown> | undefined
      do {
        const page = await query({
          KeyConditionExpression: 'pk = :p',
          ExpressionAttributeValues: { ':p': pk },
          Limit: 3,
          ScanIndexForward,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        })
        seen.push(...(sortKeys(page) ?? []))
        start = page.LastEvaluatedKey
        // The key to go on from needs no item any more.
        if (start !== undefined) await cloud.documents.send(new DeleteCommand({ TableName, Key: start }))
      } while (start !== undefined)
      expect(seen).toEqual(ScanIndexForward ? all : all.reverse())
    },
  )

  it('reads sparse global indexes, with ties in the sort key paged apart', async () => {
    for (const sk of ['a', 'b', 'c'])
      await cloud.documents.send(new PutCommand({ TableName, Item: { pk: `tie-${sk}`, sk, g: 'T', n: 1 } }))
    const seen: unknown[] = []
    let start: Record<string, unknown> | undefined
    do {
      const page = await query({
        IndexName: 'by-g',
        KeyConditionExpression: 'g = :g AND n = :n',
        ExpressionAttributeValues: { ':g': 'T', ':n': 1 },
        Limit: 1,
        ...(start === undefined ? {} : { ExclusiveStartKey: start }),
      })
      seen.push(...(sortKeys(page) ?? []))
      start = page.LastEvaluatedKey
      if (start !== undefined) expect(Object.keys(start).sort()).toEqual(['g', 'n', 'pk', 'sk'])
    } while (start !== undefined)
    expect(seen.sort()).toEqual(['a', 'b', 'c'])
    const even = await query({
      IndexName: 'by-g',
      KeyConditionExpression: 'g = :g AND n BETWEEN :a AND :b',
      ExpressionAttributeValues: { ':g': 'G', ':a': 5, ':b': 9 },
      Select: 'COUNT',
    })
    expect(even).toMatchObject({ Count: 2, ScannedCount: 2 })
    expect(even.Items).toBeUndefined()
  })

  it('gives from an index what the index holds, and from a local one the rest when asked', async () => {
    const partial = await query({
      IndexName: 'partial',
      KeyConditionExpression: 'g = :g',
      ExpressionAttributeValues: { ':g': 'G' },
      Limit: 1,
    })
    expect(Object.keys(partial.Items?.[0] ?? {}).sort()).toEqual(['extra', 'g', 'pk', 'sk'])
    const keys = {
      KeyConditionExpression: 'pk = :p AND n = :n',
      ExpressionAttributeValues: { ':p': 'q', ':n': 2 },
    }
    const local = await query({ IndexName: 'by-n', ...keys })
    expect(local.Items).toEqual([{ pk: 'q', sk: '002', n: 2 }])
    const fetched = await query({ IndexName: 'by-n', ...keys, ProjectionExpression: 'extra' })
    expect(fetched.Items).toEqual([{ extra: 2 }])
  })

  it('stops a page at 1 MB', async () => {
    for (let at = 0; at < 5; at++)
      await cloud.documents.send(
        new PutCommand({ TableName, Item: { pk: 'big', sk: String(at), x: 'x'.repeat(300 * 1024) } }),
      )
    const input = { KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'big' } }
    const first = await query(input)
    expect(first.Count).toBe(3)
    const rest = await query({ ...input, ExclusiveStartKey: first.LastEvaluatedKey })
    expect(sortKeys(rest)).toEqual(['3', '4'])
    expect(rest.LastEvaluatedKey).toBeUndefined()
  })

  it('orders numbers by value and text by its UTF-8 bytes', async () => {
    await cloud.service.createTable({
      TableName: 'numbers',
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' },
        { AttributeName: 'n', KeyType: 'RANGE' },
      ],
      AttributeDefinitions: [
        { AttributeName: 'pk', AttributeType: 'S' },
        { AttributeName: 'n', AttributeType: 'N' },
      ],
    })
    for (const n of [10, -1, 9, 0.5, -10, 1e15])
      await cloud.documents.send(new PutCommand({ TableName: 'numbers', Item: { pk: 'a', n } }))
    const found = await cloud.documents.send(
      new QueryCommand({
        TableName: 'numbers',
        KeyConditionExpression: 'pk = :p',
        ExpressionAttributeValues: { ':p': 'a' },
      }),
    )
    expect(found.Items?.map(item => Number(item['n']))).toEqual([-10, -1, 0.5, 9, 10, 1e15])
    for (const sk of ['\u{1f600}', '\u{ff5e}', 'z', 'é'])
      await cloud.documents.send(new PutCommand({ TableName, Item: { pk: 'utf8', sk } }))
    const texts = await query({
      KeyConditionExpression: 'pk = :p',
      ExpressionAttributeValues: { ':p': 'utf8' },
    })
    expect(sortKeys(texts)).toEqual(['z', 'é', '\u{ff5e}', '\u{1f600}'])
  })

  const values = { ':p': 'q', ':a': 'a' }
  it.each([
    ['sk = :a', { ':a': 'a' }, 'Query condition missed key schema element: pk'],
    ['pk > :p', { ':p': 'q' }, 'Query key condition not supported'],
    ['pk = :p AND extra = :a', values, 'Query condition missed key schema element: sk'],
    ['pk = :p AND sk <> :a', values, 'Invalid operator used in KeyConditionExpression: <>'],
    ['pk = :p OR sk = :a', values, 'Invalid operator used in KeyConditionExpression: OR'],
    ['pk = :p AND contains(sk, :a)', values, 'Invalid operator used in KeyConditionExpression: contains'],
    ['pk = :p AND pk = :a', values, 'KeyConditionExpressions must only contain one condition per key'],
    ['pk = :p AND size(sk) > :a', values, 'KeyConditionExpressions cannot contain nested operations'],
    [
      'pk = :p AND sk = :n',
      { ':p': 'q', ':n': 1 },
      'One or more parameter values were invalid: Condition parameter type does not match schema type',
    ],
  ])('refuses %s', async (KeyConditionExpression, ExpressionAttributeValues, message) => {
    const error = await refusal(query({ KeyConditionExpression, ExpressionAttributeValues }))
    expect([error.name, error.message]).toEqual(['ValidationException', message])
  })

  it.each([
    [{ IndexName: 'none' }, 'The table does not have the specified index: none'],
    [
      { IndexName: 'by-g', ConsistentRead: true },
      'Consistent reads are not supported on global secondary indexes',
    ],
    [
      { Limit: 0 },
      "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: Member must have value greater than or equal to 1",
    ],
    [{ ExclusiveStartKey: { pk: 'q' } }, 'The provided starting key is invalid'],
    [
      { ExclusiveStartKey: { pk: 'other', sk: '1' } },
      'The provided starting key is outside query boundaries based on provided conditions',
    ],
  ])('refuses %j', async (input, message) => {
    const error = await refusal(
      query({ KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'q' }, ...input }),
    )
    expect(error.message).toBe(message)
  })

  it('refuses what a global index does not hold', async () => {
    const input = {
      IndexName: 'partial',
      KeyConditionExpression: 'g = :g',
      ExpressionAttributeValues: { ':g': 'G' },
    }
    const projected = await refusal(query({ ...input, ProjectionExpression: 'filler' }))
    expect(projected.message).toBe(
      'One or more parameter values were invalid: Global secondary index partial does not project [filler]',
    )
    const all = await refusal(query({ ...input, Select: 'ALL_ATTRIBUTES' }))
    expect(all.message).toContain('its projection type is not ALL')
  })
})

describe('Scan', () => {
  const scanAll = async (input: object) => {
    const keys: string[] = []
    let start: Record<string, unknown> | undefined
    do {
      const page = await cloud.documents.send(
        new ScanCommand({
          TableName: 'scan',
          Limit: 7,
          ...input,
          ...(start === undefined ? {} : { ExclusiveStartKey: start }),
        }),
      )
      keys.push(...(page.Items ?? []).map(item => `${item['pk']}/${item['sk']}`))
      start = page.LastEvaluatedKey
    } while (start !== undefined)
    return keys
  }

  it('reads every item once, in pages and in parallel segments', async () => {
    await cloud.service.createTable(tableProperties('scan'))
    const expected: string[] = []
    for (let at = 0; at < 60; at++) {
      const Item = { pk: `p${at % 20}`, sk: `s${at}`, ...(at % 3 === 0 ? { g: 'g', n: at } : {}) }
      expected.push(`${Item.pk}/${Item.sk}`)
      await cloud.documents.send(new PutCommand({ TableName: 'scan', Item }))
    }
    expected.sort()
    expect((await scanAll({})).sort()).toEqual(expected)
    const segments = await Promise.all([0, 1, 2, 3].map(Segment => scanAll({ Segment, TotalSegments: 4 })))
    expect(segments.flat().sort()).toEqual(expected)
    expect(segments.every(keys => keys.length > 0)).toBe(true)
    expect(await scanAll({ IndexName: 'by-g' })).toHaveLength(20)
    const counted = await cloud.documents.send(
      new ScanCommand({
        TableName: 'scan',
        Select: 'COUNT',
        FilterExpression: 'attribute_exists(g)',
      }),
    )
    expect(counted).toMatchObject({ Count: 20, ScannedCount: 60 })
  })

  it('refuses a segment without a total and one beyond it', async () => {
    const scan = (input: object) => refusal(cloud.documents.send(new ScanCommand({ TableName, ...input })))
    expect((await scan({ Segment: 1 })).message).toContain('TotalSegments parameter is required')
    expect((await scan({ TotalSegments: 1 })).message).toContain('Segment parameter is required')
    expect((await scan({ Segment: 2, TotalSegments: 2 })).message).toContain('must be less than')
  })
})
