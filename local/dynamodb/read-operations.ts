/** Query and Scan. */
import { type AttributeValue, type Item, parseItem, tagOf } from './attribute-value.ts'
import { consumed } from './capacity.ts'
import type { Database } from './database.ts'
import { validation } from './errors.ts'
import { parseCondition } from './expression/condition.ts'
import { readSubstitutions } from './expression/substitutions.ts'
import { type Input, optionalBoolean, optionalInteger, optionalString, requiredTableName } from './input.ts'
import { compareEntries, type Entry, hash32, placement } from './item-store.ts'
import { type KeyRange, readKeyRange } from './key-condition.ts'
import { encodeKey, encodeScalar } from './keys.ts'
import { authorizeTables, type Operations } from './operation.ts'
import { type PageRequest, readPage, readPageRequest, startKeyNames } from './read-page.ts'

const maxSegments = 1_000_000

export function readOperations(db: Database): Operations {
  return {
    Query(input, ctx) {
      const table = db.find(requiredTableName(input))
      const substitutions = readSubstitutions(input, [
        'ProjectionExpression',
        'FilterExpression',
        'KeyConditionExpression',
      ])
      const source = optionalString(input, 'KeyConditionExpression')
      const condition =
        source === undefined ? undefined : parseCondition(source, 'KeyConditionExpression', substitutions)
      const authorize = (leadingKeys: readonly AttributeValue[]) =>
        authorizeTables(db, ctx, [
          {
            action: 'Query',
            table: requiredTableName(input),
            index: optionalString(input, 'IndexName'),
            leadingKeys,
          },
        ])
      if (table === undefined || condition === undefined) {
        authorize([])
        db.table(requiredTableName(input))
        throw validation(
          'Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.',
        )
      }
      const request = readPageRequest(table, input, substitutions)
      const range = readKeyRange(condition, request.index?.key ?? table.definition.key, table.definition)
      authorize([range.hash])
      substitutions.assertAllUsed()
      const page = query(request, range, input)
      return { ...page.output, ...consumed(input, page.usage) }
    },

    Scan(input, ctx) {
      const name = requiredTableName(input)
      authorizeTables(db, ctx, [{ action: 'Scan', table: name, index: optionalString(input, 'IndexName') }])
      const table = db.table(name)
      const substitutions = readSubstitutions(input, ['ProjectionExpression', 'FilterExpression'])
      const request = readPageRequest(table, input, substitutions)
      substitutions.assertAllUsed()
      const segment = readSegment(input)
      const start = readStartKey(request, input)
      const entries = table.items.entries(request.index?.name)
      const page = readPage(
        request,
        entries.ascending(
          entry => entry.hash < segment.from || (start !== undefined && compareEntries(entry, start) <= 0),
        ),
        entry => entry.hash < segment.to,
      )
      return { ...page.output, ...consumed(input, page.usage) }
    },
  }
}

function query(request: PageRequest, { hash, range }: KeyRange, input: Input) {
  const partition = encodeScalar(hash)
  const start = readStartKey(request, input)
  if (start !== undefined && start.partition !== partition)
    throw validation('The provided starting key is outside query boundaries based on provided conditions')
  if (start?.range !== undefined && (range?.below(start.range) || range?.above(start.range)))
    throw validation('The provided starting key does not match the range key predicate')
  const edge = { hash: hash32(partition), partition, range: undefined, row: { key: '', item: {}, size: 0 } }
  const inPartition = (entry: Entry) => entry.hash === edge.hash && entry.partition === partition
  const partitionOrder = (entry: Entry) =>
    entry.hash - edge.hash || (entry.partition === partition ? 0 : compareEntries(entry, edge))
  const below = (entry: Entry) => entry.range !== undefined && range?.below(entry.range) === true
  const above = (entry: Entry) => entry.range !== undefined && range?.above(entry.range) === true
  const entries = request.table.items.entries(request.index?.name)
  const forward = optionalBoolean(input, 'ScanIndexForward') ?? true
  if (forward)
    return readPage(
      request,
      entries.ascending(entry => {
        const order = partitionOrder(entry)
        if (order !== 0) return order < 0
        return below(entry) || (start !== undefined && compareEntries(entry, start) <= 0)
      }),
      entry => inPartition(entry) && !above(entry),
    )
  return readPage(
    request,
    entries.descending(entry => {
      const order = partitionOrder(entry)
      if (order !== 0) return order > 0
      return above(entry) || (start !== undefined && compareEntries(entry, start) >= 0)
    }),
    entry => inPartition(entry) && !below(entry),
  )
}

/** Place of `ExclusiveStartKey` in the table or index; the item itself need not exist any more. */
function readStartKey(request: PageRequest, input: Input): Entry | undefined {
  if (input['ExclusiveStartKey'] === undefined) return undefined
  const { definition } = request.table
  const key: Item = parseItem(input['ExclusiveStartKey'])
  const names = startKeyNames(request)
  if (Object.keys(key).length !== names.length || names.some(name => key[name] === undefined))
    throw validation('The provided starting key is invalid')
  if (names.some(name => tagOf(key[name]!) !== definition.attributes[name]))
    throw validation(
      'The provided starting key is invalid: The provided key element does not match the schema',
    )
  const row = { key: encodeKey(definition.key, key), item: key, size: 0 }
  return placement(request.index?.key ?? definition.key, definition.attributes)(row)
}

/** Interval of partition hashes for a segment of a parallel scan. */
function readSegment(input: Input): { readonly from: number; readonly to: number } {
  const segment = optionalInteger(input, 'Segment', 0, maxSegments - 1)
  const total = optionalInteger(input, 'TotalSegments', 1, maxSegments)
  if (segment === undefined && total !== undefined)
    throw validation(
      'The Segment parameter is required but was not present in the request when parameter TotalSegments is present',
    )
  if (segment !== undefined && total === undefined)
    throw validation(
      'The TotalSegments parameter is required but was not present in the request when Segment parameter is present',
    )
  if (segment === undefined || total === undefined) return { from: 0, to: 2 ** 32 }
  if (segment >= total)
    throw validation(
      `The Segment parameter is zero-based and must be less than parameter TotalSegments: Segment: ${segment} is not less than TotalSegments: ${total}`,
    )
  return { from: Math.floor((segment * 2 ** 32) / total), to: Math.floor(((segment + 1) * 2 ** 32) / total) }
}
