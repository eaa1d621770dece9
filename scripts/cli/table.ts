/** Tables that fit the terminal: the widest columns are cut with `…` first. */
import type { Paint } from './paint.ts'
import { cut, plain, textWidth } from './text.ts'

export interface Column {
  readonly title: string
  /** Numbers stand to the right. */
  readonly right?: boolean
  /** Colour of a cell, put on after it was cut. */
  readonly paint?: (cell: string) => string
  /** An identifier that somebody will copy: cut only when nothing else can be. */
  readonly keep?: boolean
}

const GAP = 2
const LEAST = 6

/**
 * @param width columns of the terminal; Infinity cuts nothing
 * @returns lines, without a newline at the end; a single dash stands for an empty cell
 */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  { paint, width }: { readonly paint: Paint; readonly width: number },
): string {
  const cells = rows.map(row => columns.map((_, i) => plain(row[i] ?? '') || '-'))
  const widths = widthsWithin(
    columns.map((c, i) => Math.max(textWidth(c.title), ...cells.map(row => textWidth(row[i] ?? '')))),
    columns,
    width - GAP * (columns.length - 1),
  )
  const lay = (texts: readonly string[], style: (text: string, column: Column) => string): string =>
    columns
      .map((column, i) => {
        const text = cut(texts[i] ?? '', widths[i] ?? 0)
        const blank = ' '.repeat(Math.max(0, (widths[i] ?? 0) - textWidth(text)))
        const last = i === columns.length - 1 && !column.right
        return column.right ? `${blank}${style(text, column)}` : `${style(text, column)}${last ? '' : blank}`
      })
      .join(' '.repeat(GAP))
      .trimEnd()
  return [
    lay(
      columns.map(c => c.title),
      text => paint.bold(text),
    ),
    ...cells.map(row => lay(row, (text, column) => column.paint?.(text) ?? text)),
  ].join('\n')
}

/** Takes a column away from the widest again and again; identifiers only when all else is at its least. */
function widthsWithin(wanted: readonly number[], columns: readonly Column[], room: number): number[] {
  const widths = [...wanted]
  const sum = () => widths.reduce((a, b) => a + b, 0)
  for (const keep of [false, true])
    while (sum() > room) {
      const open = columns.flatMap((c, i) =>
        (c.keep === true) === keep && (widths[i] as number) > LEAST ? [i] : [],
      )
      if (open.length === 0) break
      const widest = open.reduce((a, b) => ((widths[b] as number) > (widths[a] as number) ? b : a))
      widths[widest] = (widths[widest] as number) - 1
    }
  return widths
}
