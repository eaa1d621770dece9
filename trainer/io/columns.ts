import { TrainingInputError } from '../errors.ts'
import type { Hyperparameters } from '../hyperparameters.ts'
import { isMissing, isNumeric, shown } from './cells.ts'

/** Which column is what; the same for every file of every channel. */
export interface Layout {
  /** Number of columns per line. */
  readonly width: number
  /** The header row's names; absent for files without one. */
  readonly header?: readonly string[]
  readonly label: number
  readonly weight?: number
  /** Feature columns in file order. */
  readonly features: readonly number[]
  readonly featureNames: readonly string[]
  /** Where the layout was read, for error messages. */
  readonly source: string
}

type ColumnParameters = Pick<Hyperparameters, 'label_column' | 'weight_column' | 'csv_weights' | 'classes'>

/**
 * Whether a file's first line is a header row: none of its cells is a number. A line with both numbers and
 * words is an error, because taking it for either would silently lose or misread it.
 */
export function isHeader(
  cells: readonly string[],
  where: string,
  line: number,
  hp: ColumnParameters,
): boolean {
  const isWord = (cell: string): boolean =>
    !isNumeric(cell) && !isMissing(cell) && !/^[+-]?inf(inity)?$/i.test(cell)
  const word = cells.findIndex((cell, i) => isWord(cell) && !(i === 0 && hp.classes?.includes(cell)))
  if (word === -1) return false
  const number = cells.findIndex(isNumeric)
  if (number === -1) return true
  throw new TrainingInputError(
    `${where}:${line}:${word + 1}: ${shown(cells[word]!)} is not a number, and the line is no header row as column ${number + 1} is one; for a header row with numbers in it set the content type to text/csv; header=present`,
  )
}

/** The layout that a file's first line and the hyperparameters give. */
export function layoutOf(
  cells: readonly string[],
  header: boolean,
  hp: ColumnParameters,
  where: string,
  line: number,
): Layout {
  const layout = header ? headed(cells, hp, `${where}:${line}`) : headless(cells.length, hp, where)
  if (layout.features.length === 0)
    throw new TrainingInputError(
      `${where}:${line}: no feature columns beside the label; is the file separated by commas?`,
    )
  return layout
}

function headed(cells: readonly string[], hp: ColumnParameters, at: string): Layout {
  const seen = new Map<string, number>()
  cells.forEach((name, i) => {
    if (name === '') throw new TrainingInputError(`${at}:${i + 1}: the column has no name in the header row`)
    // XGBoost's own rule for feature names.
    if (/[[\]<]/.test(name))
      throw new TrainingInputError(`${at}:${i + 1}: column name ${shown(name)} must not contain [, ] or <`)
    const first = seen.get(name)
    if (first !== undefined)
      throw new TrainingInputError(
        `${at}:${i + 1}: column name ${shown(name)} is also the name of column ${first + 1}`,
      )
    seen.set(name, i)
  })
  if (hp.csv_weights === 1)
    throw new TrainingInputError(
      `csv_weights is for files without a header row, but ${at} is one: use weight_column`,
    )
  const label = hp.label_column === undefined ? 0 : find('label_column', hp.label_column, cells, at)
  const weight =
    hp.weight_column === undefined ? undefined : find('weight_column', hp.weight_column, cells, at)
  if (weight === label)
    throw new TrainingInputError(`weight_column and label_column both name ${shown(cells[label]!)}`)
  const features = [...cells.keys()].filter(i => i !== label && i !== weight)
  return {
    width: cells.length,
    header: [...cells],
    label,
    ...(weight === undefined ? {} : { weight }),
    features,
    featureNames: features.map(i => cells[i]!),
    source: at,
  }
}

function find(parameter: string, name: string, cells: readonly string[], at: string): number {
  const index = cells.indexOf(name)
  if (index !== -1) return index
  throw new TrainingInputError(`${parameter} names ${shown(name)}, which the header row ${at} does not have`)
}

function headless(width: number, hp: ColumnParameters, where: string): Layout {
  for (const parameter of ['label_column', 'weight_column'] as const) {
    if (hp[parameter] !== undefined)
      throw new TrainingInputError(
        `${parameter} needs a header row, and ${where} has none: add one, or put the label first and remove the hyperparameter`,
      )
  }
  const weighted = hp.csv_weights === 1
  const features = Array.from({ length: width }, (_, i) => i).slice(weighted ? 2 : 1)
  return { width, label: 0, ...(weighted ? { weight: 1 } : {}), features, featureNames: [], source: where }
}

/** Refuses a file whose first line does not fit the layout that an earlier file set. */
export function checkAgainst(
  layout: Layout,
  cells: readonly string[],
  header: boolean,
  where: string,
  line: number,
): void {
  if (header !== (layout.header !== undefined))
    throw new TrainingInputError(
      `${where}:${line}: ${header ? 'a' : 'no'} header row, but ${layout.source} has ${header ? 'none' : 'one'}: all files of all channels must agree`,
    )
  const names = layout.header
  if (names === undefined) return
  const length = Math.max(cells.length, names.length)
  for (let i = 0; i < length; i++) {
    if (cells[i] === names[i]) continue
    const found = cells[i] === undefined ? 'the header row ends' : `column ${shown(cells[i]!)}`
    const expected = names[i] === undefined ? 'ends' : `has ${shown(names[i]!)}`
    throw new TrainingInputError(
      `${where}:${line}:${i + 1}: ${found} where ${layout.source} ${expected}: all channels need the same columns in the same order`,
    )
  }
}
