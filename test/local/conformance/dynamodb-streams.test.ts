import { UpdateTableCommand, UpdateTimeToLiveCommand } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams'
import {
  DeleteCommand,
  GetCommand,
  PutCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb } from '../dynamodb-cloud.ts'

let cloud: DynamoDbCloud
beforeAll(async () => {
  cloud = await startDynamoDb(undefined, 0.05)
})
afterAll(() => cloud.stop())

async function createStreamed(TableName: string, StreamViewType: string): Promise<string> {
  const { streamArn } = await cloud.service.createTable({
    TableName,
    BillingMode: 'PAY_PER_REQUEST',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    StreamSpecification: { StreamViewType },
  })
  return streamArn ?? ''
}
async function iterator(
  StreamArn: string,
  rest: Partial<GetShardIteratorCommandInput> = {},
): Promise<string> {
  const described = await cloud.streams.send(new DescribeStreamCommand({ StreamArn }))
  const ShardId = described.StreamDescription?.Shards?.[0]?.ShardId
  const output = await cloud.streams.send(
    new GetShardIteratorCommand({ StreamArn, ShardId, ShardIteratorType: 'TRIM_HORIZON', ...rest }),
  )
  return output.ShardIterator ?? ''
}
const records = async (ShardIterator: string, Limit?: number) =>
  cloud.streams.send(new GetRecordsCommand({ ShardIterator, Limit }))
const put = (TableName: string, pk: string, v: number) =>
  cloud.documents.send(new PutCommand({ TableName, Item: { pk, v } }))

describe('streams', () => {
  it('record inserts, changes and removals with both images, not writes that change nothing', async () => {
    const arn = await createStreamed('both', 'NEW_AND_OLD_IMAGES')
    await put('both', '1', 1)
    await put('both', '1', 1)
    await cloud.documents.send(
      new UpdateCommand({
        TableName: 'both',
        Key: { pk: '1' },
        UpdateExpression: 'SET v = :v',
        ExpressionAttributeValues: { ':v': 2 },
      }),
    )
    await cloud.documents.send(new DeleteCommand({ TableName: 'both', Key: { pk: '1' } }))
    await cloud.documents.send(new DeleteCommand({ TableName: 'both', Key: { pk: 'none' } }))
    const { Records = [] } = await records(await iterator(arn))
    const item = (v: number) => ({ pk: { S: '1' }, v: { N: String(v) } })
    expect(
      Records.map(record => [record.eventName, record.dynamodb?.OldImage, record.dynamodb?.NewImage]),
    ).toEqual([
      ['INSERT', undefined, item(1)],
      ['MODIFY', item(1), item(2)],
      ['REMOVE', item(2), undefined],
    ])
    const [first] = Records
    expect(first).toMatchObject({
      eventVersion: '1.1',
      eventSource: 'aws:dynamodb',
      awsRegion: 'eu-west-1',
      dynamodb: { Keys: { pk: { S: '1' } }, StreamViewType: 'NEW_AND_OLD_IMAGES' },
    })
    expect(first?.dynamodb?.ApproximateCreationDateTime).toBeInstanceOf(Date)
    const sequence = Records.map(record => record.dynamodb?.SequenceNumber ?? '')
    expect(sequence).toEqual([...sequence].sort())
    expect(new Set(sequence).size).toBe(3)
  })

  it.each([
    ['KEYS_ONLY', false, false],
    ['NEW_IMAGE', false, true],
    ['OLD_IMAGE', true, false],
  ])('give with %s only what it names', async (view, hasOld, hasNew) => {
    const table = `view-${view}`
    const arn = await createStreamed(table, view)
    await put(table, '1', 1)
    await put(table, '1', 2)
    const { Records = [] } = await records(await iterator(arn))
    const change = Records[1]?.dynamodb
    expect([change?.OldImage !== undefined, change?.NewImage !== undefined]).toEqual([hasOld, hasNew])
  })

  it('are read from the oldest, the newest, at and after a record, in pages', async () => {
    const arn = await createStreamed('positions', 'NEW_IMAGE')
    for (const v of [1, 2, 3]) await put('positions', '1', v)
    const latest = await iterator(arn, { ShardIteratorType: 'LATEST' })
    const first = await records(await iterator(arn), 2)
    expect(first.Records).toHaveLength(2)
    const rest = await records(first.NextShardIterator ?? '')
    expect(rest.Records?.map(record => record.dynamodb?.NewImage?.['v'])).toEqual([{ N: '3' }])
    const SequenceNumber = first.Records?.[1]?.dynamodb?.SequenceNumber
    const at = await records(await iterator(arn, { ShardIteratorType: 'AT_SEQUENCE_NUMBER', SequenceNumber }))
    const after = await records(
      await iterator(arn, { ShardIteratorType: 'AFTER_SEQUENCE_NUMBER', SequenceNumber }),
    )
    expect([at.Records?.length, after.Records?.length]).toEqual([2, 1])
    await put('positions', '1', 4)
    expect((await records(latest)).Records?.map(record => record.dynamodb?.NewImage?.['v'])).toEqual([
      { N: '4' },
    ])
  })

  it('record a transaction whole or not at all', async () => {
    const arn = await createStreamed('atomic', 'NEW_IMAGE')
    const items = ['a', 'b'].map(pk => ({ Put: { TableName: 'atomic', Item: { pk } } }))
    const gate = {
      ConditionCheck: {
        TableName: 'atomic',
        Key: { pk: 'gate' },
        ConditionExpression: 'attribute_exists(pk)',
      },
    }
    await refusal(cloud.documents.send(new TransactWriteCommand({ TransactItems: [...items, gate] })))
    expect((await records(await iterator(arn))).Records).toEqual([])
    await cloud.documents.send(new TransactWriteCommand({ TransactItems: items }))
    expect((await records(await iterator(arn))).Records).toHaveLength(2)
  })

  it('are listed by table, and end when switched off', async () => {
    const arn = await createStreamed('ending', 'KEYS_ONLY')
    await put('ending', '1', 1)
    const listed = await cloud.streams.send(new ListStreamsCommand({ TableName: 'ending' }))
    expect(listed.Streams?.map(stream => stream.StreamArn)).toEqual([arn])
    await cloud.client.send(
      new UpdateTableCommand({ TableName: 'ending', StreamSpecification: { StreamEnabled: false } }),
    )
    await put('ending', '2', 2)
    const last = await records(await iterator(arn))
    expect(last.Records).toHaveLength(1)
    expect(last.NextShardIterator).toBeUndefined()
    const described = await cloud.streams.send(new DescribeStreamCommand({ StreamArn: arn }))
    expect(described.StreamDescription?.StreamStatus).toBe('DISABLED')
  })

  it('keep records for 24 hours and iterators for 15 minutes', async () => {
    const arn = await createStreamed('aging', 'NEW_IMAGE')
    await put('aging', '1', 1)
    const old = await iterator(arn)
    cloud.harness.clockOffset += 16 * 60 * 1000
    expect((await refusal(records(old))).name).toBe('ExpiredIteratorException')
    cloud.harness.clockOffset += 24 * 3600 * 1000
    await vi.waitFor(async () => expect((await records(await iterator(arn))).Records).toEqual([]))
    await put('aging', '1', 2)
    expect((await records(await iterator(arn))).Records).toHaveLength(1)
  })

  it('refuse what is no iterator and what is no stream', async () => {
    const arn = await createStreamed('refusing', 'NEW_IMAGE')
    expect((await refusal(records(`${arn}|1|nonsense`))).name).toBe('ValidationException')
    expect((await refusal(records('nonsense'))).name).toBe('ResourceNotFoundException')
    expect(
      (
        await refusal(
          cloud.streams.send(new DescribeStreamCommand({ StreamArn: `${arn}-other-stream-label` })),
        )
      ).name,
    ).toBe('ResourceNotFoundException')
  })
})

