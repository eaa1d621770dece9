/** Everything that is wrong with a file of rows, labels or devices, by the checks that the handlers run. */
import { enrolmentEntry } from '../../../src/contracts/enrolment.ts'
import { groundTruth } from '../../../src/contracts/labels.ts'
import type { ModelConfig } from '../../../src/contracts/model-config.ts'
import { datasetFaults } from '../../../src/domain/dataset/parse.ts'
import { datasetText } from '../../../src/domain/dataset/text.ts'
import { readEnrolmentCsv } from '../../../src/domain/device/enrolment-csv.ts'
import { InputError } from '../../../src/domain/errors.ts'
import { marginsOf } from '../../../src/domain/evaluation/evaluate.ts'
import { groundTruthLabel, parseLine } from '../../../src/domain/sampling/labels.ts'
import { modelFromImport } from '../../../src/domain/training/imported.ts'
import { schemaError } from '../../../src/runtime/events.ts'
import { nearest } from '../nearest.ts'
import { type Fault, fileFault } from './fault.ts'

/** More than somebody reads at once; the rest is likely of the same kind. */
export const MAX_FAULTS = 20

const caught = (error: unknown): InputError => {
  if (error instanceof InputError) return error
  throw error
}
const asFault = ({ reason, message, field }: InputError, line: number | null): Fault => ({
  ...{ path: field === 'file' ? '' : (field ?? ''), line, column: null, length: 0 },
  ...{ code: reason, message: message.replace(/^line \d+: /, ''), fix: null },
})

export interface ReadRows {
  readonly faults: readonly Fault[]
  readonly lines: readonly string[]
}

/** A dataset against a model.yaml. `key` says by its ending whether it is packed. */
export function readDatasetFile(key: string, bytes: Uint8Array, config: ModelConfig): ReadRows {
  let text: string
  try {
    text = datasetText(key, bytes)
  } catch (error) {
    return { faults: [asFault(caught(error), null)], lines: [] }
  }
  const found = datasetFaults(text, config, MAX_FAULTS)
  // The file may be large: it is cut into lines only to show some.
  const lines = found.length === 0 ? [] : text.split(/\r?\n/, Math.max(1, ...found.map(f => f.line ?? 1)))
  const faults = found.map(({ error, line, cell }): Fault => {
    const place = line === undefined || cell === undefined ? undefined : cellAt(lines[line - 1] ?? '', cell)
    return { ...asFault(error, line ?? null), ...place, fix: fixOf(error, config) }
  })
  return { faults, lines }
}

/** Where a cell stands in its line. With a line break in quotes the line begins inside a cell, and no place is told. */
function cellAt(line: string, cell: number): { column: number; length: number } | undefined {
  let [start, at, quoted] = [0, 0, false]
  for (let i = 0; i <= line.length; i++) {
    if (line[i] === '"') quoted = !quoted
    if (i < line.length && (line[i] !== ',' || quoted)) continue
    if (at === cell) return { column: start + 1, length: Math.max(1, i - start) }
    at++
    start = i + 1
  }
  return undefined
}

function fixOf(
  { reason, field = '', message }: InputError,
  { features, label, ignore }: ModelConfig,
): string | null {
  const names = [...features.map(f => f.name), label.column, ...ignore]
  if (reason === 'UNKNOWN_COLUMN') {
    const meant = nearest(field, names)
    return meant === undefined
      ? `ignore: [${[...ignore, field].join(', ')}] in model.yaml`
      : `call it ${meant}`
  }
  if (reason === 'MISSING_VALUE') return `required: false for ${field} in model.yaml, or a value`
  if (reason === 'UNKNOWN_CLASS') {
    const said = /is "(.*)"; known/.exec(message)?.[1] ?? ''
    return nearest(said, label.classes) ?? `one of ${label.classes.join(', ')}`
  }
  return reason === 'NOT_UTF8' ? 'save it as UTF-8' : null
}

/** Lines of ground truth; without a model.yaml classes are not compared. */
export function readLabelsFile(bytes: Uint8Array, config: ModelConfig | undefined): ReadRows {
  const lines = new TextDecoder().decode(bytes).split('\n')
  const faults: Fault[] = []
  let good = 0
  for (const [i, line] of lines.entries()) {
    if (line.trim() === '') continue
    if (faults.length >= MAX_FAULTS) break
    try {
      const parsed = groundTruth.safeParse(parseLine(line))
      if (!parsed.success) throw schemaError(parsed.error)
      if (config !== undefined) groundTruthLabel(parsed.data, config)
      good++
    } catch (error) {
      faults.push(asFault(caught(error), i + 1))
    }
  }
  if (good === 0 && faults.length === 0) faults.push(fileFault('EMPTY_FILE', 'the file holds no labels'))
  return { faults, lines }
}

/** The list of devices that may enrol. */
export function readDevicesFile(bytes: Uint8Array): ReadRows {
  const lines = new TextDecoder().decode(bytes).split(/\r?\n/)
  try {
    const faults = readEnrolmentCsv(bytes).flatMap(({ line, entry }) => {
      const parsed = enrolmentEntry.safeParse(entry)
      return parsed.success ? [] : [asFault(schemaError(parsed.error), line)]
    })
    return { faults: faults.slice(0, MAX_FAULTS), lines }
  } catch (error) {
    return { faults: [asFault(caught(error), null)], lines }
  }
}

/** A model trained elsewhere: whether it can be read, takes these features and gives these outputs. */
export function readImportFile(bytes: Uint8Array, config: ModelConfig): ReadRows {
  try {
    modelFromImport(() => marginsOf(bytes, config))
    return { faults: [], lines: [] }
  } catch (error) {
    return { faults: [asFault(caught(error), null)], lines: [] }
  }
}
