/** The items of one table and its indexes, in memory. Every call is synchronous, so no write is seen half done. */
import { type AttributeValue, type Item, tagOf } from './attribute-value.ts'
import { compareScalars, compareUtf8, itemSize } from './compare.ts'
import { encodeKey, encodeScalar } from './keys.ts'
import { createSortedList, type SortedList } from './sorted-list.ts'
import type { IndexDefinition, KeyAttributes, TableDefinition } from './table-definition.ts'

export interface Row {
  readonly key: string
  readonly item: Item
  /** Bytes. */
  readonly size: number
}
/** Place of a row in a table or in one of its indexes: by partition, then range attribute, then primary key. */
export interface Entry {
  readonly hash: number
  readonly partition: string
  readonly range: AttributeValue | undefined
  readonly row: Row
}
export interface ItemStore {
  readonly count: number
  readonly bytes: number
  get(key: string): Row | undefined
  put(item: Item): void
  delete(key: string): void
  rows(): Iterable<Row>
  /** Entries of the table itself or of one of its indexes. */
  entries(indexName?: string): SortedList<Entry>
  addIndex(index: IndexDefinition, attributes: TableDefinition['attributes']): void
  removeIndex(indexName: string): void
}

export function createItemStore(definition: TableDefinition): ItemStore {
  const rows = new Map<string, Row>()
  const primary = createSortedList(compareEntries)
  const indexes = new Map<string, { readonly place: Placement; readonly entries: SortedList<Entry> }>()
  const primaryPlace = placement(definition.key, definition.attributes)
  let bytes = 0

  const eachEntry = (row: Row, apply: (list: SortedList<Entry>, entry: Entry) => void) => {
    apply(primary, primaryPlace(row)!)
    for (const index of indexes.values()) {
      const entry = index.place(row)
      if (entry !== undefined) apply(index.entries, entry)
    }
  }
  const remove = (key: string) => {
    const row = rows.get(key)
    if (row === undefined) return
    rows.delete(key)
    bytes -= row.size
    eachEntry(row, (list, entry) => list.remove(entry))
  }
  const store: ItemStore = {
    get count() {
      return rows.size
    },
    get bytes() {
      return bytes
    },
    get: key => rows.get(key),
    put(item) {
      const row: Row = { key: encodeKey(definition.key, item), item, size: itemSize(item) }
      remove(row.key)
      rows.set(row.key, row)
      bytes += row.size
      eachEntry(row, (list, entry) => list.insert(entry))
    },
    delete: remove,
    rows: () => rows.values(),
    entries: indexName => (indexName === undefined ? primary : indexes.get(indexName)!.entries),
    addIndex(index, attributes) {
      const place = placement(index.key, attributes)
      const entries = createSortedList(compareEntries)
      for (const row of rows.values()) {
        const entry = place(row)
        if (entry !== undefined) entries.insert(entry)
      }
      indexes.set(index.name, { place, entries })
    },
    removeIndex: indexName => void indexes.delete(indexName),
  }
  for (const index of definition.indexes) store.addIndex(index, definition.attributes)
  return store
}

type Placement = (row: Row) => Entry | undefined
/** Finds the place of a row; none when a key attribute is missing (sparse index) or has another type. */
export function placement(key: KeyAttributes, attributes: TableDefinition['attributes']): Placement {
  const scalar = (row: Row, name: string): AttributeValue | undefined => {
    const value = row.item[name]
    return value !== undefined && tagOf(value) === attributes[name] ? value : undefined
  }
  return row => {
    const hashValue = scalar(row, key.hash)
    if (hashValue === undefined) return undefined
    const range = key.range === undefined ? undefined : scalar(row, key.range)
    if (key.range !== undefined && range === undefined) return undefined
    const partition = encodeScalar(hashValue)
    return { hash: hash32(partition), partition, range, row }
  }
}

export function compareEntries(left: Entry, right: Entry): number {
  return (
    left.hash - right.hash ||
    compareUtf8(left.partition, right.partition) ||
    compareRanges(left.range, right.range) ||
    compareUtf8(left.row.key, right.row.key)
  )
}
const compareRanges = (left: AttributeValue | undefined, right: AttributeValue | undefined): number =>
  left === undefined || right === undefined ? 0 : (compareScalars(left, right) ?? 0)

/** FNV-1a with a final mix: spreads partitions over the segments of a parallel scan. Unsigned 32 bits. */
export function hash32(text: string): number {
  let hash = 0x811c9dc5
  for (let at = 0; at < text.length; at++) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
