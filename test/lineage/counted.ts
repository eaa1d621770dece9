import type { LineageReads } from '../../src/domain/lineage/read.ts'
import type { Store } from '../../src/domain/store.ts'

export interface Reads {
  get: number
  /** Rows that came back from queries and lists, which is what they cost. */
  rows: number
  queries: number
}
type Quarantine = LineageReads['quarantine']

/** A store and a quarantine that count what is read; everything else throws. */
export function counted(store: Store, quarantine: Quarantine) {
  const reads: Reads = { get: 0, rows: 0, queries: 0 }
  const many = async <T>(rows: Promise<readonly T[]>): Promise<readonly T[]> => {
    reads.queries++
    const found = await rows
    reads.rows += found.length
    return found
  }
  const refuse = (): never => {
    throw new Error('lineage reads, and reads by keys alone')
  }
  const state: Store = {
    get: key => {
      reads.get++
      return store.get(key)
    },
    query: (...args) => many(store.query(...args)),
    list: (...args) => many(store.list(...args)),
    ...{ page: refuse, count: refuse, countListed: refuse, pendingBefore: refuse, commit: refuse },
  }
  const samples: Quarantine = { query: (...args) => many(quarantine.query(...args)) }
  return { reads, store: state, quarantine: samples }
}
