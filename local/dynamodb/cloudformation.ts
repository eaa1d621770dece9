/** AWS::DynamoDB::Table: CloudFormation's properties in the API's shape, and what a redeployment changes. */
import type { Database, Table } from './database.ts'
import { validation } from './errors.ts'
import { type Input, optionalBoolean, optionalStructure, requiredString, structure } from './input.ts'
import { setRecovery } from './maintenance-operations.ts'
import type { TableDefinition } from './table-definition.ts'
import { readTableDefinition } from './table-input.ts'

/**
 * Creates the table, or brings the one of that name in the folder to these properties with its items kept. Throws
 * ValidationException naming the property when that cannot be done in place.
 */
export function deployTable(db: Database, properties: unknown): Table {
  const input = structure(properties, 'AWS::DynamoDB::Table')
  const wanted = readTableDefinition(wireInput(input), db.realm.now().getTime())
  const existing = db.find(wanted.name)
  const timeToLive = optionalStructure(input, 'TimeToLiveSpecification')
  const { ttl: _, ...merged } = existing === undefined ? wanted : redeployed(existing.definition, wanted)
  const table = db.define({
    ...merged,
    ...(timeToLive !== undefined && optionalBoolean(timeToLive, 'Enabled')
      ? { ttl: requiredString(timeToLive, 'AttributeName') }
      : {}),
  })
  const recovery = optionalStructure(input, 'PointInTimeRecoverySpecification')
  return setRecovery(
    db,
    table,
    recovery !== undefined && optionalBoolean(recovery, 'PointInTimeRecoveryEnabled') === true,
  )
}

function wireInput(input: Input): Input {
  const stream = optionalStructure(input, 'StreamSpecification')
  const sse = optionalStructure(input, 'SSESpecification')
  return {
    ...input,
    ...(stream === undefined ? {} : { StreamSpecification: { StreamEnabled: true, ...stream } }),
    ...(sse === undefined ? {} : { SSESpecification: { ...sse, Enabled: sse['SSEEnabled'] } }),
  }
}

function redeployed(before: TableDefinition, wanted: TableDefinition): TableDefinition {
  const same = (left: unknown, right: unknown) => JSON.stringify(left) === JSON.stringify(right)
  const fault = (property: string) =>
    validation(
      `Table ${wanted.name} exists with another ${property}; delete the table or the local cloud's folder to change it`,
    )
  if (!same(before.key, wanted.key)) throw fault('KeySchema')
  const locals = (table: TableDefinition) => table.indexes.filter(index => index.kind === 'local')
  if (!same(locals(before), locals(wanted))) throw fault('LocalSecondaryIndexes')
  for (const [name, type] of Object.entries(wanted.attributes)) {
    if (Object.hasOwn(before.attributes, name) && before.attributes[name] !== type)
      throw fault(`AttributeType of ${name}`)
  }
  for (const index of wanted.indexes) {
    const earlier = before.indexes.find(({ name }) => name === index.name)
    if (earlier !== undefined && !same([earlier.key, earlier.projection], [index.key, index.projection]))
      throw fault(`definition of index ${index.name}`)
  }
  const keepsStream = before.stream?.viewType === wanted.stream?.viewType
  return {
    ...wanted,
    id: before.id,
    created: before.created,
    ...(keepsStream && before.stream !== undefined ? { stream: before.stream } : {}),
    ...(before.recoverySince === undefined ? {} : { recoverySince: before.recoverySince }),
  }
}
