/**
 * Tables, their items and their streams, with commits that are atomic in memory (JavaScript runs them to the end)
 * and on disk (one journal line each).
 */
import { join } from 'node:path'
import type { Realm } from '../core/types.ts'
import { type Item, reviveItem } from './attribute-value.ts'
import { equalItems } from './compare.ts'
import { resourceNotFound } from './errors.ts'
import { createItemStore, type ItemStore } from './item-store.ts'
import { openJournal } from './journal.ts'
import { encodeKey, pickKey } from './keys.ts'
import { type Change, changeOf, createStream, type Stream } from './stream.ts'
import type { TableDefinition } from './table-definition.ts'

export interface Table {
  readonly definition: TableDefinition
  readonly items: ItemStore
  /** The stream that changes go to now. */
  readonly stream: Stream | undefined
}
/** New version of an item, or its deletion. */
export interface Write {
  readonly table: Table
  readonly key: Item
  readonly item: Item | undefined
  readonly expired?: boolean
}
export interface Database {
  readonly realm: Realm
  tableNames(): readonly string[]
  find(name: string): Table | undefined
  /** Throws ResourceNotFoundException. */
  table(name: string): Table
  define(definition: TableDefinition): Table
  drop(name: string): void
  commit(writes: readonly Write[]): void
  stream(arn: string): Stream | undefined
  streams(): readonly Stream[]
  /** Drops stream records older than 24 hours. */
  trimStreams(): void
  tableArn(name: string): string
  close(): void
}

interface JournalLine {
  readonly table?: TableDefinition
  readonly drop?: string
  /** Table name, key, new item or null. */
  readonly writes?: readonly (readonly [string, Item, Item | null])[]
  readonly changes?: readonly (readonly [string, Change])[]
  readonly stream?: { readonly arn: string; readonly first: number; readonly changes: readonly Change[] }
}

const streamRetentionSeconds = 24 * 3600
const changesPerLine = 1000

export function openDatabase(realm: Realm): Database {
  const tables = new Map<string, Table>()
  const streams = new Map<string, Stream>()
  const tableArn = (name: string) => `arn:aws:dynamodb:${realm.region}:${realm.accountId}:table/${name}`
  const nowSeconds = () => Math.floor(realm.now().getTime() / 1000)

  const openStream = ({ name, key, stream }: TableDefinition): Stream | undefined => {
    if (stream === undefined) return undefined
    const arn = `${tableArn(name)}/stream/${stream.label}`
    const existing = streams.get(arn)
    if (existing !== undefined) return existing
    const opened = createStream({ arn, tableName: name, key, ...stream }, error =>
      realm.log({ level: 'error', service: 'dynamodb', message: `stream listener: ${String(error)}` }),
    )
    streams.set(arn, opened)
    return opened
  }
  const adopt = (definition: TableDefinition): Table => {
    const before = tables.get(definition.name)
    const stream = openStream(definition)
    if (before?.stream !== undefined && before.stream !== stream) before.stream.enabled = false
    const items = before?.items ?? createItemStore(definition)
    for (const index of before?.definition.indexes ?? []) {
      if (!definition.indexes.some(({ name }) => name === index.name)) items.removeIndex(index.name)
    }
    for (const index of definition.indexes) {
      if (before !== undefined && !before.definition.indexes.some(({ name }) => name === index.name))
        items.addIndex(index, definition.attributes)
    }
    const table: Table = { definition, items, stream }
    tables.set(definition.name, table)
    return table
  }
  const abandon = (name: string) => {
    const table = tables.get(name)
    if (table?.stream !== undefined) table.stream.enabled = false
    tables.delete(name)
  }
  const write = (table: Table, key: Item, item: Item | undefined) => {
    if (item === undefined) table.items.delete(encodeKey(table.definition.key, key))
    else table.items.put(item)
  }
  const replay = (entry: unknown) => {
    const line = entry as JournalLine
    if (line.table !== undefined) adopt(line.table)
    if (line.drop !== undefined) abandon(line.drop)
    for (const [name, key, item] of line.writes ?? [])
      write(tables.get(name)!, reviveItem(key), item === null ? undefined : reviveItem(item))
    for (const [arn, change] of line.changes ?? []) streams.get(arn)?.append([reviveChange(change)])
    if (line.stream !== undefined)
      streams.get(line.stream.arn)?.restore(line.stream.first, line.stream.changes.map(reviveChange))
  }
  const trimStreams = () => {
    const oldest = nowSeconds() - streamRetentionSeconds
    for (const [arn, stream] of streams) {
      stream.trim(oldest)
      if (!stream.enabled && stream.first === stream.end) streams.delete(arn)
    }
  }
  function* snapshot(): Iterable<JournalLine> {
    trimStreams()
    for (const { definition, items, stream } of tables.values()) {
      yield { table: definition }
      for (const { item } of items.rows())
        yield { writes: [[definition.name, pickKey(definition.key, item), item]] }
      if (stream === undefined) continue
      const { arn } = stream.identity
      for (let first = stream.first; first <= stream.end; first += changesPerLine)
        yield { stream: { arn, first, changes: stream.read(first, changesPerLine).changes } }
    }
  }
  const journal = openJournal(join(realm.dir, 'dynamodb', 'journal.jsonl'), replay, snapshot)
  const record = (line: JournalLine) => journal.append(line)

  return {
    realm,
    tableArn,
    tableNames: () => [...tables.keys()].sort(),
    find: name => tables.get(name),
    table(name) {
      const table = tables.get(name)
      if (table === undefined) throw resourceNotFound()
      return table
    },
    define(definition) {
      record({ table: definition })
      return adopt(definition)
    },
    drop(name) {
      record({ drop: name })
      abandon(name)
    },
    commit(writes) {
      const changes: { readonly stream: Stream; readonly change: Change }[] = []
      const effective = writes.filter(({ table, key, item, expired }) => {
        const before = table.items.get(encodeKey(table.definition.key, key))?.item
        const same = before === undefined || item === undefined ? before === item : equalItems(before, item)
        if (same) return false
        if (table.stream !== undefined) {
          const change = changeOf(table.stream.identity, key, before, item, nowSeconds(), expired === true)
          changes.push({ stream: table.stream, change })
        }
        return true
      })
      if (effective.length === 0) return
      record({
        writes: effective.map(({ table, key, item }) => [table.definition.name, key, item ?? null]),
        ...(changes.length === 0
          ? {}
          : { changes: changes.map(({ stream, change }) => [stream.identity.arn, change]) }),
      })
      for (const { table, key, item } of effective) write(table, key, item)
      for (const { stream, change } of changes) stream.append([change])
    },
    stream: arn => streams.get(arn),
    streams: () => [...streams.values()],
    trimStreams,
    close: () => journal.close(),
  }
}

const reviveChange = (change: Change): Change => ({
  ...change,
  keys: reviveItem(change.keys),
  ...(change.newImage === undefined ? {} : { newImage: reviveItem(change.newImage) }),
  ...(change.oldImage === undefined ? {} : { oldImage: reviveItem(change.oldImage) }),
})
