import { TrainingInputError } from '../errors.ts'
import type { Dataset } from '../gbdt/types.ts'
import { parseCell } from './cells.ts'
import type { Layout } from './columns.ts'
import type { LabelReader } from './labels.ts'

/** Collects parsed lines into one dataset; typed arrays that double, no object per row. */
export function createRowSink(layout: Layout, readLabel: LabelReader) {
  const { features, label, weight } = layout
  const cols = features.length
  let rows = 0
  let values = new Float32Array(cols * 1024)
  let labels = new Float32Array(1024)
  let weights = new Float32Array(weight === undefined ? 0 : 1024)

  const reserve = (): void => {
    if (rows < labels.length) return
    values = doubled(values)
    labels = doubled(labels)
    if (weight !== undefined) weights = doubled(weights)
  }

  /** Adds one line. @throws TrainingInputError naming file, line and column */
  const add = (cells: readonly string[], where: string, line: number): void => {
    if (cells.length !== layout.width)
      throw new TrainingInputError(
        `${where}:${line}: ${cells.length} columns where ${layout.source} has ${layout.width}`,
      )
    reserve()
    const take = (column: number, read: (cell: string) => number | string): number => {
      const value = read(cells[column]!)
      if (typeof value === 'number') return value
      const name = layout.header === undefined ? '' : ` (${layout.header[column]})`
      throw new TrainingInputError(`${where}:${line}:${column + 1}${name}: ${value}`)
    }
    labels[rows] = take(label, readLabel)
    if (weight !== undefined) weights[rows] = take(weight, readWeight)
    const at = rows * cols
    for (let j = 0; j < cols; j++) values[at + j] = take(features[j]!, parseCell)
    rows++
  }

  const finish = (): Dataset => ({
    rows,
    cols,
    values: values.slice(0, rows * cols),
    labels: labels.slice(0, rows),
    ...(weight === undefined ? {} : { weights: weights.slice(0, rows) }),
  })

  return { add, finish }
}

function doubled(array: Float32Array<ArrayBuffer>): Float32Array<ArrayBuffer> {
  const larger = new Float32Array(array.length * 2)
  larger.set(array)
  return larger
}

function readWeight(cell: string): number | string {
  const value = parseCell(cell)
  if (typeof value === 'string') return `weight ${value.replace(/; leave the cell empty.*/, '')}`
  if (Number.isNaN(value)) return 'the weight is missing; give every line one'
  return value >= 0 ? value : `weight ${cell} is negative; weights are 0 or more`
}
