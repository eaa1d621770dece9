import { readFileSync } from 'node:fs'
import { divide, fieldRows, readCsvGz } from '../csv.ts'
import type { Example, FieldRow } from '../example.ts'

const FEATURES = ['V1', 'V2', 'V3', 'V4', 'V5', 'V6', 'V7', 'V8', 'V9']
/** Simulated calibration error of the second phase, added to the sensor's value. */
const OFFSETS: Readonly<Record<string, number>> = { V1: 12, V7: 6 }

const miscalibrated = ({ row, truth }: FieldRow): FieldRow => ({
  row: row.map((value, f) => (value === null ? null : value + (OFFSETS[FEATURES[f] as string] ?? 0))),
  truth,
})

export function load(): Example {
  const all = readCsvGz(new URL('data/statlog-shuttle.csv.gz', import.meta.url))
  const parts = divide(all.lines, 0.4)
  const field = fieldRows(all.header, parts.out, FEATURES, 'Class')
  const half = Math.floor(field.length / 2)
  return {
    model: 'shuttle',
    fleet: 'orbiters',
    slot: 'state',
    hardware: 'flight-computer',
    metric: 'accuracy',
    modelYaml: readFileSync(new URL('model.yaml', import.meta.url)),
    drop: {
      name: 'telemetry.csv',
      bytes: Buffer.from(`${[all.header.join(','), ...parts.in].join('\n')}\n`),
      what: `${parts.in.length} rows of telemetry`,
    },
    phases: [
      { name: 'calibrated', rows: field.slice(0, half) },
      { name: 'miscalibrated', rows: field.slice(half).map(miscalibrated) },
    ],
  }
}
