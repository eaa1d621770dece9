import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { DatasetRow, VersionRow } from '../../src/domain/entities.ts'
import { keys } from '../../src/domain/entities.ts'
import { datasetCsv, eventually, type Harness, modelYaml, startHarness } from './support.ts'

const MODEL = 'probe'
let h: Harness
beforeAll(async () => {
  h = await startHarness()
  await h.drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL))
  await h.event('ModelConfigured', d => d['model'] === MODEL)
})
afterAll(() => h?.close())

const registered = async (): Promise<readonly DatasetRow[]> =>
  (await h.store.query<DatasetRow>(keys.model(MODEL).pk, 'DATASET#')).map(r => r.data)

const header300 = Array.from({ length: 300 }, (_, i) => `c${i}`).join(',')
/** File name, body, code, field, and what the message has to say. */
const refusedFiles: readonly (readonly [string, string | Uint8Array, string, string, RegExp])[] = [
  [
    'missing column.csv',
    'a,label\n1,0\n',
    'MISSING_COLUMN',
    'b',
    /missing column "b"; expected "a", "b", "label"/,
  ],
  ['unknown column.csv', 'a,b,label,secret\n1,2,0,3\n', 'UNKNOWN_COLUMN', 'secret', /"secret"/],
  ['wrong type.csv', 'a,b,label\n1,2,0\n1,warm,0\n', 'NOT_A_NUMBER', 'b', /line 3: "b" is "warm"/],
  ['empty.csv', '', 'EMPTY_FILE', 'file', /header row and at least one row/],
  ['nan.csv', 'a,b,label\nNaN,2,0\n', 'NOT_A_NUMBER', 'a', /line 2: "a" is "NaN"; a finite number/],
  ['infinity.csv', 'a,b,label\n1,-Infinity,0\n', 'NOT_A_NUMBER', 'b', /line 2: "b" is "-Infinity"/],
  ['overflow.csv', 'a,b,label\n1,1e999,0\n', 'NOT_A_NUMBER', 'b', /line 2: "b" is "1e999"/],
  ['header only.csv', 'a,b,label\n', 'NO_ROWS', 'file', /a header and no rows/],
  ['300 columns.csv', `${header300}\n${header300}\n`, 'TOO_MANY_COLUMNS', 'file', /300 columns; at most 256/],
  [
    'out of range.csv',
    'a,b,label\n1001,2,0\n',
    'OUT_OF_RANGE',
    'a',
    /line 2: "a" is 1001; allowed is 0 to 1000/,
  ],
  [
    'class.csv',
    'a,b,label\n1,2,maybe\n',
    'UNKNOWN_CLASS',
    'label',
    /line 2: "label" is "maybe"; known classes are "0", "1"/,
  ],
  ['utf16.csv', Buffer.from('a,b,label\n1,2,0\n', 'utf16le'), 'MISSING_COLUMN', 'a', /missing column/],
  ['binary.csv', new Uint8Array([0xff, 0xfe, 0xfd, 0x0a]), 'NOT_UTF8', 'file', /not UTF-8/],
  ['broken.csv.gz', 'this is not gzip', 'NOT_GZIP', 'file', /cannot be unpacked/],
]

describe('datasets', () => {
  it('registers one under a key with spaces, plus, percent and unicode, and trains on it', async () => {
    const key = `datasets/${MODEL}/Kühl kette+2010 (100%) 冷蔵.csv`
    await h.drop(key, datasetCsv())
    const data = await h.event('DatasetRegistered', d => d['key'] === key)
    expect(data).toMatchObject({ model: MODEL, rows: 200 })
    expect(await h.event('ModelVersionRegistered', d => d['model'] === MODEL)).toMatchObject({ version: 1 })
  })

  it.each(refusedFiles)('refuses %s', async (name, body, code, field, message) => {
    const key = `datasets/${MODEL}/${name}`
    await h.drop(key, body)
    const { record, event } = await h.refused(r => r.subject === key)
    expect(record).toMatchObject({ channel: 's3', code, field, model: MODEL })
    expect(record.reason).toMatch(message)
    expect(event).toMatchObject({
      channel: 's3',
      subject: key,
      code,
      field,
      model: MODEL,
      reason: record.reason,
    })
  })

  it('refuses the same bytes under another key, naming the first', async () => {
    const key = `datasets/${MODEL}/again.csv`
    await h.drop(key, datasetCsv())
    const { record } = await h.refused(r => r.subject === key)
    expect(record).toMatchObject({ code: 'DUPLICATE_DATASET', field: 'file' })
    expect(record.reason).toContain('冷蔵.csv')
  })

  it('refuses a dataset of no known model and a key without a model', async () => {
    await h.drop('datasets/nobody/x.csv', datasetCsv())
    await h.drop('datasets/No Body!/x.csv', datasetCsv())
    expect((await h.refused(r => r.subject === 'datasets/nobody/x.csv')).record).toMatchObject({
      code: 'MODEL_UNKNOWN',
      field: 'key',
    })
    expect((await h.refused(r => r.subject === 'datasets/No Body!/x.csv')).record).toMatchObject({
      code: 'BAD_KEY',
      field: 'key',
    })
  })

  it('keeps only the good one, and trained once', async () => {
    expect(await registered()).toEqual([expect.objectContaining({ rows: 200 })])
    expect(h.events.filter(e => e.type === 'TrainingStarted' && e.data['model'] === MODEL)).toHaveLength(1)
  })
})

