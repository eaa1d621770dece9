/**
 * Capacity units as the service counts them: a write unit per KB, half a read unit per 4 KB (one when strongly
 * consistent), twice that in transactions.
 */
import { type Input, optionalChoice } from './input.ts'

export interface Usage {
  readonly table: string
  readonly index?: { readonly name: string; readonly kind: 'global' | 'local' } | undefined
  readonly units: number
}

const writeUnitBytes = 1024
const readUnitBytes = 4096

/** Units of one write, by the larger of the two versions of the item. */
export const writeUnits = (bytesBefore: number, bytesAfter: number): number =>
  Math.max(1, Math.ceil(Math.max(bytesBefore, bytesAfter) / writeUnitBytes))
export const readUnits = (bytes: number, consistent: boolean): number =>
  Math.max(1, Math.ceil(bytes / readUnitBytes)) * (consistent ? 1 : 0.5)

/** `ConsumedCapacity` for a single-table operation: `{}` unless the caller asked for it. */
export function consumed(input: Input, usage: readonly Usage[]): { readonly ConsumedCapacity?: object } {
  const [capacity] = report(input, usage)
  return capacity === undefined ? {} : { ConsumedCapacity: capacity }
}

/** The same with one entry per table, for batches and transactions. */
export function consumedByTable(
  input: Input,
  usage: readonly Usage[],
): { readonly ConsumedCapacity?: readonly object[] } {
  const capacities = report(input, usage)
  return capacities.length === 0 ? {} : { ConsumedCapacity: capacities }
}

function report(input: Input, usage: readonly Usage[]): readonly object[] {
  const wanted = optionalChoice(input, 'ReturnConsumedCapacity', ['INDEXES', 'TOTAL', 'NONE'])
  if (wanted === undefined || wanted === 'NONE') return []
  const tables = Map.groupBy(usage, ({ table }) => table)
  return [...tables].map(([TableName, uses]) => {
    const total = { TableName, CapacityUnits: sum(uses) }
    if (wanted === 'TOTAL') return total
    const perIndex = (kind: 'global' | 'local') =>
      Object.fromEntries(
        [...Map.groupBy(uses, ({ index }) => (index?.kind === kind ? index.name : ''))]
          .filter(([name]) => name !== '')
          .map(([name, indexUses]) => [name, { CapacityUnits: sum(indexUses) }]),
      )
    const global = perIndex('global')
    const local = perIndex('local')
    return {
      ...total,
      Table: { CapacityUnits: sum(uses.filter(({ index }) => index === undefined)) },
      ...(Object.keys(global).length > 0 ? { GlobalSecondaryIndexes: global } : {}),
      ...(Object.keys(local).length > 0 ? { LocalSecondaryIndexes: local } : {}),
    }
  })
}
const sum = (usage: readonly Usage[]): number => usage.reduce((total, { units }) => total + units, 0)
