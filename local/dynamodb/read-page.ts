/** One page of a query or scan: filtering, projection, limits, and the key to go on from. */
import { type Item, newItem } from './attribute-value.ts'
import { readUnits, type Usage } from './capacity.ts'
import { itemSize } from './compare.ts'
import type { Table } from './database.ts'
import { validation } from './errors.ts'
import { type Condition, parseCondition } from './expression/condition.ts'
import { holds } from './expression/condition-eval.ts'
import type { Path } from './expression/path.ts'
import { parseProjection, project } from './expression/projection.ts'
import type { Substitutions } from './expression/substitutions.ts'
import { type Input, optionalBoolean, optionalChoice, optionalInteger, optionalString } from './input.ts'
import type { Entry } from './item-store.ts'
import { pickKey } from './keys.ts'
import { findIndex, type IndexDefinition, keyNames, projectedNames } from './table-definition.ts'

export interface Page {
  readonly output: {
    readonly Items?: readonly Item[]
    readonly Count: number
    readonly ScannedCount: number
    readonly LastEvaluatedKey?: Item
  }
  readonly usage: readonly Usage[]
}
export interface PageRequest {
  readonly table: Table
  readonly index: IndexDefinition | undefined
  readonly filter: Condition | undefined
  readonly paths: readonly Path[] | undefined
  readonly select: (typeof selects)[number]
  readonly limit: number
  readonly consistent: boolean
  /** Attributes that the index holds; all when undefined. */
  readonly held: ReadonlySet<string> | undefined
}

const maxPageBytes = 1024 * 1024
const selects = ['ALL_ATTRIBUTES', 'ALL_PROJECTED_ATTRIBUTES', 'COUNT', 'SPECIFIC_ATTRIBUTES'] as const

/** Reads what Query and Scan have in common. Throws ValidationException for combinations the service refuses. */
export function readPageRequest(table: Table, input: Input, substitutions: Substitutions): PageRequest {
  const { definition } = table
  const indexName = optionalString(input, 'IndexName')
  const index = indexName === undefined ? undefined : findIndex(definition, indexName)
  if (indexName !== undefined && index === undefined)
    throw validation(`The table does not have the specified index: ${indexName}`)
  const consistent = optionalBoolean(input, 'ConsistentRead') ?? false
  if (consistent && index?.kind === 'global')
    throw validation('Consistent reads are not supported on global secondary indexes')
  const projection = optionalString(input, 'ProjectionExpression')
  const paths = projection === undefined ? undefined : parseProjection(projection, substitutions)
  const filter = optionalString(input, 'FilterExpression')
  const select =
    optionalChoice(input, 'Select', selects) ??
    (paths !== undefined
      ? 'SPECIFIC_ATTRIBUTES'
      : index === undefined
        ? 'ALL_ATTRIBUTES'
        : 'ALL_PROJECTED_ATTRIBUTES')
  assertSelect(select, paths, index)
  const projected = index === undefined ? undefined : projectedNames(definition, index)
  const foreign = paths?.find(([name]) => projected !== undefined && !projected.has(name))
  if (index?.kind === 'global' && foreign !== undefined)
    throw validation(
      `One or more parameter values were invalid: Global secondary index ${index.name} does not project [${foreign[0]}]`,
    )
  // A local index fetches what it does not hold from the table; a global one cannot.
  const fetches = index?.kind === 'local' && (select === 'ALL_ATTRIBUTES' || foreign !== undefined)
  return {
    table,
    index,
    filter: filter === undefined ? undefined : parseCondition(filter, 'FilterExpression', substitutions),
    paths,
    select,
    limit: optionalInteger(input, 'Limit', 1) ?? Number.POSITIVE_INFINITY,
    consistent,
    held: fetches ? undefined : projected,
  }
}

/** Takes entries in order until the limit, 1 MB or the end of what `within` allows. */
export function readPage(
  request: PageRequest,
  entries: Iterable<Entry>,
  within: (entry: Entry) => boolean,
): Page {
  const { table, index, filter, paths, select, limit, consistent, held } = request
  const items: Item[] = []
  let count = 0
  let scanned = 0
  let bytes = 0
  let last: Entry | undefined
  let more = false
  for (const entry of entries) {
    if (!within(entry)) break
    const item = held === undefined ? entry.row.item : only(entry.row.item, held)
    const size = held === undefined ? entry.row.size : itemSize(item)
    if (scanned > 0 && bytes + size > maxPageBytes) {
      more = true
      break
    }
    scanned++
    bytes += size
    last = entry
    if (filter === undefined || holds(filter, item)) {
      count++
      if (select !== 'COUNT') items.push(paths === undefined ? item : project(item, paths))
    }
    // With a limit the service stops here and cannot know whether more would follow.
    if (scanned >= limit) {
      more = true
      break
    }
  }
  const { definition } = table
  const key = index === undefined ? undefined : pickKey(index.key, last?.row.item ?? newItem())
  return {
    output: {
      ...(select === 'COUNT' ? {} : { Items: items }),
      Count: count,
      ScannedCount: scanned,
      ...(more && last !== undefined
        ? { LastEvaluatedKey: { ...key, ...pickKey(definition.key, last.row.item) } }
        : {}),
    },
    usage: [{ table: definition.name, index, units: readUnits(bytes, consistent) }],
  }
}

function only(item: Item, names: ReadonlySet<string>): Item {
  const held = newItem()
  for (const name of Object.keys(item)) if (names.has(name)) held[name] = item[name]!
  return held
}

function assertSelect(
  select: PageRequest['select'],
  paths: readonly Path[] | undefined,
  index: IndexDefinition | undefined,
): void {
  if (paths !== undefined && select !== 'SPECIFIC_ATTRIBUTES')
    throw validation(`Cannot specify the ProjectionExpression when choosing to get ${select}`)
  if (paths === undefined && select === 'SPECIFIC_ATTRIBUTES')
    throw validation(
      'Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES',
    )
  if (index === undefined && select === 'ALL_PROJECTED_ATTRIBUTES')
    throw validation('ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName')
  if (index?.kind === 'global' && select === 'ALL_ATTRIBUTES' && index.projection.type !== 'ALL')
    throw validation(
      `One or more parameter values were invalid: Select type ALL_ATTRIBUTES is not supported for global secondary index ${index.name} because its projection type is not ALL`,
    )
}

/** Names of the attributes that `ExclusiveStartKey` must carry. */
export const startKeyNames = ({ table, index }: PageRequest): readonly string[] => [
  ...new Set([...keyNames(table.definition.key), ...(index === undefined ? [] : keyNames(index.key))]),
]
