/** BatchWriteItem and BatchGetItem. */
import type { Item } from './attribute-value.ts'
import { consumedByTable, readUnits, type Usage } from './capacity.ts'
import type { Database, Write } from './database.ts'
import { constraint, validation } from './errors.ts'
import {
  type Input,
  optionalBoolean,
  optionalList,
  optionalStructure,
  requiredStructure,
  structure,
  structures,
  tableNameOf,
} from './input.ts'
import { readItem, readProjection } from './item-operations.ts'
import { authorizeTables, leadingKey, type Operations } from './operation.ts'
import { planWrite } from './plan.ts'

const maxWrites = 25
const maxReads = 100
const maxResponseBytes = 16 * 1024 * 1024

export function batchOperations(db: Database): Operations {
  return {
    BatchWriteItem(input, ctx) {
      const requests = readRequests(input, name => structures(requiredStructure(input, 'RequestItems'), name))
      authorizeTables(
        db,
        ctx,
        requests.map(({ table, content }) => ({
          action: 'BatchWriteItem',
          table,
          leadingKeys: content.map(request =>
            leadingKey(
              db.find(table),
              optionalStructure(request, 'PutRequest')?.['Item'] ??
                optionalStructure(request, 'DeleteRequest')?.['Key'],
            ),
          ),
        })),
      )
      const count = requests.reduce((sum, { content }) => sum + content.length, 0)
      if (count > maxWrites) throw validation('Too many items requested for the BatchWriteItem call')
      const plans = requests.flatMap(({ table, content }) =>
        content.map(request => {
          const put = optionalStructure(request, 'PutRequest')
          const removal = optionalStructure(request, 'DeleteRequest')
          if ((put === undefined) === (removal === undefined))
            throw validation(
              'Supplied AttributeValue has more than one datatypes set, must contain exactly one of PutRequest and DeleteRequest',
            )
          return put === undefined
            ? planWrite(db, 'Delete', { TableName: table, Key: removal?.['Key'] })
            : planWrite(db, 'Put', { TableName: table, Item: put['Item'] })
        }),
      )
      assertDistinct(plans.map(plan => plan.identity))
      const usage: Usage[] = []
      const writes: Write[] = plans.map(plan => {
        const outcome = plan.run()
        usage.push(...outcome.usage)
        return { table: plan.table, key: plan.key, item: outcome.after }
      })
      db.commit(writes)
      return { UnprocessedItems: {}, ...consumedByTable(input, usage) }
    },

    BatchGetItem(input, ctx) {
      const requests = readRequests(input, name =>
        structure(requiredStructure(input, 'RequestItems')[name], name),
      )
      authorizeTables(
        db,
        ctx,
        requests.map(({ table, content }) => ({
          action: 'BatchGetItem',
          table,
          leadingKeys: (optionalList(content, 'Keys') ?? []).map(key => leadingKey(db.find(table), key)),
        })),
      )
      const responses: Record<string, Item[]> = {}
      const unprocessed: Record<string, object> = {}
      const usage: Usage[] = []
      const identities: string[] = []
      let bytes = 0
      for (const { name, table, content } of requests) {
        db.table(table)
        const consistent = optionalBoolean(content, 'ConsistentRead') ?? false
        const keys = optionalList(content, 'Keys') ?? []
        if (keys.length === 0)
          throw constraint(
            keys,
            `requestItems.${name}.member.keys`,
            'Member must have length greater than or equal to 1',
          )
        readProjection(content)
        const found: Item[] = []
        const left: unknown[] = []
        for (const key of keys) {
          if (identities.length >= maxReads)
            throw validation('Too many items requested for the BatchGetItem call')
          const read = readItem(db, { ...content, TableName: table, Key: key })
          identities.push(read.identity)
          bytes += read.bytes
          if (bytes > maxResponseBytes) {
            left.push(key)
            continue
          }
          usage.push({ table, units: readUnits(read.bytes, consistent) })
          if (read.item !== undefined) found.push(read.item)
        }
        responses[name] = found
        if (left.length > 0) unprocessed[name] = { ...content, Keys: left }
      }
      assertDistinct(identities)
      return { Responses: responses, UnprocessedKeys: unprocessed, ...consumedByTable(input, usage) }
    },
  }
}

/** Per-table parts of a batch; a table may be named by its ARN, and is answered under the name given. */
function readRequests<T>(
  input: Input,
  read: (name: string) => T,
): readonly { readonly name: string; readonly table: string; readonly content: T }[] {
  const names = Object.keys(requiredStructure(input, 'RequestItems'))
  if (names.length === 0)
    throw constraint({}, 'requestItems', 'Member must have length greater than or equal to 1')
  return names.map(name => ({ name, table: tableNameOf(name), content: read(name) }))
}

function assertDistinct(identities: readonly string[]): void {
  if (new Set(identities).size !== identities.length)
    throw validation('Provided list of item keys contains duplicates')
}