describe('model.yaml', () => {
  it.each([
    ['unknown-field', 'colour: red', 'SCHEMA', 'colour'],
    [
      'unknown-nested',
      'rollout: { tolerate: { failureRate: 0.1, colour: red } }',
      'SCHEMA',
      'rollout.tolerate.colour',
    ],
    ['wrong-type', 'silentAfterMinutes: soon', 'SCHEMA', 'silentAfterMinutes'],
    ['not-yaml', 'description: [1, 2', 'NOT_YAML', 'model.yaml'],
  ] as const)('refuses %s', async (name, more, code, field) => {
    const key = `models/${name}/model.yaml`
    await h.drop(key, modelYaml(name, more))
    const { record, event } = await h.refused(r => r.subject === key)
    expect(record).toMatchObject({ channel: 's3', code, field })
    expect(event).toMatchObject({ code, field })
    expect(await h.store.get(keys.model(name))).toBeUndefined()
  })

  it('keeps the configuration that works when its replacement is refused', async () => {
    const digest = async () =>
      (await h.store.get<{ configDigest: string }>(keys.model(MODEL)))?.data.configDigest
    const before = await digest()
    await h.drop(`models/${MODEL}/model.yaml`, modelYaml(MODEL, 'colour: red'))
    await h.refused(r => r.subject === `models/${MODEL}/model.yaml` && r.field === 'colour')
    expect(before).toMatch(/^[0-9a-f]{64}$/)
    expect(await digest()).toBe(before)
  })

  it('refuses one that names another model than its key', async () => {
    await h.drop('models/elsewhere/model.yaml', modelYaml(MODEL))
    const { record } = await h.refused(r => r.subject === 'models/elsewhere/model.yaml')
    expect(record).toMatchObject({ code: 'NAME_MISMATCH', field: 'name' })
  })
})

describe('imports and training', () => {
  it.each([
    ['notes.txt', 'hello'],
    ['empty.json', '{}'],
    ['zero.ubj', ''],
  ])('refuses %s, which is no model', async (name, body) => {
    const key = `imports/${MODEL}/${name}`
    await h.drop(key, body)
    const { record } = await h.refused(r => r.subject === key)
    expect(record).toMatchObject({ code: 'MODEL_FORMAT', field: 'file', model: MODEL })
    expect(record.reason).toMatch(/XGBoost models in JSON or UBJSON are accepted/)
  })

  it('refuses an import for which there are no held-out rows', async () => {
    await h.drop('models/fresh/model.yaml', modelYaml('fresh'))
    await h.event('ModelConfigured', d => d['model'] === 'fresh')
    await h.drop('imports/fresh/m.json', '{}')
    const { record } = await h.refused(r => r.subject === 'imports/fresh/m.json')
    expect(record).toMatchObject({ code: 'NO_DATASET', field: 'key' })
  })

  it('ends a failing training program as TrainingFailed in its own words', async () => {
    const yaml = modelYaml('deep').replace('max_depth: 2', 'max_depth: -1')
    await h.drop('models/deep/model.yaml', yaml)
    await h.event('ModelConfigured', d => d['model'] === 'deep')
    await h.drop('datasets/deep/rows.csv', datasetCsv(200, 3))
    const failed = await h.event('TrainingFailed', d => d['model'] === 'deep')
    expect(failed['reason']).toMatch(/max_depth/)
    expect(failed['reason']).toMatch(/-1/)
    const row = await eventually(
      async () => (await h.store.get<VersionRow>(keys.version('deep', 1)))?.data,
      () => 'no version row',
    )
    expect(row).toMatchObject({ status: 'FAILED', reason: failed['reason'] })
  })
})

it('nothing was denied by IAM and nothing is left in a dead-letter queue', () => {
  expect(h.cloud.denials).toEqual([])
  expect(h.deadLetters()).toEqual({})
})
