import { readFileSync } from 'node:fs'
import { afterAll, describe, expect, it } from 'vitest'
import { createBooster } from '../../trainer/gbdt/booster.ts'
import type { Dataset } from '../../trainer/gbdt/types.ts'
import { boosterParams, parseHyperparameters } from '../../trainer/hyperparameters.ts'
import { runJob } from '../../trainer/job.ts'
import { loadXgboostJson, margins } from '../../trainer/predict.ts'
import { makeJob } from './job-folder.ts'

interface Expected {
  readonly label: string
  readonly hyperparameters: Readonly<Record<string, string>>
  /** Little-endian float32 bytes in hex, as XGBoost 1.7.4 computed them. */
  readonly margins: string
}

const fixture = (name: string): string => readFileSync(`${import.meta.dirname}/fixtures/${name}`, 'utf8')
const expected = JSON.parse(fixture('expected.json')) as Record<string, Expected>
const [header, ...lines] = fixture('rows.csv').trimEnd().split('\n')
const names = header!.split(',')
const table = lines.map(line => line.split(',').map(cell => (cell === '' ? NaN : Number(cell))))
const features = table.map(row => row.slice(4))

const floats = (hex: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(hex, 'hex')).buffer)
const column = (name: string): Float32Array => Float32Array.from(table, row => row[names.indexOf(name)]!)

function dataset(label: string, weighted: boolean): Dataset {
  return {
    rows: table.length,
    cols: 5,
    values: Float32Array.from(features.flat()),
    labels: column(label),
    ...(weighted ? { weights: column('weight') } : {}),
  }
}

describe('training against XGBoost 1.7.4 on the same rows', () => {
  const cases = Object.entries(expected).filter(([name]) => name !== 'trainer_trained')
  it.each(cases)('grows the same trees: %s', (_, { label, hyperparameters, margins: hex }) => {
    const hp = parseHyperparameters(hyperparameters)
    const booster = createBooster(dataset(label, hp.weight_column !== undefined), boosterParams(hp))
    for (let round = 0; round < hp.num_round; round++) booster.boost()
    const theirs = floats(hex)
    expect(booster.margins.length).toBe(theirs.length)
    const gap = booster.margins.reduce((max, m, i) => Math.max(max, Math.abs(m - theirs[i]!)), 0)
    // One step of float32 at these magnitudes: exp() of another C library may differ in the last bit.
    expect(gap).toBeLessThanOrEqual(2.4e-7)
  })
})

describe('scoring, bit for bit', () => {
  it('gives XGBoost’s margins for a model that XGBoost trained', () => {
    const model = loadXgboostJson(fixture('xgboost-trained.json.txt'))
    expect(model.featureNames).toEqual(['speed', 'load', 'temp', 'volt', 'const'])
    expect(margins(model, features)).toEqual(floats(expected['min_child_weight']!.margins))
  })

  it('gives the margins that XGBoost computes from a model of ours', () => {
    const model = loadXgboostJson(fixture('trainer-trained.json.txt'))
    expect(model.groups).toBe(3)
    expect(margins(model, features)).toEqual(floats(expected['trainer_trained']!.margins))
  })
})

describe('the model file', () => {
  const ours = expected['trainer_trained']!
  const rows = table.map(row => [row[1], ...row.slice(4).map(v => (Number.isNaN(v) ? '' : v))].join(','))
  const job = makeJob(ours.hyperparameters, {
    train: { 'rows.csv': `class,speed,load,temp,volt,const\n${rows.join('\n')}\n` },
  })
  afterAll(() => job.remove())

  it('has the committed bytes when trained again', async () => {
    await runJob(job.base, { log: () => undefined, stopRequested: () => false })
    expect(job.text('model/xgboost-model.json')).toBe(fixture('trainer-trained.json.txt'))
  })
})
