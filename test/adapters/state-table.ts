/** The state table as the template declares it, in the local DynamoDB behind signed HTTP. */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { createDynamoDb } from '../../local/dynamodb/index.ts'
import { startFront } from '../../local/http/front.ts'
import { createIam } from '../../local/iam/index.ts'
import { testRealm } from '../local/http-cloud.ts'

const template = JSON.parse(
  readFileSync(
    new URL('../../.serverless/cloudformation-template-update-stack.json', import.meta.url),
    'utf8',
  ),
) as { Resources: { StateTable: { Properties: { TableName: string; [more: string]: unknown } } } }

export interface StateTable {
  readonly table: string
  readonly client: DynamoDBClient
  close(): Promise<void>
}

export async function startStateTable(): Promise<StateTable> {
  const dir = mkdtempSync(join(tmpdir(), 'edgeloop-table-'))
  const realm = testRealm(dir)
  const iam = createIam(realm)
  const dynamodb = await createDynamoDb({ realm, iam })
  const front = await startFront({ realm, iam, services: dynamodb.services, port: 0 })
  const properties = template.Resources.StateTable.Properties
  await dynamodb.createTable(properties)
  const client = new DynamoDBClient({
    endpoint: realm.endpoint,
    region: realm.region,
    credentials: iam.operator,
    maxAttempts: 1,
  })
  return {
    table: properties.TableName,
    client,
    async close() {
      client.destroy()
      await front.close()
      await dynamodb.close()
      rmSync(dir, { recursive: true, force: true })
    },
  }
}
