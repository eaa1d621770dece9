import type { ModelConfig } from '../../contracts/model-config.ts'
import type { LabelledRows } from '../dataset/parse.ts'

/** Part of a set of rows that is looked at by itself. */
export interface Part {
  /** Null: all rows. */
  readonly slice: string | null
  readonly require: boolean
  /** Positions of its rows. */
  readonly rows: readonly number[]
}

/** All rows, the declared slices and, for classes, the rows of each class, in this order. */
export function partsOf(rows: LabelledRows, { features, label, task, evaluation }: ModelConfig): Part[] {
  const where = (holds: (row: readonly number[], label: number) => boolean): number[] =>
    rows.features.flatMap((row, i) => (holds(row, rows.labels[i] as number) ? [i] : []))
  const declared = (evaluation.slices ?? []).map(({ name, feature, equals, min, max, require }) => {
    const at = features.findIndex(f => f.name === feature)
    const holds = (value: number): boolean => {
      if (equals === null) return Number.isNaN(value)
      if (equals !== undefined) return value === equals
      return value >= (min ?? Number.NEGATIVE_INFINITY) && value < (max ?? Number.POSITIVE_INFINITY)
    }
    return { slice: name, require, rows: where(row => holds(row[at] ?? Number.NaN)) }
  })
  const classes =
    task === 'regression' || evaluation.perClass === false
      ? []
      : label.classes.map((name, index) => ({
          slice: `class=${name}`,
          require: false,
          rows: where((_, l) => l === index),
        }))
  return [{ slice: null, require: false, rows: where(() => true) }, ...declared, ...classes]
}

export const pick = <T>(all: readonly T[], at: readonly number[]): T[] => at.map(i => all[i] as T)
export const pickRows = (rows: LabelledRows, at: readonly number[]): LabelledRows => ({
  features: pick(rows.features, at),
  labels: pick(rows.labels, at),
})
