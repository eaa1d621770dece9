import { parse } from 'csv-parse/sync'
import type { ModelConfig } from '../../contracts/model-config.ts'
import { InputError } from '../errors.ts'

/** Labelled rows in the model's feature order. A missing value is NaN; a class label is its index. */
export interface LabelledRows {
  readonly features: readonly (readonly number[])[]
  readonly labels: readonly number[]
}

export const MAX_DATASET_BYTES = 256 * 1024 * 1024
const MAX_COLUMNS = 256

/** What is wrong with a file of rows, and where: the line, and the cell's place in it, from 0. */
export interface DatasetFault {
  readonly error: InputError
  readonly line?: number
  readonly cell?: number
}
/** Is told of each fault; one that throws ends the reading. */
type OnFault = (fault: DatasetFault) => void

/**
 * Checks a CSV drop against the model's schema. The whole file is refused at its first fault, because rows that
 * are left out in silence bias the training set; the message names line and column.
 */
export const parseDataset = (text: string, config: ModelConfig): LabelledRows =>
  readDataset(text, config, ({ error }) => {
    throw error
  })

/** The first `limit` faults of a CSV drop, for a person who mends them; none when it would be taken. */
export function datasetFaults(text: string, config: ModelConfig, limit: number): readonly DatasetFault[] {
  const faults: DatasetFault[] = []
  const enough = new Error('enough')
  try {
    readDataset(text, config, fault => {
      faults.push(fault)
      if (faults.length >= limit) throw enough
    })
  } catch (error) {
    if (error !== enough && !(error instanceof InputError)) throw error
    if (error instanceof InputError) faults.push({ error })
  }
  return faults
}

function readDataset(text: string, config: ModelConfig, onFault: OnFault): LabelledRows {
  const records = readCsv(text)
  const header = records[0]
  if (header === undefined || (header.length === 1 && header[0] === '')) {
    throw new InputError(
      'EMPTY_FILE',
      'the file is empty; a header row and at least one row are needed',
      'file',
    )
  }
  const [features, labels]: [number[][], number[]] = [[], []]
  const columns = checkHeader(header, config, onFault)
  if (columns === undefined) return { features, labels }
  if (records.length === 1) {
    throw new InputError('NO_ROWS', 'the file has a header and no rows; at least one row is needed', 'file')
  }
  for (let i = 1; i < records.length; i++) {
    const record = records[i] as string[]
    const line = () => lineOf(text, i)
    if (record.length !== header.length) {
      const at = line()
      const message = `line ${at} has ${record.length} cells, the header has ${header.length}`
      onFault({ error: new InputError('RAGGED_ROW', message, 'file'), line: at })
      continue
    }
    const take = (column: number, read: (text: string) => number): number => {
      try {
        return read(record[column] as string)
      } catch (error) {
        if (!(error instanceof InputError)) throw error
        onFault({ error, line: line(), cell: column })
        return Number.NaN
      }
    }
    features.push(
      config.features.map((feature, f) =>
        take(columns.features[f] as number, text => cell(text, feature, line)),
      ),
    )
    labels.push(take(columns.label, text => label(text, config, line)))
  }
  return { features, labels }
}

const CSV = { bom: true, relax_column_count: true, skip_empty_lines: true, trim: true } as const

/** Line on which a record ends. Counted only for a refusal: empty lines and quoted line breaks make it differ from the record's number. */
type Line = () => number
function lineOf(text: string, record: number): number {
  const read = parse(text, { ...CSV, info: true, to: record + 1 }) as unknown as { info: { lines: number } }[]
  return read.at(-1)?.info.lines ?? record + 1
}

function readCsv(text: string): string[][] {
  try {
    return parse(text, CSV)
  } catch (error) {
    throw new InputError('NOT_CSV', `not a CSV file: ${(error as Error).message}`, 'file')
  }
}

/** Undefined when the columns are not the model's, and nothing can be said of the rows. */
function checkHeader(
  header: readonly string[],
  config: ModelConfig,
  onFault: OnFault,
): { features: number[]; label: number } | undefined {
  if (header.length > MAX_COLUMNS) {
    throw new InputError(
      'TOO_MANY_COLUMNS',
      `${header.length} columns; at most ${MAX_COLUMNS} are accepted`,
      'file',
    )
  }
  let sound = true
  const refuse = (code: string, message: string, name: string | undefined): void => {
    sound = false
    const cell = name === undefined ? -1 : header.lastIndexOf(name)
    onFault({ error: new InputError(code, message, name), line: 1, ...(cell < 0 ? {} : { cell }) })
  }
  const seen = new Set<string>()
  for (const name of header) {
    if (seen.has(name)) refuse('DUPLICATE_COLUMN', `column "${name}" appears twice`, name)
    seen.add(name)
  }
  const wanted = [...config.features.map(f => f.name), config.label.column]
  const missing = wanted.filter(name => !seen.has(name))
  if (missing.length > 0)
    refuse('MISSING_COLUMN', `missing column ${quote(missing)}; expected ${quote(wanted)}`, missing[0])
  const known = new Set([...wanted, ...config.ignore])
  const unknown = header.filter(name => !known.has(name))
  if (unknown.length > 0)
    refuse(
      'UNKNOWN_COLUMN',
      `unknown column ${quote(unknown.slice(0, 5))}${unknown.length > 5 ? ` and ${unknown.length - 5} more` : ''}; name it under \`ignore\` in model.yaml if training must not see it`,
      unknown[0],
    )
  if (!sound) return undefined
  return {
    features: config.features.map(f => header.indexOf(f.name)),
    label: header.indexOf(config.label.column),
  }
}

function cell(text: string, feature: ModelConfig['features'][number], line: Line): number {
  if (text === '') {
    if (!feature.required) return Number.NaN
    throw new InputError(
      'MISSING_VALUE',
      `line ${line()}: "${feature.name}" is empty; say \`required: false\` to allow missing values`,
      feature.name,
    )
  }
  return checkValue(number(text, feature.name, line), feature, line)
}

/** Range check shared by training rows and field rows. */
export function checkValue(value: number, feature: ModelConfig['features'][number], line?: Line): number {
  const { min, max, name } = feature
  if ((min !== undefined && value < min) || (max !== undefined && value > max)) {
    throw new InputError(
      'OUT_OF_RANGE',
      `${line ? `line ${line()}: ` : ''}"${name}" is ${value}; allowed is ${min ?? '-∞'} to ${max ?? '∞'}`,
      name,
    )
  }
  return value
}

function number(text: string, name: string, line: Line): number {
  const value = Number(text)
  // JavaScript reads an empty text as 0 and 0x1F as 31; in a table of measurements both are mistakes.
  if (text === '' || /^0[box]/i.test(text) || !Number.isFinite(value)) {
    throw new InputError(
      'NOT_A_NUMBER',
      `line ${line()}: "${name}" is "${text.slice(0, 40)}"; a finite number is needed`,
      name,
    )
  }
  return value
}

function label(text: string, config: ModelConfig, line: Line): number {
  const { classes, column } = config.label
  if (config.task === 'regression') return number(text, column, line)
  const index = classes.indexOf(text)
  if (index < 0) {
    throw new InputError(
      'UNKNOWN_CLASS',
      `line ${line()}: "${column}" is "${text.slice(0, 40)}"; known classes are ${quote(classes)}`,
      column,
    )
  }
  return index
}

const quote = (names: readonly string[]): string => names.map(n => `"${n}"`).join(', ')
