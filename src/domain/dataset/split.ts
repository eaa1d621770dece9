import { createHash } from 'node:crypto'
import type { LabelledRows } from './parse.ts'

export type Part = 'train' | 'validation' | 'holdout'

/** One row as text: `label,feature,…`, an empty cell for a missing value. What SageMaker's XGBoost reads. */
export const rowText = (features: readonly number[], label: number): string =>
  [label, ...features].map(v => (Number.isNaN(v) ? '' : String(v))).join(',')

/**
 * Part of a row by a hash of its content: the same row is in the same part in every version of the training
 * set, so a held-out row never leaks into training later, and equal rows are never on both sides.
 */
export function partOf(
  text: string,
  shares: { readonly validation: number; readonly holdout: number },
): Part {
  const u = createHash('sha256').update('split\0').update(text).digest().readUIntBE(0, 6) / 2 ** 48
  if (u < shares.holdout) return 'holdout'
  return u < shares.holdout + shares.validation ? 'validation' : 'train'
}

export interface SplitRows {
  readonly train: LabelledRows
  readonly validation: LabelledRows
  readonly holdout: LabelledRows
}
export function splitRows(
  rows: LabelledRows,
  shares: { readonly validation: number; readonly holdout: number },
): SplitRows {
  const parts: Record<Part, { features: (readonly number[])[]; labels: number[] }> = {
    train: { features: [], labels: [] },
    validation: { features: [], labels: [] },
    holdout: { features: [], labels: [] },
  }
  rows.features.forEach((row, i) => {
    const label = rows.labels[i] as number
    const part = parts[partOf(rowText(row, label), shares)]
    part.features.push(row)
    part.labels.push(label)
  })
  return parts
}

export const concatRows = (a: LabelledRows, b: LabelledRows): LabelledRows => ({
  features: [...a.features, ...b.features],
  labels: [...a.labels, ...b.labels],
})
/** Headless CSV with the label first. */
export const toCsv = (rows: LabelledRows): string => {
  const lines = rows.features.map((row, i) => rowText(row, rows.labels[i] as number))
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`
}
/** Reads what {@link toCsv} wrote. */
export function fromCsv(text: string): LabelledRows {
  const features: number[][] = []
  const labels: number[] = []
  for (const line of text.split('\n')) {
    if (line === '') continue
    const cells = line.split(',').map(c => (c === '' ? Number.NaN : Number(c)))
    labels.push(cells[0] as number)
    features.push(cells.slice(1))
  }
  return { features, labels }
}
