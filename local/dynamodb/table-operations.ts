/** CreateTable, DescribeTable, ListTables, UpdateTable, DeleteTable and tags. Changes take effect at once. */
import { AwsError } from '../core/types.ts'
import type { Database, Table } from './database.ts'
import { invalidParameters, resourceNotFound, validation } from './errors.ts'
import {
  type Input,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalString,
  optionalStructure,
  requiredString,
  requiredTableName,
  strings,
  structures,
  tableNameOf,
} from './input.ts'
import { authorizeTables, type Operations } from './operation.ts'
import { findIndex, type IndexDefinition, keyNames, type TableDefinition } from './table-definition.ts'
import { describeTable } from './table-description.ts'
import {
  readAttributes,
  readIndex,
  readStream,
  readTableDefinition,
  readTags,
  readThroughput,
} from './table-input.ts'

const maxListed = 100

export function tableOperations(db: Database): Operations {
  const existing = (name: string): Table => {
    const table = db.find(name)
    if (table === undefined) throw resourceNotFound(`Requested resource not found: Table: ${name} not found`)
    return table
  }
  return {
    CreateTable(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'CreateTable', table: name }])
      const definition = readTableDefinition(input, db.realm.now().getTime())
      if (db.find(name) !== undefined)
        throw new AwsError('ResourceInUseException', `Table already exists: ${name}`)
      return { TableDescription: describeTable(db, db.define(definition)) }
    },
    DescribeTable(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'DescribeTable', table: name }])
      return { Table: describeTable(db, existing(name)) }
    },
    ListTables(input, ctx) {
      ctx.authorize({ action: 'dynamodb:ListTables', resource: '*' })
      const limit = optionalInteger(input, 'Limit', 1, maxListed) ?? maxListed
      const after = optionalString(input, 'ExclusiveStartTableName')
      const names = db.tableNames().filter(name => after === undefined || name > after)
      const TableNames = names.slice(0, limit)
      return { TableNames, ...(names.length > limit ? { LastEvaluatedTableName: TableNames.at(-1) } : {}) }
    },
    UpdateTable(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'UpdateTable', table: name }])
      const definition = updated(existing(name).definition, input, db.realm.now().getTime())
      return { TableDescription: describeTable(db, db.define(definition)) }
    },
    DeleteTable(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'DeleteTable', table: name }])
      const table = existing(name)
      if (table.definition.deletionProtection)
        throw validation(
          `Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first.`,
        )
      const description = describeTable(db, table)
      db.drop(name)
      return { TableDescription: { ...description, TableStatus: 'DELETING' } }
    },
    TagResource(input, ctx) {
      const name = resourceName(input)
      authorizeTables(db, ctx, [{ action: 'TagResource', table: name }])
      const { definition } = existing(name)
      db.define({ ...definition, tags: { ...definition.tags, ...readTags(input) } })
      return {}
    },
    UntagResource(input, ctx) {
      const name = resourceName(input)
      authorizeTables(db, ctx, [{ action: 'UntagResource', table: name }])
      const { definition } = existing(name)
      const removed = new Set(strings(input, 'TagKeys'))
      const tags = Object.entries(definition.tags).filter(([key]) => !removed.has(key))
      db.define({ ...definition, tags: Object.fromEntries(tags) })
      return {}
    },
    ListTagsOfResource(input, ctx) {
      const name = resourceName(input)
      authorizeTables(db, ctx, [{ action: 'ListTagsOfResource', table: name }])
      const { tags } = existing(name).definition
      return { Tags: Object.entries(tags).map(([Key, Value]) => ({ Key, Value })) }
    },
  }
}

function resourceName(input: Input): string {
  const arn = requiredString(input, 'ResourceArn')
  if (!/^arn:aws[\w-]*:dynamodb:[^:]*:\d+:table\/[^/]+$/.test(arn))
    throw validation(`Invalid TableArn: Invalid ResourceArn provided as input ${arn}`)
  return tableNameOf(arn)
}

function updated(definition: TableDefinition, input: Input, now: number): TableDefinition {
  const changes = structures(input, 'GlobalSecondaryIndexUpdates')
  const members = [
    'ProvisionedThroughput',
    'BillingMode',
    'StreamSpecification',
    'SSESpecification',
    'DeletionProtectionEnabled',
    'TableClass',
  ]
  if (changes.length === 0 && !members.some(member => input[member] !== undefined))
    throw validation(
      'At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or SSESpecification or ReplicaUpdates is required',
    )
  if (changes.length > 1)
    throw new AwsError(
      'LimitExceededException',
      'Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table',
    )
  const [change] = changes
  const indexed = change === undefined ? definition : withIndexChange(definition, change, input)
  const billingMode =
    optionalChoice(input, 'BillingMode', ['PROVISIONED', 'PAY_PER_REQUEST']) ?? definition.billingMode
  const throughput = readThroughput(input)
  const protection = optionalBoolean(input, 'DeletionProtectionEnabled')
  return {
    ...withStream(indexed, optionalStructure(input, 'StreamSpecification'), now),
    billingMode,
    throughput:
      billingMode === 'PAY_PER_REQUEST'
        ? { ReadCapacityUnits: 0, WriteCapacityUnits: 0 }
        : (throughput ?? definition.throughput),
    deletionProtection: protection ?? definition.deletionProtection,
    tableClass: optionalString(input, 'TableClass') ?? definition.tableClass,
  }
}

function withIndexChange(definition: TableDefinition, change: Input, input: Input): TableDefinition {
  const create = optionalStructure(change, 'Create')
  const removal = optionalStructure(change, 'Delete')
  if (create !== undefined) {
    const attributes = { ...definition.attributes, ...readAttributes(input) }
    const index = readIndex('global', create, attributes)
    if (findIndex(definition, index.name) !== undefined)
      throw invalidParameters(`Duplicate index name: ${index.name}`)
    return withUsedAttributes({ ...definition, attributes, indexes: [...definition.indexes, index] })
  }
  if (removal !== undefined) {
    const name = requiredString(removal, 'IndexName')
    if (findIndex(definition, name) === undefined) throw resourceNotFound('Requested resource not found')
    return withUsedAttributes({
      ...definition,
      indexes: definition.indexes.filter((index: IndexDefinition) => index.name !== name),
    })
  }
  return definition
}

function withUsedAttributes(definition: TableDefinition): TableDefinition {
  const used = new Set([definition.key, ...definition.indexes.map(index => index.key)].flatMap(keyNames))
  const attributes = Object.entries(definition.attributes).filter(([name]) => used.has(name))
  return { ...definition, attributes: Object.fromEntries(attributes) }
}

/** Turns the stream on or off; turning it on gives a new stream with a new ARN. */
export function withStream(
  definition: TableDefinition,
  specification: Input | undefined,
  now: number,
): TableDefinition {
  if (specification === undefined) return definition
  const { stream: before, ...rest } = definition
  const { stream } = readStream(specification, now)
  if (stream !== undefined && before !== undefined)
    throw validation(`Table already has an enabled stream: TableName: ${definition.name}`)
  if (stream === undefined && before === undefined)
    throw validation(`Table is already without a stream: TableName: ${definition.name}`)
  return stream === undefined ? rest : { ...rest, stream }
}
