import type { Core } from '../domain/ports.ts'
import type { Row, Store } from '../domain/store.ts'

/**
 * The same functions on a store that reads each row once for a batch of messages, unless the batch writes it or meets a
 * conflict. Every message of a batch was sent before the batch began, so what the batch reads is never older than what
 * a message may refer to; and who writes on what was read says so with its revision, and conflicts if it has changed.
 */
export const readingOnce = <C extends Core>(core: C): C => ({ ...core, store: readOnce(core.store) })

function readOnce(store: Store): Store {
  const rows = new Map<string, Promise<Row<unknown> | undefined>>()
  return {
    get<T>(key: { readonly pk: string; readonly sk: string }) {
      const id = `${key.pk}\0${key.sk}`
      const known = rows.get(id) ?? store.get(key)
      rows.set(id, known)
      known.catch(() => rows.delete(id))
      return known as Promise<Row<T> | undefined>
    },
    async commit(writes, events, cause) {
      try {
        await store.commit(writes, events, cause)
      } catch (error) {
        rows.clear()
        throw error
      }
      for (const { key } of writes) rows.delete(`${key.pk}\0${key.sk}`)
    },
    query: (pk, prefix, options) => store.query(pk, prefix, options),
    list: (listing, options) => store.list(listing, options),
    count: pk => store.count(pk),
    page: (range, options) => store.page(range, options),
    countListed: listing => store.countListed(listing),
    pendingBefore: (kind, before, limit) => store.pendingBefore(kind, before, limit),
  }
}
