/** A running local DynamoDB with real SDK clients, for the tests of this folder. */
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { DynamoDBStreamsClient } from '@aws-sdk/client-dynamodb-streams'
import { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb'
import type { DynamoDb } from '../../local/core/services.ts'
import { createDynamoDb } from '../../local/dynamodb/index.ts'
import { clientConfig, createHarness, type Harness, removeFolder } from './dynamodb-harness.ts'

export interface DynamoDbCloud {
  readonly harness: Harness
  readonly service: DynamoDb
  readonly client: DynamoDBClient
  readonly documents: DynamoDBDocumentClient
  readonly streams: DynamoDBStreamsClient
  /** Stops everything; the folder stays when `keep` is set. */
  stop(keep?: boolean): Promise<void>
}

export async function startDynamoDb(dir?: string, sweepSeconds = 3600): Promise<DynamoDbCloud> {
  const harness = createHarness(dir)
  const service = await createDynamoDb({
    realm: harness.realm,
    iam: harness.iam,
    timeToLiveSweepSeconds: sweepSeconds,
  })
  await harness.serve(service.services)
  const client = new DynamoDBClient(clientConfig(harness))
  const streams = new DynamoDBStreamsClient(clientConfig(harness))
  return {
    harness,
    service,
    client,
    documents: DynamoDBDocumentClient.from(client, { marshallOptions: { removeUndefinedValues: true } }),
    streams,
    async stop(keep = false) {
      client.destroy()
      streams.destroy()
      await harness.close()
      await service.close()
      if (!keep) removeFolder(harness.realm.dir)
    },
  }
}

/** Table with partition key `pk` and sort key `sk`, a global index on `g`/`n` and a local one on `n`. */
export const tableProperties = (TableName: string) => ({
  TableName,
  BillingMode: 'PAY_PER_REQUEST' as const,
  KeySchema: [
    { AttributeName: 'pk', KeyType: 'HASH' as const },
    { AttributeName: 'sk', KeyType: 'RANGE' as const },
  ],
  AttributeDefinitions: [
    { AttributeName: 'pk', AttributeType: 'S' as const },
    { AttributeName: 'sk', AttributeType: 'S' as const },
    { AttributeName: 'g', AttributeType: 'S' as const },
    { AttributeName: 'n', AttributeType: 'N' as const },
  ],
  GlobalSecondaryIndexes: [
    {
      IndexName: 'by-g',
      KeySchema: [
        { AttributeName: 'g', KeyType: 'HASH' as const },
        { AttributeName: 'n', KeyType: 'RANGE' as const },
      ],
      Projection: { ProjectionType: 'ALL' as const },
    },
  ],
  LocalSecondaryIndexes: [
    {
      IndexName: 'by-n',
      KeySchema: [
        { AttributeName: 'pk', KeyType: 'HASH' as const },
        { AttributeName: 'n', KeyType: 'RANGE' as const },
      ],
      Projection: { ProjectionType: 'KEYS_ONLY' as const },
    },
  ],
})

/** Name, message and whole error of a call that must fail. */
export async function refusal(call: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  try {
    await call
  } catch (error) {
    return error as Error & Record<string, unknown>
  }
  throw new Error('the call was accepted')
}
