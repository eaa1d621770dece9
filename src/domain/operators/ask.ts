import type { AnswerOf, AskedOf, OperationName } from '../../contracts/api/index.ts'
import { DEFAULT_LIMIT, type Paged } from '../../contracts/api/operation.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core, Objects } from '../ports.ts'
import type { Quarantine } from '../sampling/quarantine.ts'
import type { Range, Row, Store } from '../store.ts'
import type { Commander } from './audit.ts'

export interface OpsDeps extends Core {
  readonly quarantine: Quarantine
  readonly artefacts: Pick<Objects, 'get'>
}
export type Questions<N extends OperationName, D = OpsDeps> = {
  readonly [K in N]: (deps: D, asked: AskedOf<K>) => Promise<AnswerOf<K>>
}
export type Commands<N extends OperationName, D = OpsDeps> = {
  readonly [K in N]: (deps: D, asked: AskedOf<K>, commander: Commander) => Promise<AnswerOf<K>>
}

/** A list that filters reads at most so many pages of this size for one answer. */
const LOOKS = 4
const FILTER_PAGE = 250

export interface Listed<V> {
  readonly items: readonly V[]
  readonly next: string | null
  /** Rows that were looked at. */
  readonly looked: number
}
interface How<T, V> extends Paged {
  readonly newestFirst?: boolean
  /** Undefined: not among what was asked for. */
  readonly view: (row: Row<T>) => V | undefined | Promise<V | undefined>
  /** Whether `view` passes rows over: then more are read at once. */
  readonly filters?: boolean
  /** Queries for one page at most. A view that reads a row itself for each should have one. */
  readonly looks?: number
}

/** One page of a range: at most `limit` items, at a bounded number of reads however long the range is. */
export async function listed<T, V>(
  store: Pick<Store, 'page'>,
  range: Range,
  { limit = DEFAULT_LIMIT, cursor, newestFirst = false, view, filters = false, looks = LOOKS }: How<T, V>,
): Promise<Listed<V>> {
  const items: V[] = []
  let from = cursor
  let looked = 0
  for (let look = 1; look <= looks; look++) {
    const size = filters ? Math.max(limit, FILTER_PAGE) : limit - items.length
    const { rows, next, after } = await store.page<T>(range, { limit: size, cursor: from, newestFirst })
    looked += rows.length
    const views = await Promise.all(rows.map(row => view(row)))
    for (const [i, item] of views.entries()) {
      if (item !== undefined) items.push(item)
      if (items.length === limit)
        return { items, next: i < rows.length - 1 ? after(i) : (next ?? null), looked }
    }
    if (next === undefined) return { items, next: null, looked }
    from = next
  }
  return { items, next: from ?? null, looked }
}

/** @throws EdgeloopError NOT_FOUND */
export function found<T>(row: Row<T> | undefined, what: string, name: string | number): T {
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no ${what} "${name}"`)
  return row.data
}

/** Whether a value is what was asked for, where something was. */
export const fits = <T>(asked: T | undefined, value: T | undefined): boolean =>
  asked === undefined || asked === value
