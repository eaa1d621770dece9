import { DescribeTableCommand, ListTablesCommand } from '@aws-sdk/client-dynamodb'
import {
  DescribeStreamCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  ListStreamsCommand,
} from '@aws-sdk/client-dynamodb-streams'
import {
  BatchGetCommand,
  BatchWriteCommand,
  DeleteCommand,
  GetCommand,
  PutCommand,
  QueryCommand,
  ScanCommand,
  TransactGetCommand,
  TransactWriteCommand,
  UpdateCommand,
} from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb, tableProperties } from './dynamodb-cloud.ts'

let cloud: DynamoDbCloud
let streamArn = ''
const TableName = 'guarded'
const arn = 'arn:aws:dynamodb:eu-west-1:000000000000:table/guarded'
const Key = { pk: 'p', sk: 's' }

beforeAll(async () => {
  cloud = await startDynamoDb()
  const created = await cloud.service.createTable({
    ...tableProperties(TableName),
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
  })
  streamArn = created.streamArn ?? ''
})
afterAll(() => cloud.stop())
beforeEach(() => {
  cloud.harness.asked.length = 0
  cloud.harness.policy = () => true
})

const keys = (...leading: string[]) => ({ 'dynamodb:LeadingKeys': leading })
const byKey = { KeyConditionExpression: 'pk = :p', ExpressionAttributeValues: { ':p': 'p' } }

describe('each operation asks for its own permission', () => {
  it.each([
    ['PutItem', () => new PutCommand({ TableName, Item: Key })],
    ['GetItem', () => new GetCommand({ TableName, Key })],
    ['UpdateItem', () => new UpdateCommand({ TableName, Key, UpdateExpression: 'REMOVE x' })],
    ['DeleteItem', () => new DeleteCommand({ TableName, Key })],
    ['Query', () => new QueryCommand({ TableName, ...byKey })],
    ['BatchGetItem', () => new BatchGetCommand({ RequestItems: { [TableName]: { Keys: [Key] } } })],
    [
      'BatchWriteItem',
      () => new BatchWriteCommand({ RequestItems: { [TableName]: [{ PutRequest: { Item: Key } }] } }),
    ],
  ])('%s, with the partition key', async (action, command) => {
    await cloud.documents.send(command() as PutCommand)
    expect(cloud.harness.asked).toEqual([{ action: `dynamodb:${action}`, resource: arn, context: keys('p') }])
    cloud.harness.policy = ({ action: asked }) => asked !== `dynamodb:${action}`
    const denied = await refusal(cloud.documents.send(command() as PutCommand))
    expect(denied.name).toBe('AccessDenied')
  })

  it('Scan and index reads, on the index where there is one', async () => {
    await cloud.documents.send(new ScanCommand({ TableName }))
    await cloud.documents.send(new ScanCommand({ TableName, IndexName: 'by-g' }))
    await cloud.documents.send(
      new QueryCommand({
        TableName,
        IndexName: 'by-g',
        KeyConditionExpression: 'g = :g',
        ExpressionAttributeValues: { ':g': 'G' },
      }),
    )
    expect(cloud.harness.asked).toEqual([
      { action: 'dynamodb:Scan', resource: arn, context: {} },
      { action: 'dynamodb:Scan', resource: `${arn}/index/by-g`, context: {} },
      { action: 'dynamodb:Query', resource: `${arn}/index/by-g`, context: keys('G') },
    ])
  })

  it('transactions, per item', async () => {
    const enclosed = (action: string, enclosing: string) => ({
      action: `dynamodb:${action}`,
      resource: arn,
      context: { ...keys('p'), 'dynamodb:EnclosingOperation': enclosing },
    })
    const TransactItems = [
      { Put: { TableName, Item: { pk: 'p', sk: '1' } } },
      { Update: { TableName, Key: { pk: 'p', sk: '2' }, UpdateExpression: 'REMOVE x' } },
      { Delete: { TableName, Key: { pk: 'p', sk: '3' } } },
      {
        ConditionCheck: {
          TableName,
          Key: { pk: 'p', sk: '4' },
          ConditionExpression: 'attribute_not_exists(pk)',
        },
      },
    ]
    await cloud.documents.send(new TransactWriteCommand({ TransactItems }))
    expect(cloud.harness.asked).toEqual(
      ['PutItem', 'UpdateItem', 'DeleteItem', 'ConditionCheckItem'].map(action =>
        enclosed(action, 'TransactWriteItems'),
      ),
    )
    cloud.harness.asked.length = 0
    await cloud.documents.send(new TransactGetCommand({ TransactItems: [{ Get: { TableName, Key } }] }))
    expect(cloud.harness.asked).toEqual([enclosed('GetItem', 'TransactGetItems')])

    cloud.harness.policy = ({ action }) => action !== 'dynamodb:ConditionCheckItem'
    await refusal(
      cloud.documents.send(
        new TransactWriteCommand({
          TransactItems: [{ Put: { TableName, Item: { pk: 'p', sk: 'denied' } } }, ...TransactItems.slice(3)],
        }),
      ),
    )
    cloud.harness.policy = () => true
    const denied = await cloud.documents.send(new GetCommand({ TableName, Key: { pk: 'p', sk: 'denied' } }))
    expect(denied.Item).toBeUndefined()
  })

  it('streams, on the stream', async () => {
    const described = await cloud.streams.send(new DescribeStreamCommand({ StreamArn: streamArn }))
    const ShardId = described.StreamDescription?.Shards?.[0]?.ShardId
    const { ShardIterator } = await cloud.streams.send(
      new GetShardIteratorCommand({ StreamArn: streamArn, ShardId, ShardIteratorType: 'LATEST' }),
    )
    await cloud.streams.send(new GetRecordsCommand({ ShardIterator }))
    await cloud.streams.send(new ListStreamsCommand({ TableName }))
    expect(cloud.harness.asked).toEqual([
      ...['DescribeStream', 'GetShardIterator', 'GetRecords'].map(action => ({
        action: `dynamodb:${action}`,
        resource: streamArn,
      })),
      { action: 'dynamodb:ListStreams', resource: `${arn}/stream/*` },
    ])
  })

  it('table operations', async () => {
    await cloud.client.send(new DescribeTableCommand({ TableName }))
    await cloud.client.send(new ListTablesCommand({}))
    expect(cloud.harness.asked.map(({ action, resource }) => [action, resource])).toEqual([
      ['dynamodb:DescribeTable', arn],
      ['dynamodb:ListTables', '*'],
    ])
  })
})

describe('a denied caller', () => {
  it('does not learn whether a table exists', async () => {
    cloud.harness.policy = () => false
    const calls = ['guarded', 'absent'].map(name =>
      refusal(cloud.documents.send(new GetCommand({ TableName: name, Key }))),
    )
    expect((await Promise.all(calls)).map(({ name }) => name)).toEqual(['AccessDenied', 'AccessDenied'])
  })
})
