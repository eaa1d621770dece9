import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Scroll } from './bits.tsx'

export interface FigureTable {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** A chart with what it shows in words, and as a table for whoever wants figures. */
export function Figure({
  title,
  says,
  table,
  children,
}: {
  readonly title: string
  readonly says: string
  readonly table: FigureTable
  readonly children: ComponentChildren
}) {
  const [asTable, setAsTable] = useState(false)
  return (
    <figure>
      <figcaption>
        <span>
          {title} <span class="muted">{says}</span>
        </span>
        <button type="button" class="quiet" aria-pressed={asTable} onClick={() => setAsTable(!asTable)}>
          As a table<span class="hidden">: {title}</span>
        </button>
      </figcaption>
      {asTable ? <FigureAsTable title={title} table={table} /> : children}
    </figure>
  )
}

const FigureAsTable = ({ title, table }: { readonly title: string; readonly table: FigureTable }) => (
  <Scroll class="chart-table" label={title}>
    <table>
      <caption class="hidden">{title}</caption>
      <thead>
        <tr>
          {table.columns.map(c => (
            <th key={c} scope="col">
              {c}
            </th>
          ))}
        </tr>
      </thead>
      <tbody>
        {table.rows.map(([first, ...rest], i) => (
          <tr key={`${first} ${i}`}>
            <th scope="row">{first}</th>
            {rest.map((text, j) => (
              <td key={`${j}`} class="number">
                {text}
              </td>
            ))}
          </tr>
        ))}
      </tbody>
    </table>
  </Scroll>
)
