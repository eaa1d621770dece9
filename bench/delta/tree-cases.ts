import { createHash } from 'node:crypto'
import type { Layout } from '../../compiler/index.ts'
import { readCsvGz } from '../../examples/csv.ts'
import type { ModelConfig } from '../../src/contracts/model-config.ts'
import type { LabelledRows } from '../../src/domain/dataset/parse.ts'
import { splitRows } from '../../src/domain/dataset/split.ts'
import type { UpdateCase } from './cases.ts'
import { accuracyOf, exampleConfig, type Release, release } from './packages.ts'
import { append, dataset, gridded, refresh, type TreeModel, train } from './trees.ts'

/** Leaves on multiples of this, where a case says so. */
export const GRID = 2 ** -6

function coldChain(name: string): LabelledRows {
  const { header, lines } = readCsvGz(
    new URL(`../../examples/cold-chain/data/sensor-network-${name}.csv.gz`, import.meta.url),
  )
  const [humidity, temperature, label] = ['humidity', 'temperature', 'label'].map(c => header.indexOf(c))
  const cells = lines.map(line => line.split(',').map(Number))
  return {
    features: cells.map(row => [row[humidity!]!, row[temperature!]!]),
    labels: cells.map(row => row[label!]!),
  }
}

function shuttle(config: ModelConfig): LabelledRows {
  const { header, lines } = readCsvGz(
    new URL('../../examples/shuttle/data/statlog-shuttle.csv.gz', import.meta.url),
  )
  const columns = config.features.map(f => header.indexOf(f.name))
  const label = header.indexOf(config.label.column)
  const cells = lines.map(line => line.split(','))
  return {
    features: cells.map(row => columns.map(c => Number(row[c]))),
    labels: cells.map(row => config.label.classes.indexOf(row[label]!)),
  }
}

const concat = (a: LabelledRows, b: LabelledRows): LabelledRows => ({
  features: [...a.features, ...b.features],
  labels: [...a.labels, ...b.labels],
})

/** A share of the rows, chosen by a hash of each row's place: the same rows on every machine. */
function share(rows: LabelledRows, part: number, salt: string): LabelledRows {
  const kept = rows.labels.flatMap((_, i) => {
    const u = createHash('sha256').update(`${salt}:${i}`).digest().readUInt32BE(0) / 2 ** 32
    return u < part ? [i] : []
  })
  return { features: kept.map(i => rows.features[i]!), labels: kept.map(i => rows.labels[i]!) }
}

/** Leaves that a refresh would move by less than this times eta stay, where a case says so. */
export const TOLERANCE = 1

interface Seasons {
  readonly first: LabelledRows
  readonly second: LabelledRows
}

/** Every update kind of one model: a first season, a tenth as many rows of the second, the second alone. */
function kindsOf(
  name: string,
  config: ModelConfig,
  seasons: Seasons,
  hyperparameters: Readonly<Record<string, string>>,
  layout?: Layout,
): UpdateCase[] {
  const { first, second } = seasons
  const grown = concat(first, share(second, (0.1 * first.labels.length) / second.labels.length, name))
  const parts = { first: split(config, first), grown: split(config, grown), second: split(config, second) }
  const base = train(dataset(parts.first.train), hyperparameters)
  const coarse = gridded(base, GRID)
  const tenth = Math.max(1, Math.round(Number(hyperparameters['num_round']) / 10))
  const grownRows = dataset(parts.grown.train)
  const secondRows = dataset(parts.second.train)
  const packaged = (version: number, model: TreeModel, on: keyof typeof parts): Release =>
    release(config, version, model, parts[on].train, parts[on].holdout, layout)
  const v1 = packaged(1, base, 'first')
  const v1Coarse = packaged(1, coarse, 'first')
  const made = (kind: string, old: TreeModel, model: TreeModel, on: keyof typeof parts): UpdateCase => {
    const to = packaged(2, model, on)
    const { holdout } = parts[on]
    return {
      group: `${name}, ${to.layout}`,
      kind,
      base: (old === base ? v1 : v1Coarse).archive,
      target: to.archive,
      accuracy: { before: accuracyOf(config, old, holdout), after: accuracyOf(config, model, holdout) },
    }
  }
  const tolerance = Number(hyperparameters['eta']) * TOLERANCE
  return [
    made('+10 % trees, 10 % new rows', base, append(base, grownRows, tenth), 'grown'),
    made('leaf refresh, 10 % new rows', base, refresh(base, grownRows), 'grown'),
    made('leaf refresh, larger moves only', base, refresh(base, grownRows, { tolerance }), 'grown'),
    made(
      'leaf refresh on a grid, 10 % new rows',
      coarse,
      refresh(coarse, grownRows, { step: GRID }),
      'grown',
    ),
    made(
      'leaf refresh on a grid, other season',
      coarse,
      refresh(coarse, secondRows, { step: GRID }),
      'second',
    ),
    made('retrained, 10 % new rows', base, train(grownRows, hyperparameters), 'grown'),
    made('retrained, other season', base, train(secondRows, hyperparameters), 'second'),
  ]
}

const split = (config: ModelConfig, rows: LabelledRows) => splitRows(rows, config.training.split)

const texts = (values: Readonly<Record<string, string | number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([k, v]) => [k, String(v)]))

/** All tree models: the two examples as their model.yaml has them, and cold-chain ten times as large per layout. */
export function treeCases(): UpdateCase[] {
  const cold = exampleConfig('cold-chain')
  const seasons = { first: coldChain('single-hop'), second: coldChain('multi-hop') }
  const asIs = texts({ objective: 'binary:logistic', ...cold.training.hyperparameters })
  const large = texts({ ...asIs, num_round: 400, max_depth: 6, eta: 0.05 })
  const flight = exampleConfig('shuttle')
  const all = shuttle(flight)
  const half = Math.floor(all.labels.length / 2)
  const part = (from: number, to: number): LabelledRows => ({
    features: all.features.slice(from, to),
    labels: all.labels.slice(from, to),
  })
  const halves = { first: part(0, half), second: part(half, all.labels.length) }
  const classes = texts({ objective: 'multi:softprob', num_class: 7, ...flight.training.hyperparameters })
  return [
    ...kindsOf('cold-chain 60 trees', cold, seasons, asIs),
    ...kindsOf('cold-chain 400 trees', cold, seasons, large, 'nested'),
    ...kindsOf('cold-chain 400 trees', cold, seasons, large, 'branchless'),
    ...kindsOf('cold-chain 400 trees', cold, seasons, large, 'table'),
    ...kindsOf('shuttle 140 trees', flight, halves, classes),
  ]
}
