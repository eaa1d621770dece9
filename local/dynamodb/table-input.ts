/** Reads table definitions from CreateTable and UpdateTable input. */
import { randomUUID } from 'node:crypto'
import { constraint, invalidParameters, validation } from './errors.ts'
import {
  type Input,
  optionalBoolean,
  optionalChoice,
  optionalInteger,
  optionalString,
  optionalStructure,
  requiredString,
  requiredStructure,
  requiredTableName,
  strings,
  structures,
} from './input.ts'
import {
  type IndexDefinition,
  type KeyAttributes,
  keyNames,
  type ScalarTag,
  type StreamViewType,
  type TableDefinition,
  type Throughput,
} from './table-definition.ts'

const scalarTags = ['S', 'N', 'B'] as const
const viewTypes = ['KEYS_ONLY', 'NEW_IMAGE', 'OLD_IMAGE', 'NEW_AND_OLD_IMAGES'] as const
const noThroughput: Throughput = { ReadCapacityUnits: 0, WriteCapacityUnits: 0 }
const maxGlobalIndexes = 20
const maxLocalIndexes = 5

/** `now` in milliseconds since the epoch. Throws ValidationException naming what is wrong. */
export function readTableDefinition(input: Input, now: number): TableDefinition {
  const attributes = readAttributes(input)
  const key = readKeySchema(input, attributes)
  const billingMode =
    optionalChoice(input, 'BillingMode', ['PROVISIONED', 'PAY_PER_REQUEST']) ?? 'PROVISIONED'
  const indexes = [
    ...structures(input, 'GlobalSecondaryIndexes').map(index => readIndex('global', index, attributes)),
    ...structures(input, 'LocalSecondaryIndexes').map(index => readIndex('local', index, attributes)),
  ]
  assertIndexes(input, key, indexes)
  assertNoSpareAttributes(attributes, [key, ...indexes.map(index => index.key)])
  const throughput = readThroughput(input)
  if (billingMode === 'PAY_PER_REQUEST' && throughput !== undefined)
    throw invalidParameters(
      'Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST',
    )
  if (billingMode === 'PROVISIONED' && throughput === undefined)
    throw invalidParameters(
      'ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED',
    )
  const sse = optionalStructure(input, 'SSESpecification')
  return {
    name: requiredTableName(input),
    id: randomUUID(),
    created: now / 1000,
    key,
    attributes,
    indexes,
    billingMode,
    throughput: throughput ?? noThroughput,
    ...readStream(optionalStructure(input, 'StreamSpecification'), now),
    deletionProtection: optionalBoolean(input, 'DeletionProtectionEnabled') ?? false,
    ...(sse !== undefined && optionalBoolean(sse, 'Enabled')
      ? {
          sse: {
            type: optionalString(sse, 'SSEType') ?? 'KMS',
            key: optionalString(sse, 'KMSMasterKeyId') ?? 'alias/aws/dynamodb',
          },
        }
      : {}),
    tableClass: optionalString(input, 'TableClass') ?? 'STANDARD',
    tags: readTags(input),
  }
}

export function readTags(input: Input): Readonly<Record<string, string>> {
  return Object.fromEntries(
    structures(input, 'Tags').map(tag => [requiredString(tag, 'Key'), requiredString(tag, 'Value')]),
  )
}

/** `{}` when the specification asks for no stream. A new stream gets a label of its own from the time. */
export function readStream(
  specification: Input | undefined,
  now: number,
): { readonly stream?: { readonly label: string; readonly viewType: StreamViewType } } {
  if (specification === undefined || optionalBoolean(specification, 'StreamEnabled') !== true) return {}
  const viewType = optionalChoice(specification, 'StreamViewType', viewTypes)
  if (viewType === undefined) throw invalidParameters('StreamViewType is required when StreamEnabled is true')
  return { stream: { label: new Date(now).toISOString().replace('Z', ''), viewType } }
}

export function readAttributes(input: Input): Readonly<Record<string, ScalarTag>> {
  return Object.fromEntries(
    structures(input, 'AttributeDefinitions').map(attribute => {
      const type = optionalChoice(attribute, 'AttributeType', scalarTags)
      if (type === undefined) throw constraint(undefined, 'attributeType', 'Member must not be null')
      return [requiredString(attribute, 'AttributeName'), type]
    }),
  )
}

