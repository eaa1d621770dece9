import {
  CreateTableCommand,
  DeleteTableCommand,
  DescribeContinuousBackupsCommand,
  DescribeTableCommand,
  DescribeTimeToLiveCommand,
  ExecuteStatementCommand,
  ListTablesCommand,
  ListTagsOfResourceCommand,
  TagResourceCommand,
  UntagResourceCommand,
  UpdateContinuousBackupsCommand,
  UpdateTableCommand,
  UpdateTimeToLiveCommand,
  waitUntilTableExists,
} from '@aws-sdk/client-dynamodb'
import { PutCommand, QueryCommand } from '@aws-sdk/lib-dynamodb'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type DynamoDbCloud, refusal, startDynamoDb, tableProperties } from '../dynamodb-cloud.ts'

let cloud: DynamoDbCloud
beforeAll(async () => {
  cloud = await startDynamoDb()
})
afterAll(() => cloud.stop())

const simple = (TableName: string) => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST' as const,
  KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' as const }],
  AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' as const }],
})
const describeTable = async (TableName: string) =>
  (await cloud.client.send(new DescribeTableCommand({ TableName }))).Table

describe('tables', () => {
  it('are created, waited for, described, listed and deleted', async () => {
    await cloud.client.send(
      new CreateTableCommand({
        ...tableProperties('whole'),
        StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
        SSESpecification: { Enabled: true, SSEType: 'KMS', KMSMasterKeyId: 'alias/x' },
      }),
    )
    await waitUntilTableExists({ client: cloud.client, maxWaitTime: 60, minDelay: 1 }, { TableName: 'whole' })
    const table = await describeTable('whole')
    expect(table).toMatchObject({
      TableName: 'whole',
      TableStatus: 'ACTIVE',
      TableArn: 'arn:aws:dynamodb:eu-west-1:000000000000:table/whole',
      KeySchema: tableProperties('whole').KeySchema,
      BillingModeSummary: { BillingMode: 'PAY_PER_REQUEST' },
      StreamSpecification: { StreamEnabled: true, StreamViewType: 'NEW_AND_OLD_IMAGES' },
      SSEDescription: { Status: 'ENABLED', SSEType: 'KMS' },
    })
    expect(table?.CreationDateTime).toBeInstanceOf(Date)
    expect(table?.LatestStreamArn).toMatch(/:table\/whole\/stream\/\d{4}-\d\d-\d\dT/)
    expect(table?.GlobalSecondaryIndexes?.map(index => index.IndexStatus)).toEqual(['ACTIVE'])
    const listed = await cloud.client.send(new ListTablesCommand({}))
    expect(listed.TableNames).toContain('whole')
    await cloud.client.send(new DeleteTableCommand({ TableName: 'whole' }))
    const gone = await refusal(describeTable('whole'))
    expect([gone.name, gone.message]).toEqual([
      'ResourceNotFoundException',
      'Requested resource not found: Table: whole not found',
    ])
  })

  it('are listed page by page', async () => {
    for (const name of ['page-1', 'page-2', 'page-3'])
      await cloud.client.send(new CreateTableCommand(simple(name)))
    const first = await cloud.client.send(
      new ListTablesCommand({ Limit: 2, ExclusiveStartTableName: 'page' }),
    )
    expect(first).toMatchObject({ TableNames: ['page-1', 'page-2'], LastEvaluatedTableName: 'page-2' })
    const second = await cloud.client.send(
      new ListTablesCommand({ ExclusiveStartTableName: first.LastEvaluatedTableName, Limit: 1 }),
    )
    expect(second.TableNames).toEqual(['page-3'])
  })

  it('refuse a second table of the name, and deletion while protected', async () => {
    await cloud.client.send(new CreateTableCommand({ ...simple('guarded'), DeletionProtectionEnabled: true }))
    const again = await refusal(cloud.client.send(new CreateTableCommand(simple('guarded'))))
    expect([again.name, again.message]).toEqual(['ResourceInUseException', 'Table already exists: guarded'])
    const deletion = await refusal(cloud.client.send(new DeleteTableCommand({ TableName: 'guarded' })))
    expect(deletion.message).toContain('protected against deletion')
    await cloud.client.send(
      new UpdateTableCommand({ TableName: 'guarded', DeletionProtectionEnabled: false }),
    )
    await cloud.client.send(new DeleteTableCommand({ TableName: 'guarded' }))
  })

  it.each([
    ['a key without a type', { AttributeDefinitions: [] }, /not defined in AttributeDefinitions/],
    [
      'a type without a key',
      {
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'x', AttributeType: 'S' },
        ],
      },
      /does not exactly match/,
    ],
    ['a bad name', { TableName: 'a/b' }, /regular expression pattern/],
    [
      'provisioned without units',
      { BillingMode: 'PROVISIONED' },
      /ReadCapacityUnits and WriteCapacityUnits must both be specified/,
    ],
    ['a sort key first', { KeySchema: [{ AttributeName: 'pk', KeyType: 'RANGE' }] }, /not a HASH key type/],
    ['an unknown billing mode', { BillingMode: 'FREE' }, /enum value set: \[PROVISIONED, PAY_PER_REQUEST\]/],
  ])('refuse %s', async (_, change, message) => {
    const call = cloud.client.send(new CreateTableCommand({ ...simple('wrong'), ...change } as never))
    const error = await refusal(call)
    expect(error.name).toBe('ValidationException')
    expect(error.message).toMatch(message)
  })

  it('get an index later, filled from the items that are there', async () => {
    await cloud.client.send(new CreateTableCommand(simple('grown')))
    for (const [pk, z] of [
      ['1', 'a'],
      ['2', 'b'],
      ['3', undefined],
      ['4', 7],
    ] as const)
      await cloud.documents.send(new PutCommand({ TableName: 'grown', Item: { pk, z } }))
    await cloud.client.send(
      new UpdateTableCommand({
        TableName: 'grown',
        AttributeDefinitions: [
          { AttributeName: 'pk', AttributeType: 'S' },
          { AttributeName: 'z', AttributeType: 'S' },
        ],
        GlobalSecondaryIndexUpdates: [
          {
            Create: {
              IndexName: 'by-z',
              KeySchema: [{ AttributeName: 'z', KeyType: 'HASH' }],
              Projection: { ProjectionType: 'ALL' },
            },
          },
        ],
      }),
    )
    const query = new QueryCommand({
      TableName: 'grown',
      IndexName: 'by-z',
      KeyConditionExpression: 'z = :z',
      ExpressionAttributeValues: { ':z': 'b' },
    })
    expect((await cloud.documents.send(query)).Items).toEqual([{ pk: '2', z: 'b' }])
    expect((await describeTable('grown'))?.GlobalSecondaryIndexes?.[0]?.ItemCount).toBe(2)
    await cloud.client.send(
      new UpdateTableCommand({
        TableName: 'grown',
        GlobalSecondaryIndexUpdates: [{ Delete: { IndexName: 'by-z' } }],
      }),
    )
    expect((await describeTable('grown'))?.AttributeDefinitions).toHaveLength(1)
    expect((await refusal(cloud.documents.send(query))).message).toBe(
      'The table does not have the specified index: by-z',
    )
  })

  it('carry tags', async () => {
    await cloud.client.send(new CreateTableCommand({ ...simple('tagged'), Tags: [{ Key: 'a', Value: '1' }] }))
    const ResourceArn = (await describeTable('tagged'))?.TableArn
    await cloud.client.send(new TagResourceCommand({ ResourceArn, Tags: [{ Key: 'b', Value: '2' }] }))
    await cloud.client.send(new UntagResourceCommand({ ResourceArn, TagKeys: ['a'] }))
    expect((await cloud.client.send(new ListTagsOfResourceCommand({ ResourceArn }))).Tags).toEqual([
      { Key: 'b', Value: '2' },
    ])
  })

  it('have settings for time to live and point-in-time recovery', async () => {
    const TableName = 'settings'
    await cloud.client.send(new CreateTableCommand(simple(TableName)))
    const enable = () =>
      cloud.client.send(
        new UpdateTimeToLiveCommand({
          TableName,
          TimeToLiveSpecification: { Enabled: true, AttributeName: 'exp' },
        }),
      )
    await enable()
    expect((await refusal(enable())).message).toBe('TimeToLive is already enabled')
    const ttl = await cloud.client.send(new DescribeTimeToLiveCommand({ TableName }))
    expect(ttl.TimeToLiveDescription).toEqual({ TimeToLiveStatus: 'ENABLED', AttributeName: 'exp' })
    const recovery = async () =>
      (await cloud.client.send(new DescribeContinuousBackupsCommand({ TableName })))
        .ContinuousBackupsDescription?.PointInTimeRecoveryDescription?.PointInTimeRecoveryStatus
    expect(await recovery()).toBe('DISABLED')
    await cloud.client.send(
      new UpdateContinuousBackupsCommand({
        TableName,
        PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      }),
    )
    expect(await recovery()).toBe('ENABLED')
  })

  it('do not know PartiQL', async () => {
    const error = await refusal(cloud.client.send(new ExecuteStatementCommand({ Statement: 'SELECT 1' })))
    expect(error['$metadata']).toMatchObject({ httpStatusCode: 501 })
  })
})

