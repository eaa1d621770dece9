/** Primary keys and index keys of items, checked as DynamoDB checks them. */
import {
  type AttributeValue,
  type Item,
  type MutableItem,
  newItem,
  parseItem,
  tagOf,
} from './attribute-value.ts'
import { bytes } from './compare.ts'
import { invalidParameters, validation } from './errors.ts'
import { type KeyAttributes, keyNames, type ScalarTag, type TableDefinition } from './table-definition.ts'

const maxHashBytes = 2048
const maxRangeBytes = 1024

/** Text that identifies a scalar among all others; equal values have equal texts because numbers are canonical. */
export const encodeScalar = (value: AttributeValue): string => {
  const tag = tagOf(value) as ScalarTag
  return `${tag}${value[tag]}`
}

/** Text that identifies an item of its table. The length in front keeps hash and range part apart. */
export function encodeKey({ hash, range }: KeyAttributes, item: Item): string {
  const first = encodeScalar(item[hash]!)
  return `${first.length}:${first}${range === undefined ? '' : encodeScalar(item[range]!)}`
}

export function pickKey(key: KeyAttributes, item: Item): Item {
  const picked: MutableItem = newItem()
  for (const name of keyNames(key)) picked[name] = item[name]!
  return picked
}

/** Reads a `Key` parameter, which must be the table's key and nothing else. Throws ValidationException. */
export function parseKey(table: TableDefinition, raw: unknown): Item {
  const key = parseItem(raw)
  const names = keyNames(table.key)
  const fits =
    Object.keys(key).length === names.length &&
    names.every(name => key[name] !== undefined && tagOf(key[name]) === table.attributes[name])
  if (!fits) throw validation('The provided key element does not match the schema')
  assertKeyContent(table, key)
  return pickKey(table.key, key)
}

/** Checks that a whole item carries a valid primary key and that attributes of index keys have the right type. */
export function assertItemKeys(table: TableDefinition, item: Item): void {
  for (const name of keyNames(table.key)) {
    const value = item[name]
    if (value === undefined) throw invalidParameters(`Missing the key ${name} in the item`)
    const expected = table.attributes[name]
    if (tagOf(value) !== expected)
      throw invalidParameters(`Type mismatch for key ${name} expected: ${expected} actual: ${tagOf(value)}`)
  }
  assertKeyContent(table, item)
  assertIndexKeys(table, item)
}

/** Attributes of index keys may be missing; when they are there they must fit. */
export function assertIndexKeys(table: TableDefinition, item: Item): void {
  for (const index of table.indexes) {
    for (const name of keyNames(index.key)) {
      const value = item[name]
      if (value === undefined) continue
      const expected = table.attributes[name]
      if (tagOf(value) !== expected)
        throw invalidParameters(
          `Type mismatch for Index Key ${name} Expected: ${expected} Actual: ${tagOf(value)} IndexName: ${index.name}`,
        )
      if (sizeOf(value) === 0)
        throw validation(
          `One or more parameter values are not valid. A value specified for a secondary index key is not supported. The AttributeValue for a key attribute cannot contain an empty ${emptyName(value)} value. IndexName: ${index.name}, IndexKey: ${name}`,
        )
    }
  }
}

function assertKeyContent({ key }: TableDefinition, item: Item): void {
  for (const name of keyNames(key)) {
    const value = item[name]!
    const size = sizeOf(value)
    if (size === 0)
      throw validation(
        `One or more parameter values are not valid. The AttributeValue for a key attribute cannot contain an empty ${emptyName(value)} value. Key: ${name}`,
      )
    if (name === key.hash && size > maxHashBytes)
      throw invalidParameters('Size of hashkey has exceeded the maximum size limit of2048 bytes')
    if (name === key.range && size > maxRangeBytes)
      throw invalidParameters('Aggregated size of all range keys has exceeded the size limit of 1024 bytes')
  }
}

const sizeOf = (value: AttributeValue): number =>
  value.B === undefined ? Buffer.byteLength(value.S ?? value.N ?? '') : bytes(value.B).length
const emptyName = (value: AttributeValue): string => (value.B === undefined ? 'string' : 'binary')