export function readIndex(
  kind: 'global' | 'local',
  input: Input,
  attributes: Readonly<Record<string, ScalarTag>>,
): IndexDefinition {
  const name = requiredString(input, 'IndexName')
  if (!/^[a-zA-Z0-9_.-]{3,255}$/.test(name))
    throw constraint(name, 'indexName', 'Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+')
  const projection = requiredStructure(input, 'Projection')
  const type = optionalChoice(projection, 'ProjectionType', ['ALL', 'KEYS_ONLY', 'INCLUDE'])
  if (type === undefined) throw invalidParameters('Unknown ProjectionType: null')
  const include = strings(projection, 'NonKeyAttributes')
  if ((type === 'INCLUDE') !== include.length > 0)
    throw invalidParameters(
      type === 'INCLUDE'
        ? 'ProjectionType is INCLUDE, but NonKeyAttributes is not specified'
        : `ProjectionType is ${type}, but NonKeyAttributes is specified`,
    )
  const throughput = readThroughput(input)
  return {
    kind,
    name,
    key: readKeySchema(input, attributes),
    projection: { type, include },
    ...(throughput === undefined ? {} : { throughput }),
  }
}

function readKeySchema(input: Input, attributes: Readonly<Record<string, ScalarTag>>): KeyAttributes {
  const elements = structures(input, 'KeySchema')
  const [first, second] = elements
  if (first === undefined) throw constraint(undefined, 'keySchema', 'Member must not be null')
  if (elements.length > 2)
    throw constraint(elements, 'keySchema', 'Member must have length less than or equal to 2')
  if (requiredString(first, 'KeyType') !== 'HASH')
    throw validation('Invalid KeySchema: The first KeySchemaElement is not a HASH key type')
  if (second !== undefined && requiredString(second, 'KeyType') !== 'RANGE')
    throw validation('Invalid KeySchema: The second KeySchemaElement is not a RANGE key type')
  const hash = requiredString(first, 'AttributeName')
  const range = second === undefined ? undefined : requiredString(second, 'AttributeName')
  if (hash === range)
    throw validation('Both the Hash Key and the Range Key element in the KeySchema have the same name')
  const key: KeyAttributes = range === undefined ? { hash } : { hash, range }
  const missing = keyNames(key).filter(name => !Object.hasOwn(attributes, name))
  if (missing.length > 0)
    throw invalidParameters(
      `Some index key attributes are not defined in AttributeDefinitions. Keys: [${missing.join(', ')}], AttributeDefinitions: [${Object.keys(attributes).join(', ')}]`,
    )
  return key
}

function assertIndexes(input: Input, key: KeyAttributes, indexes: readonly IndexDefinition[]): void {
  const names = new Set<string>()
  for (const index of indexes) {
    if (names.has(index.name)) throw invalidParameters(`Duplicate index name: ${index.name}`)
    names.add(index.name)
    if (index.kind === 'global') continue
    if (index.key.hash !== key.hash)
      throw invalidParameters(
        `Index KeySchema does not have the same leading hash key as table KeySchema for index: ${index.name}. index hash key: ${index.key.hash}, table hash key: ${key.hash}`,
      )
    if (index.key.range === undefined)
      throw invalidParameters(`Index KeySchema does not have a range key for index: ${index.name}`)
  }
  const count = (kind: string) => indexes.filter(index => index.kind === kind).length
  if (count('global') > maxGlobalIndexes)
    throw invalidParameters(`GlobalSecondaryIndex count exceeds the per-table limit of ${maxGlobalIndexes}`)
  if (count('local') > maxLocalIndexes)
    throw invalidParameters(`Number of LocalSecondaryIndexes exceeds per-table limit of ${maxLocalIndexes}`)
  if (count('local') > 0 && key.range === undefined)
    throw invalidParameters(
      'Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex',
    )
  for (const member of ['GlobalSecondaryIndexes', 'LocalSecondaryIndexes']) {
    if (input[member] !== undefined && structures(input, member).length === 0)
      throw invalidParameters(`List of ${member} is empty`)
  }
}

function assertNoSpareAttributes(
  attributes: Readonly<Record<string, ScalarTag>>,
  keys: readonly KeyAttributes[],
): void {
  const used = new Set(keys.flatMap(keyNames))
  if (Object.keys(attributes).some(name => !used.has(name)))
    throw invalidParameters(
      `Number of attributes in KeySchema does not exactly match number of attributes defined in AttributeDefinitions: AttributeDefinitions has [${Object.keys(attributes).join(', ')}], keys use [${[...used].join(', ')}]`,
    )
}

export function readThroughput(input: Input): Throughput | undefined {
  const given = optionalStructure(input, 'ProvisionedThroughput')
  if (given === undefined) return undefined
  const read = optionalInteger(given, 'ReadCapacityUnits', 0)
  const write = optionalInteger(given, 'WriteCapacityUnits', 0)
  if (read === undefined || write === undefined)
    throw constraint(undefined, 'provisionedThroughput', 'Member must not be null')
  return { ReadCapacityUnits: read, WriteCapacityUnits: write }
}
