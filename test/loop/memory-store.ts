/** The state table in memory, with the same conditions as the real one; `test/adapters/table.test.ts` runs both alike. */
import type { DomainEvent } from '../../src/contracts/envelope.ts'
import { fromCursor, toCursor } from '../../src/domain/cursor.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import { outboxRows } from '../../src/domain/outbox.ts'
import type { Cause, Key, Listing, Page, Pending, Range, Row, Store, Write } from '../../src/domain/store.ts'

export interface StoredRow {
  key: Key
  rev: number
  data: string
  counters: Record<string, number>
  list?: Listing
  pending?: Pending
  ttl?: number
}
const id = ({ pk, sk }: Key): string => `${pk}\n${sk}`

export class MemoryStore implements Store {
  readonly rows: Map<string, StoredRow>
  readonly now: () => Date
  /** Called after each commit; a test throws here to crash after the effect. */
  onCommit: () => void = () => {}
  constructor(now: () => Date, rows = new Map<string, StoredRow>()) {
    this.now = now
    this.rows = rows
  }
  async get<T>(key: Key): Promise<Row<T> | undefined> {
    const row = this.rows.get(id(key))
    return row && toRow<T>(row)
  }
  async query<T>(
    pk: string,
    prefix = '',
    options: { limit?: number; newestFirst?: boolean } = {},
  ): Promise<readonly Row<T>[]> {
    const found = [...this.rows.values()].filter(r => r.key.pk === pk && r.key.sk.startsWith(prefix))
    return page<T>(found, r => r.key.sk, options)
  }
  async list<T>(
    listing: string,
    options: { limit?: number; newestFirst?: boolean } = {},
  ): Promise<readonly Row<T>[]> {
    return page<T>(
      [...this.rows.values()].filter(r => r.list?.pk === listing),
      r => r.list?.sk ?? '',
      options,
    )
  }
  async page<T>(
    range: Range,
    { limit, cursor, newestFirst }: { limit: number; cursor?: string | undefined; newestFirst?: boolean },
  ): Promise<Page<T>> {
    const listing = 'listing' in range ? range.listing : undefined
    const { pk = '', prefix = '' } = 'pk' in range ? range : {}
    const of = listing === undefined ? pk : listing
    const place = (r: StoredRow) => ({ of, by: listing === undefined ? r.key.sk : (r.list?.sk ?? '') })
    const from = cursor && fromCursor(cursor, ['by', 'of'], p => p['of'] === of)
    const all = [...this.rows.values()]
      .filter(r =>
        listing === undefined ? r.key.pk === pk && r.key.sk.startsWith(prefix) : r.list?.pk === listing,
      )
      .sort((a, b) => (place(a).by < place(b).by ? -1 : 1))
    if (newestFirst) all.reverse()
    const rest = from
      ? all.filter(r => (newestFirst ? place(r).by < from['by']! : place(r).by > from['by']!))
      : all
    const found = rest.slice(0, limit)
    const after = (index: number) => toCursor(place(found[index]!))
    return {
      rows: found.map(toRow<T>),
      ...(rest.length > found.length && found.length > 0 ? { next: after(found.length - 1) } : {}),
      after,
    }
  }
  async count(pk: string): Promise<number> {
    return [...this.rows.values()].filter(r => r.key.pk === pk).length
  }
  async countListed(listing: string): Promise<number> {
    return [...this.rows.values()].filter(r => r.list?.pk === listing).length
  }
  async pendingBefore(kind: string, before: string, limit: number): Promise<readonly { key: Key }[]> {
    const found = [...this.rows.values()].filter(r => r.pending?.kind === kind && r.pending.since < before)
    return page(found, r => r.pending?.since ?? '', { limit }).map(({ key }) => ({ key }))
  }
  async commit(writes: readonly Write[], events: readonly DomainEvent[] = [], cause?: Cause): Promise<void> {
    const all: Write[] = [...writes, ...outboxRows(events, cause, this.now())]
    if (all.length > 100) throw new EdgeloopError('ILLEGAL_STATE', `a commit of ${all.length} items`)
    if (new Set(all.map(w => id(w.key))).size !== all.length)
      throw new Error('two writes to one item in a transaction')
    for (const write of all) {
      const expect = 'expect' in write ? write.expect : 'any'
      const row = this.rows.get(id(write.key))
      const lost =
        expect === 'absent'
          ? row !== undefined && row.rev > 0
          : typeof expect === 'number' && row?.rev !== expect
      if (lost) throw new EdgeloopError('CONFLICT', `${write.key.pk}/${write.key.sk} changed meanwhile`)
    }
    for (const write of all) this.apply(write)
    this.onCommit()
  }
  private apply(write: Write): void {
    const at = id(write.key)
    const before = this.rows.get(at)
    if (write.kind === 'remove') this.rows.delete(at)
    if (write.kind === 'put') {
      const { key, expect, list, pending, ttl } = write
      this.rows.set(at, {
        key,
        rev: typeof expect === 'number' ? expect + 1 : 1,
        data: JSON.stringify(write.data),
        counters: before?.counters ?? {},
        ...(list ? { list } : {}),
        ...(pending ? { pending } : {}),
        ...(ttl === undefined ? {} : { ttl }),
      })
    }
    if (write.kind === 'add') {
      const row = before ?? { key: write.key, rev: 0, data: '{}', counters: {} }
      const counters = { ...row.counters }
      for (const [name, by] of Object.entries(write.by)) counters[name] = (counters[name] ?? 0) + by
      const pending = row.pending ?? write.pending
      this.rows.set(at, { ...row, counters, ...(pending ? { pending } : {}) })
    }
  }
  clone(now: () => Date): MemoryStore {
    return new MemoryStore(now, new Map([...this.rows].map(([k, row]) => [k, structuredClone(row)])))
  }
}

const toRow = <T>({ key, rev, data, counters }: StoredRow): Row<T> => ({
  key,
  rev,
  data: JSON.parse(data) as T,
  counters: { ...counters },
})
function page<T>(
  rows: StoredRow[],
  by: (row: StoredRow) => string,
  { limit, newestFirst }: { limit?: number; newestFirst?: boolean },
): Row<T>[] {
  rows.sort((a, b) => (by(a) < by(b) ? -1 : 1))
  if (newestFirst) rows.reverse()
  return rows.slice(0, limit).map(toRow<T>)
}
