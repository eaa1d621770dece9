import type { ComponentChildren } from 'preact'
import { inPlace } from '../lib/route.ts'
import { useRoute } from './app.ts'
import { Scroll } from './bits.tsx'

export interface Column<T> {
  readonly name: string
  readonly cell: (row: T) => ComponentChildren
  /** Makes the column one to sort by. */
  readonly by?: (row: T) => string | number
  readonly number?: boolean
  /** Shown from this width on: 2 on a tablet, 3 on a desk. */
  readonly from?: 2 | 3
}

/** Rows as they come, or by the column that the URL's `sort` names (`-` before it: downwards). */
export function Table<T>({
  caption,
  columns,
  rows,
  rowKey,
  head = 0,
  open,
}: {
  readonly caption: string
  readonly columns: readonly Column<T>[]
  readonly rows: readonly T[]
  readonly rowKey: (row: T) => string
  /** Which column names the row. */
  readonly head?: number
  /** What is folded out below a row. */
  readonly open?: (row: T) => ComponentChildren
}) {
  const route = useRoute()
  const sort = route.query['sort'] ?? ''
  const down = sort.startsWith('-')
  const by = columns.find(c => c.by !== undefined && c.name === sort.replace(/^-/, ''))?.by
  const sorted =
    by === undefined
      ? rows
      : rows.toSorted((a, b) => {
          const [x, y] = [by(a), by(b)]
          return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1)
        })
  const classOf = ({ number, from }: Column<T>): string =>
    `${number ? 'number' : ''} ${from ? `from${from}` : ''}`
  const direction = (c: Column<T>): 'ascending' | 'descending' | undefined =>
    c.by !== undefined && by === c.by ? (down ? 'descending' : 'ascending') : undefined
  return (
    <Scroll label={caption}>
      <table>
        <caption class="hidden">{caption}</caption>
        <thead>
          <tr>
            {columns.map(c => {
              const sorting = direction(c)
              return (
                <th
                  key={c.name}
                  scope="col"
                  class={classOf(c)}
                  {...(sorting ? { 'aria-sort': sorting } : {})}
                >
                  {c.by === undefined ? (
                    c.name
                  ) : (
                    <a href={inPlace(route, { sort: sorting === 'ascending' ? `-${c.name}` : c.name })}>
                      {c.name}
                      <span aria-hidden="true">{sorting === undefined ? '' : down ? ' ↓' : ' ↑'}</span>
                    </a>
                  )}
                </th>
              )
            })}
          </tr>
        </thead>
        <tbody>
          {sorted.map(row => {
            const below = open?.(row)
            return [
              <tr key={rowKey(row)} class={below ? 'opened' : ''}>
                {columns.map((c, i) =>
                  i === head ? (
                    <th key={c.name} scope="row" class={classOf(c)}>
                      {c.cell(row)}
                    </th>
                  ) : (
                    <td key={c.name} class={classOf(c)}>
                      {c.cell(row)}
                    </td>
                  ),
                )}
              </tr>,
              below ? (
                <tr key={`${rowKey(row)} below`} class="below">
                  <td colSpan={columns.length}>{below}</td>
                </tr>
              ) : null,
            ]
          })}
        </tbody>
      </table>
    </Scroll>
  )
}
