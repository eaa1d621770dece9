import { readFileSync } from 'node:fs'
import { divide, fieldRows, readCsvGz } from '../csv.ts'
import type { Example } from '../example.ts'

const FEATURES = ['humidity', 'temperature']

export function load(): Example {
  const may = readCsvGz(new URL('data/sensor-network-single-hop.csv.gz', import.meta.url))
  const july = readCsvGz(new URL('data/sensor-network-multi-hop.csv.gz', import.meta.url))
  // Seven in ten of May's readings are dropped for training; the fleet runs on the rest.
  const parts = divide(may.lines, 0.7)
  const field = fieldRows(may.header, parts.out, FEATURES, 'label')
  const middle =
    field.map(({ row: [humidity] }) => humidity ?? 0).sort((a, b) => a - b)[field.length >> 1] ?? 0
  return {
    model: 'cold-chain',
    fleet: 'containers',
    slot: 'climate',
    hardware: 'gateway-arm64',
    metric: 'auc',
    modelYaml: readFileSync(new URL('model.yaml', import.meta.url)),
    drop: {
      name: 'single-hop 2010-05.csv',
      bytes: Buffer.from(`${[may.header.join(','), ...parts.in].join('\n')}\n`),
      what: `${parts.in.length} readings of May`,
    },
    phases: [
      { name: 'May', rows: field },
      { name: 'July', rows: fieldRows(july.header, july.lines, FEATURES, 'label') },
    ],
    harmless: { name: 'the humid half of May', rows: field.filter(({ row: [h] }) => (h ?? 0) > middle) },
  }
}
