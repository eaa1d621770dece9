/** Table descriptions as DescribeTable and its relatives answer them. */
import type { Database, Table } from './database.ts'
import type { IndexDefinition, KeyAttributes } from './table-definition.ts'

export function describeTable(db: Database, { definition, items, stream }: Table): object {
  const arn = db.tableArn(definition.name)
  const indexes = (kind: IndexDefinition['kind']) =>
    definition.indexes
      .filter(index => index.kind === kind)
      .map(index => ({
        IndexName: index.name,
        KeySchema: keySchema(index.key),
        Projection: {
          ProjectionType: index.projection.type,
          ...(index.projection.type === 'INCLUDE' ? { NonKeyAttributes: index.projection.include } : {}),
        },
        IndexArn: `${arn}/index/${index.name}`,
        ItemCount: items.entries(index.name).length,
        ...(kind === 'global'
          ? {
              IndexStatus: 'ACTIVE',
              ProvisionedThroughput: throughput(index.throughput ?? definition.throughput),
            }
          : {}),
      }))
  const global = indexes('global')
  const local = indexes('local')
  return {
    TableName: definition.name,
    TableArn: arn,
    TableId: definition.id,
    TableStatus: 'ACTIVE',
    CreationDateTime: definition.created,
    KeySchema: keySchema(definition.key),
    AttributeDefinitions: Object.entries(definition.attributes).map(([AttributeName, AttributeType]) => ({
      AttributeName,
      AttributeType,
    })),
    ItemCount: items.count,
    TableSizeBytes: items.bytes,
    ProvisionedThroughput: throughput(definition.throughput),
    ...(definition.billingMode === 'PAY_PER_REQUEST'
      ? {
          BillingModeSummary: {
            BillingMode: 'PAY_PER_REQUEST',
            LastUpdateToPayPerRequestDateTime: definition.created,
          },
        }
      : {}),
    ...(global.length > 0 ? { GlobalSecondaryIndexes: global } : {}),
    ...(local.length > 0 ? { LocalSecondaryIndexes: local } : {}),
    ...(stream === undefined
      ? {}
      : {
          StreamSpecification: { StreamEnabled: true, StreamViewType: stream.identity.viewType },
          LatestStreamLabel: stream.identity.label,
          LatestStreamArn: stream.identity.arn,
        }),
    ...(definition.sse === undefined
      ? {}
      : {
          SSEDescription: {
            Status: 'ENABLED',
            SSEType: definition.sse.type,
            KMSMasterKeyArn: definition.sse.key,
          },
        }),
    DeletionProtectionEnabled: definition.deletionProtection,
    TableClassSummary: { TableClass: definition.tableClass },
  }
}

export const keySchema = ({ hash, range }: KeyAttributes): readonly object[] => [
  { AttributeName: hash, KeyType: 'HASH' },
  ...(range === undefined ? [] : [{ AttributeName: range, KeyType: 'RANGE' }]),
]

const throughput = (units: { readonly ReadCapacityUnits: number; readonly WriteCapacityUnits: number }) => ({
  NumberOfDecreasesToday: 0,
  ...units,
})
