import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { createRandom } from '../../trainer/gbdt/random.ts'

/** One numeric table: label first, then features, as CSV lines without the header. */
export interface Table {
  readonly header: string
  readonly lines: readonly string[]
}

/** A comparison: how to train, and what to train and test on for a seed. */
export interface Case {
  readonly name: string
  readonly hyperparameters: Readonly<Record<string, string>>
  readonly metrics: readonly string[]
  split(seed: number): { readonly train: Table; readonly test: Table }
}

type Row = Readonly<Record<string, string>>

function readRows(folder: string, file: string): Row[] {
  const [header, ...lines] = gunzipSync(readFileSync(join(folder, file)))
    .toString('utf8')
    .trimEnd()
    .split('\n')
  const names = header!.split(',')
  return lines.map(line => Object.fromEntries(line.split(',').map((cell, i) => [names[i]!, cell])))
}

function table(
  rows: readonly Row[],
  label: (row: Row) => number | string,
  features: readonly string[],
): Table {
  return {
    header: ['label', ...features].join(','),
    lines: rows.map(row => [label(row), ...features.map(name => row[name])].join(',')),
  }
}

/** Lending Club's words as numbers: one-hot up to eight levels, the level's rank in sorted order above. */
function encode(rows: readonly Row[], label: string): { rows: Row[]; features: string[] } {
  const encoders = Object.keys(rows[0]!)
    .filter(name => name !== label)
    .map(name => {
      const levels = [...new Set(rows.map(row => row[name]!))].sort()
      if (levels.every(level => level === '' || level === 'NA' || Number.isFinite(Number(level))))
        return { names: [name], cells: (row: Row) => [row[name]!] }
      if (levels.length > 8)
        return { names: [name], cells: (row: Row) => [String(levels.indexOf(row[name]!))] }
      return {
        names: levels.map(level => `${name}_${level}`),
        cells: (row: Row) => levels.map(level => (row[name] === level ? '1' : '0')),
      }
    })
  const features = encoders.flatMap(encoder => encoder.names)
  const encoded = rows.map(row => {
    const cells = encoders.flatMap(encoder => encoder.cells(row))
    return { [label]: row[label]!, ...Object.fromEntries(features.map((name, i) => [name, cells[i]!])) }
  })
  return { rows: encoded, features }
}

/** A seeded shuffle; three quarters train, one quarter tests. */
function threeToOne(all: Table, seed: number): { train: Table; test: Table } {
  const random = createRandom(seed)
  const lines = [...all.lines]
  for (let i = lines.length - 1; i > 0; i--) {
    const j = Math.floor(random() * (i + 1))
    const swap = lines[i]!
    lines[i] = lines[j]!
    lines[j] = swap
  }
  const cut = Math.floor(lines.length * 0.75)
  return {
    train: { header: all.header, lines: lines.slice(0, cut) },
    test: { header: all.header, lines: lines.slice(cut) },
  }
}

const BINARY = { objective: 'binary:logistic', num_round: '100', eta: '0.1', max_depth: '6' }
const SAMPLED = { subsample: '0.8', colsample_bytree: '0.8', colsample_bylevel: '0.8' }
const BINARY_METRICS = ['auc', 'aucpr', 'logloss', 'error']

/** The comparisons of docs/trainer.md over the data folder that its README describes. */
export function loadCases(folder: string): Case[] {
  const climate = ['humidity', 'temperature']
  const singleRows = readRows(folder, 'sensor-network-single-hop.csv.gz')
  const single = table(singleRows, row => row['label']!, climate)
  const multi = table(readRows(folder, 'sensor-network-multi-hop.csv.gz'), row => row['label']!, climate)
  const shuttleRows = readRows(folder, 'statlog-shuttle.csv.gz')
  const classes = [...new Set(shuttleRows.map(row => row['Class']!))].sort()
  const shuttle = table(
    shuttleRows,
    row => classes.indexOf(row['Class']!),
    Object.keys(shuttleRows[0]!).filter(name => name !== 'Class'),
  )
  const loans = encode(readRows(folder, 'lending-club.csv.gz'), 'Class')
  const lending = table(loans.rows, row => (row['Class'] === 'bad' ? 1 : 0), loans.features)
  const weather = table(singleRows, row => row['temperature']!, ['humidity', 'mote_id'])
  const held = (all: Table) => (seed: number) => threeToOne(all, seed)
  const multiClass = {
    objective: 'multi:softprob',
    num_class: '7',
    num_round: '40',
    eta: '0.3',
    max_depth: '6',
  }
  const regression = { objective: 'reg:squarederror', num_round: '100', eta: '0.1', max_depth: '6' }
  return [
    { name: 'sensor single-hop', hyperparameters: BINARY, metrics: BINARY_METRICS, split: held(single) },
    { name: 'sensor multi-hop', hyperparameters: BINARY, metrics: BINARY_METRICS, split: held(multi) },
    {
      name: 'sensor single → multi',
      hyperparameters: BINARY,
      metrics: BINARY_METRICS,
      split: seed => ({ train: threeToOne(single, seed).train, test: multi }),
    },
    { name: 'lending-club', hyperparameters: BINARY, metrics: BINARY_METRICS, split: held(lending) },
    {
      name: 'lending-club, sampled',
      hyperparameters: { ...BINARY, ...SAMPLED },
      metrics: BINARY_METRICS,
      split: held(lending),
    },
    {
      name: 'shuttle, 7 classes',
      hyperparameters: multiClass,
      metrics: ['mlogloss', 'merror', 'auc'],
      split: held(shuttle),
    },
    { name: 'temperature', hyperparameters: regression, metrics: ['rmse', 'mae'], split: held(weather) },
  ]
}
