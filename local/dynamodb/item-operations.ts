/** PutItem, UpdateItem, DeleteItem and GetItem. */
import type { CallContext } from '../core/types.ts'
import { type Item, newItem } from './attribute-value.ts'
import { consumed, readUnits } from './capacity.ts'
import type { Database } from './database.ts'
import { validation } from './errors.ts'
import type { Path } from './expression/path.ts'
import { parseProjection, project } from './expression/projection.ts'
import { readSubstitutions } from './expression/substitutions.ts'
import {
  type Input,
  optionalBoolean,
  optionalChoice,
  optionalString,
  requiredStructure,
  requiredTableName,
} from './input.ts'
import { encodeKey, parseKey } from './keys.ts'
import { authorizeTables, leadingKey, type Operations } from './operation.ts'
import { planWrite, type WriteKind, type WriteOutcome, type WritePlan } from './plan.ts'

const returnValues = ['NONE', 'ALL_OLD', 'UPDATED_OLD', 'ALL_NEW', 'UPDATED_NEW'] as const

export function itemOperations(db: Database): Operations {
  const authorize = (ctx: CallContext, action: string, input: Input, keyed: unknown) => {
    const table = requiredTableName(input)
    authorizeTables(db, ctx, [{ action, table, leadingKeys: [leadingKey(db.find(table), keyed)] }])
  }
  const write = (kind: WriteKind, input: Input): object => {
    const wanted = optionalChoice(input, 'ReturnValues', returnValues) ?? 'NONE'
    if (kind !== 'Update' && wanted !== 'NONE' && wanted !== 'ALL_OLD')
      throw validation('ReturnValues can only be ALL_OLD or NONE')
    const plan = planWrite(db, kind, input)
    const outcome = plan.run()
    db.commit([{ table: plan.table, key: plan.key, item: outcome.after }])
    const attributes = returned(wanted, plan, outcome)
    return {
      ...(attributes === undefined ? {} : { Attributes: attributes }),
      ...consumed(input, outcome.usage),
    }
  }
  return {
    PutItem(input, ctx) {
      authorize(ctx, 'PutItem', input, input['Item'])
      return write('Put', input)
    },
    UpdateItem(input, ctx) {
      authorize(ctx, 'UpdateItem', input, input['Key'])
      return write('Update', input)
    },
    DeleteItem(input, ctx) {
      authorize(ctx, 'DeleteItem', input, input['Key'])
      return write('Delete', input)
    },
    GetItem(input, ctx) {
      authorize(ctx, 'GetItem', input, input['Key'])
      const read = readItem(db, input)
      const units = readUnits(read.bytes, optionalBoolean(input, 'ConsistentRead') ?? false)
      return {
        ...(read.item === undefined ? {} : { Item: read.item }),
        ...consumed(input, [{ table: requiredTableName(input), units }]),
      }
    },
  }
}

/** The item that `TableName` and `Key` name, projected; `bytes` is the size of the whole item. */
export function readItem(
  db: Database,
  input: Input,
): { readonly item: Item | undefined; readonly bytes: number; readonly identity: string } {
  const { definition, items } = db.table(requiredTableName(input))
  const paths = readProjection(input)
  const key = encodeKey(definition.key, parseKey(definition, requiredStructure(input, 'Key')))
  const row = items.get(key)
  const item = row === undefined || paths === undefined ? row?.item : project(row.item, paths)
  return { item, bytes: row?.size ?? 0, identity: `${definition.name}/${key}` }
}

export function readProjection(input: Input): readonly Path[] | undefined {
  const substitutions = readSubstitutions(input, ['ProjectionExpression'])
  const source = optionalString(input, 'ProjectionExpression')
  const paths = source === undefined ? undefined : parseProjection(source, substitutions)
  substitutions.assertAllUsed()
  return paths
}

function returned(
  wanted: (typeof returnValues)[number],
  plan: WritePlan,
  { before, after }: WriteOutcome,
): Item | undefined {
  switch (wanted) {
    case 'NONE':
      return undefined
    case 'ALL_OLD':
      return before
    case 'ALL_NEW':
      return after
    case 'UPDATED_OLD':
      return nonEmpty(project(before ?? newItem(), plan.paths))
    case 'UPDATED_NEW':
      return nonEmpty(project(after ?? newItem(), plan.paths))
  }
}
const nonEmpty = (item: Item): Item | undefined => (Object.keys(item).length === 0 ? undefined : item)
