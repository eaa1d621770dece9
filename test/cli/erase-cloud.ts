/** A stack on the local cloud that holds what the whole loop in memory came to, and its lineage routes on HTTP. */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type AttributeValue, BatchWriteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { ListObjectVersionsCommand, PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { Credentials } from '../../local/core/services.ts'
import type { PolicyStatement } from '../../local/core/types.ts'
import { createDynamoDb } from '../../local/dynamodb/index.ts'
import { s3Client, stackNames } from '../../scripts/lib/stack.ts'
import { tableStore } from '../../src/adapters/table.ts'
import { opsQuery } from '../../src/handlers/ops-query.ts'
import { account, startTestCloud } from '../local/http-cloud.ts'
import type { MemoryStore } from '../loop/memory-store.ts'
import type { World } from '../loop/world.ts'
import { route } from './lineage-routes.ts'

const { Resources } = JSON.parse(
  readFileSync(
    new URL('../../.serverless/cloudformation-template-update-stack.json', import.meta.url),
    'utf8',
  ),
) as { Resources: Record<'StateTable' | 'QuarantineTable', { Properties: { TableName: string } }> }
export const names = stackNames('dev', account)

export async function startEraseCloud(world: World) {
  let dynamodb: Awaited<ReturnType<typeof createDynamoDb>> | undefined
  const cloud = await startTestCloud({
    services: async on => {
      dynamodb = await createDynamoDb({ ...on, timeToLiveSweepSeconds: 3_600 })
      return dynamodb.services
    },
  })
  for (const { Properties } of [Resources.StateTable, Resources.QuarantineTable])
    await dynamodb?.createTable(Properties)
  for (const BucketName of [names.artefactBucket, names.dropBucket])
    cloud.s3.createBucket({ BucketName, VersioningConfiguration: { Status: 'Enabled' } })
  const client = new DynamoDBClient(cloud.client())
  const s3 = s3Client(cloud.client())
  await fill(client, names.stateTable, world.state.store)
  await fill(client, names.quarantineTable, world.state.quarantine)
  for (const [Bucket, objects] of [
    [names.artefactBucket, world.state.artefacts],
    [names.dropBucket, world.state.drops],
  ] as const)
    for (const [Key, { bytes }] of objects) await s3.send(new PutObjectCommand({ Bucket, Key, Body: bytes }))

  const [store, quarantine] = [names.stateTable, names.quarantineTable].map(table =>
    tableStore(table, () => new Date(), client),
  ) as [ReturnType<typeof tableStore>, ReturnType<typeof tableStore>]
  const api = createServer(async (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'http://x')
    const to = route(pathname)
    const made = await opsQuery({ ...world.deps(), store, quarantine })({
      ...{ routeKey: to?.key ?? `GET ${pathname}`, rawPath: pathname },
      ...{ pathParameters: to?.parameters, queryStringParameters: Object.fromEntries(searchParams) },
    })
    response.writeHead(made.statusCode).end(made.body)
  })
  await new Promise<void>(resolve => api.listen(0, '127.0.0.1', resolve))
  return {
    ...{ s3, store, quarantine, endpoint: cloud.realm.endpoint, operator: cloud.iam.operator },
    api: `http://127.0.0.1:${(api.address() as AddressInfo).port}`,
    role: (name: string, statements: readonly PolicyStatement[]): Credentials => cloud.role(name, statements),
    async close() {
      api.closeAllConnections()
      api.close()
      client.destroy()
      s3.destroy()
      await cloud.close()
      await dynamodb?.close()
    },
  }
}

async function fill(client: DynamoDBClient, table: string, { rows }: MemoryStore): Promise<void> {
  const items = [...rows.values()].map(({ key, rev, data, counters, list, pending }) => ({
    PutRequest: {
      Item: {
        ...{ pk: { S: key.pk }, sk: { S: key.sk }, rev: { N: String(rev) }, data: { S: data } },
        ...Object.fromEntries(Object.entries(counters).map(([name, n]) => [`c_${name}`, { N: String(n) }])),
        ...(list ? { lpk: { S: list.pk }, lsk: { S: list.sk } } : {}),
        ...(pending ? { pending: { S: pending.kind }, since: { S: pending.since } } : {}),
      } as Record<string, AttributeValue>,
    },
  }))
  for (let at = 0; at < items.length; at += 25)
    await client.send(new BatchWriteItemCommand({ RequestItems: { [table]: items.slice(at, at + 25) } }))
}

/** `key version-id` of everything that a bucket keeps, delete markers too. */
export async function everyVersion(s3: S3Client, Bucket: string, Prefix = ''): Promise<string[]> {
  const {
    Versions = [],
    DeleteMarkers = [],
    IsTruncated,
  } = await s3.send(new ListObjectVersionsCommand({ Bucket, Prefix }))
  if (IsTruncated === true) throw new Error(`${Bucket} has more than one page`)
  return [...Versions, ...DeleteMarkers].map(v => `${v.Key} ${v.VersionId}`).sort()
}