describe('the in-process reader', () => {
  it('is told of growth and reads on from its position, in Lambda form', async () => {
    const arn = await createStreamed('inside', 'NEW_AND_OLD_IMAGES')
    const woken = vi.fn()
    const stop = cloud.service.onStream(arn, woken)
    await put('inside', '1', 1)
    await vi.waitFor(() => expect(woken).toHaveBeenCalledTimes(1))
    const first = cloud.service.readStream(arn, 0, 100)
    expect(first.records).toMatchObject([
      { eventName: 'INSERT', eventSourceARN: arn, dynamodb: { Keys: { pk: { S: '1' } } } },
    ])
    stop()
    await put('inside', '1', 2)
    const second = cloud.service.readStream(arn, first.next, 100)
    expect(second.records.map(record => record.eventName)).toEqual(['MODIFY'])
    expect(cloud.service.readStream(arn, second.next, 100)).toEqual({ records: [], next: second.next })
    expect(woken).toHaveBeenCalledTimes(1)
  })
})

describe('time to live', () => {
  it('deletes what has expired and records that DynamoDB did it', async () => {
    const TableName = 'expiring'
    const arn = await createStreamed(TableName, 'OLD_IMAGE')
    await cloud.client.send(
      new UpdateTimeToLiveCommand({
        TableName,
        TimeToLiveSpecification: { Enabled: true, AttributeName: 'exp' },
      }),
    )
    const now = Math.floor(cloud.harness.realm.now().getTime() / 1000)
    const items = [
      { pk: 'past', exp: now - 100 },
      { pk: 'future', exp: now + 3600 },
      { pk: 'text', exp: String(now - 100) },
      { pk: 'ancient', exp: now - 6 * 365 * 24 * 3600 },
      { pk: 'none' },
    ]
    for (const Item of items) await cloud.documents.send(new PutCommand({ TableName, Item }))
    const get = async (pk: string) =>
      (await cloud.documents.send(new GetCommand({ TableName, Key: { pk } }))).Item
    await vi.waitFor(async () => expect(await get('past')).toBeUndefined())
    expect(await Promise.all(items.slice(1).map(({ pk }) => get(pk)))).toEqual(items.slice(1))
    const inside = cloud.service.readStream(arn, 0, 100).records
    expect(inside.filter(record => record.eventName === 'REMOVE')).toMatchObject([
      { userIdentity: { type: 'Service', principalId: 'dynamodb.amazonaws.com' } },
    ])
    const { Records = [] } = await records(await iterator(arn))
    const removals = Records.filter(record => record.eventName === 'REMOVE')
    expect(removals.map(record => record.userIdentity)).toEqual([
      { Type: 'Service', PrincipalId: 'dynamodb.amazonaws.com' },
    ])
    expect(Records.find(record => record.eventName === 'INSERT')?.userIdentity).toBeUndefined()
    cloud.harness.clockOffset += 3700 * 1000
    await vi.waitFor(async () => expect(await get('future')).toBeUndefined())
  })
})