describe('AWS::DynamoDB::Table', () => {
  const properties = {
    ...tableProperties('deployed'),
    StreamSpecification: { StreamViewType: 'NEW_IMAGE' },
    TimeToLiveSpecification: { AttributeName: 'exp', Enabled: true },
    PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
    SSESpecification: { SSEEnabled: true },
    Tags: [{ Key: 'stage', Value: 'local' }],
  }

  it('takes the template properties and keeps stream and items when deployed again', async () => {
    const first = await cloud.service.createTable(properties)
    expect(first.streamArn).toContain(`${first.arn}/stream/`)
    await cloud.documents.send(
      new PutCommand({ TableName: 'deployed', Item: { pk: 'a', sk: '1', g: 'x', n: 1 } }),
    )
    const { GlobalSecondaryIndexes: _, ...withoutIndex } = properties
    const attributes = properties.AttributeDefinitions.filter(({ AttributeName }) => AttributeName !== 'g')
    expect(await cloud.service.createTable({ ...withoutIndex, AttributeDefinitions: attributes })).toEqual(
      first,
    )
    expect((await describeTable('deployed'))?.GlobalSecondaryIndexes).toBeUndefined()
    expect(await cloud.service.createTable(properties)).toEqual(first)
    const table = await describeTable('deployed')
    expect(table).toMatchObject({ ItemCount: 1, SSEDescription: { Status: 'ENABLED' } })
    expect(table?.GlobalSecondaryIndexes?.[0]?.ItemCount).toBe(1)
  })

  it('refuses another key schema by name', async () => {
    const other = { ...simple('deployed') }
    await expect(cloud.service.createTable(other)).rejects.toThrow(/deployed exists with another KeySchema/)
  })
})
