/**
 * Single-item writes as plans: everything that depends on the request alone is checked when the plan is made;
 * running it against the stored item gives the new one. Item operations, batches and transactions share them.
 */
import { copyItem, type Item, newItem, parseItem } from './attribute-value.ts'
import { type Usage, writeUnits } from './capacity.ts'
import { itemSize } from './compare.ts'
import type { Database, Table } from './database.ts'
import { conditionalCheckFailed, invalidParameters, validation } from './errors.ts'
import { type Condition, parseCondition } from './expression/condition.ts'
import { holds } from './expression/condition-eval.ts'
import type { Path } from './expression/path.ts'
import { readSubstitutions } from './expression/substitutions.ts'
import { parseUpdate, type UpdateAction } from './expression/update.ts'
import { applyUpdate } from './expression/update-apply.ts'
import { type Input, optionalChoice, optionalString, requiredStructure, requiredTableName } from './input.ts'
import { placement } from './item-store.ts'
import { assertIndexKeys, assertItemKeys, encodeKey, parseKey, pickKey } from './keys.ts'
import { keyNames } from './table-definition.ts'

export type WriteKind = 'Put' | 'Update' | 'Delete' | 'ConditionCheck'
export interface WritePlan {
  readonly kind: WriteKind
  readonly table: Table
  readonly key: Item
  /** Unique among all items of all tables. */
  readonly identity: string
  /** Document paths that an update touches. */
  readonly paths: readonly Path[]
  /** Throws ConditionalCheckFailedException or ValidationException; changes nothing. */
  run(): WriteOutcome
}
export interface WriteOutcome {
  readonly before: Item | undefined
  readonly after: Item | undefined
  readonly usage: readonly Usage[]
}

const maxItemBytes = 400 * 1024

export function planWrite(db: Database, kind: WriteKind, input: Input): WritePlan {
  const table = db.table(requiredTableName(input))
  const { definition } = table
  const substitutions = readSubstitutions(
    input,
    kind === 'Update' ? ['UpdateExpression', 'ConditionExpression'] : ['ConditionExpression'],
  )
  const updateSource = kind === 'Update' ? optionalString(input, 'UpdateExpression') : undefined
  const actions = updateSource === undefined ? [] : parseUpdate(updateSource, substitutions)
  const conditionSource = optionalString(input, 'ConditionExpression')
  if (kind === 'ConditionCheck' && conditionSource === undefined)
    throw validation('The ConditionExpression parameter is required for ConditionCheck')
  const condition =
    conditionSource === undefined
      ? undefined
      : parseCondition(conditionSource, 'ConditionExpression', substitutions)
  substitutions.assertAllUsed()
  const returnOld =
    optionalChoice(input, 'ReturnValuesOnConditionCheckFailure', ['ALL_OLD', 'NONE']) === 'ALL_OLD'

  const item = kind === 'Put' ? readItem(table, input) : undefined
  const key =
    item === undefined ? parseKey(definition, requiredStructure(input, 'Key')) : pickKey(definition.key, item)
  for (const action of actions) assertUpdatable(table, action)

  const next = (before: Item | undefined): Item | undefined => {
    if (kind === 'ConditionCheck') return before
    if (kind !== 'Update') return item
    const updated = applyUpdate(before ?? copyItem(key), actions)
    assertUpdated(table, updated)
    return updated
  }
  const keyText = encodeKey(definition.key, key)
  return {
    kind,
    table,
    key,
    identity: `${definition.name}/${keyText}`,
    paths: actions.map(action => action.path),
    run() {
      const before = table.items.get(keyText)?.item
      assertCondition(condition, before, returnOld)
      const after = next(before)
      return { before, after, usage: usageOf(table, before, after) }
    },
  }
}

function readItem({ definition }: Table, input: Input): Item {
  const item = parseItem(requiredStructure(input, 'Item'))
  assertItemKeys(definition, item)
  if (itemSize(item) > maxItemBytes) throw validation('Item size has exceeded the maximum allowed size')
  return item
}

function assertCondition(
  condition: Condition | undefined,
  before: Item | undefined,
  returnOld: boolean,
): void {
  if (condition !== undefined && !holds(condition, before ?? newItem()))
    throw conditionalCheckFailed(returnOld ? before : undefined)
}

/** Refuses changes of key attributes, and literal values that an index key cannot have. */
function assertUpdatable({ definition }: Table, action: UpdateAction): void {
  const [name, ...rest] = action.path
  if (keyNames(definition.key).includes(name))
    throw invalidParameters(`Cannot update attribute ${name}. This attribute is part of the key`)
  if (action.kind === 'REMOVE' || rest.length > 0) return
  const literal = action.kind !== 'SET' ? action.value : action.value.kind === 'value' && action.value.value
  if (literal) assertIndexKeys(definition, { [name]: literal })
}

function assertUpdated({ definition }: Table, item: Item): void {
  try {
    assertIndexKeys(definition, item)
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('Type mismatch for Index Key')) throw error
    throw validation('The update expression attempted to update the secondary index key to unsupported type')
  }
  if (itemSize(item) > maxItemBytes)
    throw validation('Item size to update has exceeded the maximum allowed size')
}

/** Units of a write on the table and on each index whose entry it touches. */
function usageOf({ definition }: Table, before: Item | undefined, after: Item | undefined): readonly Usage[] {
  const size = (item: Item | undefined) => (item === undefined ? 0 : itemSize(item))
  const units = writeUnits(size(before), size(after))
  const row = (item: Item) => ({ key: '', item, size: 0 })
  const indexes = definition.indexes.filter(index => {
    const place = placement(index.key, definition.attributes)
    return [before, after].some(item => item !== undefined && place(row(item)) !== undefined)
  })
  return [
    { table: definition.name, units },
    ...indexes.map(index => ({ table: definition.name, index, units })),
  ]
}
