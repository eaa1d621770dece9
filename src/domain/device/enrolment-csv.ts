import { parse } from 'csv-parse/sync'
import { InputError } from '../errors.ts'

export const MAX_ENROLMENT_CSV_BYTES = 1024 * 1024
const MAX_ROWS = 5_000
const COLUMNS = ['serial', 'fleet', 'hardware'] as const

/** A line as it stands, to be checked against the schema. */
export interface EnrolmentLine {
  readonly line: number
  readonly text: string
  readonly entry: Readonly<Record<string, string>>
}
interface CsvRecord {
  readonly record: readonly string[]
  readonly raw: string
  readonly info: { readonly lines: number }
}

/** Lines of `serial,fleet,hardware` under a header with these names in any order. */
export function readEnrolmentCsv(bytes: Uint8Array): EnrolmentLine[] {
  let records: CsvRecord[]
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    records = parse(text, {
      ...{ bom: true, relax_column_count: true, skip_empty_lines: true, trim: true, info: true, raw: true },
      ...{ max_record_size: 4_096, to: MAX_ROWS + 2 },
    }) as unknown as CsvRecord[]
  } catch (error) {
    throw new InputError('NOT_CSV', `not a CSV file in UTF-8: ${(error as Error).message}`, 'file')
  }
  const header = records.shift()?.record ?? []
  const missing = COLUMNS.filter(name => !header.includes(name))
  if (missing.length > 0 || header.length !== COLUMNS.length)
    throw new InputError(
      'BAD_HEADER',
      `the first line must be ${COLUMNS.join()}; got "${header.join().slice(0, 200)}"`,
      missing[0] ?? 'file',
    )
  if (records.length === 0) throw new InputError('NO_ROWS', 'the file has a header and no rows', 'file')
  if (records.length > MAX_ROWS)
    throw new InputError('TOO_MANY_ROWS', `more than ${MAX_ROWS} rows; cut the file`, 'file')
  return records.map(({ record, raw, info }) => ({
    line: info.lines,
    text: raw.trimEnd(),
    // A cell too many becomes a field that the schema does not know.
    entry: Object.fromEntries(record.map((value, i) => [header[i] ?? `column ${i + 1}`, value])),
  }))
}
