import { gzipSync } from 'node:zlib'
import { afterEach, describe, expect, it } from 'vitest'
import { loadXgboostJson, margins } from '../../trainer/predict.ts'
import { type JobFolder, makeJob, startProgram } from './job-folder.ts'
import { makeRows, toCsv } from './rows.ts'

const jobs: JobFolder[] = []
const job = (...args: Parameters<typeof makeJob>): JobFolder => {
  const made = makeJob(...args)
  jobs.push(made)
  return made
}
afterEach(() => {
  for (const made of jobs.splice(0)) made.remove()
})

const BINARY = { objective: 'binary:logistic', num_round: '12', max_depth: '3', eval_metric: 'logloss,auc' }

describe('the training program under SageMaker’s contract', () => {
  it('trains on several files and evaluates every channel', async () => {
    const header = ['label', 'a', 'b', 'c']
    const data = makeRows(1, 400, 3, 0.1)
    const [head, ...rows] = toCsv(data, header).trimEnd().split('\n')
    const part = (from: number, to: number): string => `${[head, ...rows.slice(from, to)].join('\r\n')}\r\n`
    const made = job(
      { ...BINARY, early_stopping_rounds: '5', label_column: 'label' },
      {
        sentinel: { 'day.csv': toCsv(makeRows(3, 50, 3), header) },
        train: { 'part-2.csv': part(200, 400), 'part-1.csv.gz': gzipSync(part(0, 200)), _SUCCESS: '' },
        validation: { 'v.csv': toCsv(makeRows(2, 100, 3), header) },
        test: { 't.csv': `\uFEFF${toCsv(makeRows(4, 80, 3), header)}` },
      },
      { train: 'text/csv; header=present' },
    )
    const { code, stdout, stderr } = await startProgram(made.base).finished
    expect(stderr).toBe('')
    expect(code).toBe(0)
    expect(made.has('output/failure')).toBe(false)
    expect(stdout).toMatch(
      /^\[0\]#011train-logloss:0\.\d{5}#011train-auc:0\.\d{5}#011validation-logloss:0\.\d{5}#011validation-auc:0\.\d{5}$/m,
    )
    expect(stdout).toMatch(
      /^\[\d+\]#011train-.*#011validation-.*#011test-logloss:.*#011sentinel-auc:0\.\d{5}$/m,
    )
    const report = JSON.parse(made.text('model/metrics.json'))
    expect(Object.entries<{ rows: number }>(report.channels).map(([name, c]) => [name, c.rows])).toEqual([
      ['train', 400],
      ['validation', 100],
      ['test', 80],
      ['sentinel', 50],
    ])
    const { metrics, confusion } = report.channels.test
    expect(confusion.tp + confusion.fp + confusion.tn + confusion.fn).toBe(80)
    expect(metrics.accuracy).toBeCloseTo((confusion.tp + confusion.tn) / 80, 12)
    expect(metrics.auc).toBeGreaterThan(0.8)
    expect(report.training.features).toEqual(['a', 'b', 'c'])
    expect(report.training.hyperparameters.eta).toBe(0.3)
    const model = loadXgboostJson(made.text('model/xgboost-model.json'))
    expect(model.featureNames).toEqual(['a', 'b', 'c'])
    expect(model.trees.length).toBe(report.training.best_iteration + 1)
    expect(model.attributes['best_iteration']).toBe(String(report.training.best_iteration))
  })

  it('maps class names, takes weights from the second column and needs no header row', async () => {
    const line = (i: number): string =>
      `${['ok', 'worn', 'broken'][i % 3]},${(i % 4) + 0.5},${i % 3},${i % 7}`
    const rows = Array.from({ length: 90 }, (_, i) => line(i)).join('\n')
    const made = job(
      { objective: 'multi:softmax', classes: '["ok","worn","broken"]', num_round: '3', csv_weights: '1' },
      { train: { 'rows.csv': rows } },
    )
    expect(await startProgram(made.base).finished).toMatchObject({ code: 0, stderr: '' })
    const report = JSON.parse(made.text('model/metrics.json'))
    expect(report.channels.train.confusion).toEqual([
      [30, 0, 0],
      [0, 30, 0],
      [0, 0, 30],
    ])
    expect(report.training.features).toEqual(['f0', 'f1'])
    const model = loadXgboostJson(made.text('model/xgboost-model.json'))
    expect(model.featureNames).toEqual([])
    expect(JSON.parse(model.attributes['classes']!)).toEqual(['ok', 'worn', 'broken'])
    const [scores] = [margins(model, [[1, 0]])]
    expect(scores[1]!).toBeGreaterThan(Math.max(scores[0]!, scores[2]!))
  })

  it('writes the same bytes from the same bytes', async () => {
    const made = [1, 2].map(() =>
      job(
        { ...BINARY, subsample: '0.7', colsample_bylevel: '0.7', seed: '11' },
        { train: { 'a.csv': toCsv(makeRows(5, 300, 4, 0.2)) }, test: { 'a.csv': toCsv(makeRows(6, 50, 4)) } },
      ),
    )
    for (const { base } of made) expect((await startProgram(base).finished).code).toBe(0)
    for (const file of ['model/xgboost-model.json', 'model/metrics.json'])
      expect(made[0]!.text(file)).toBe(made[1]!.text(file))
  })

  it('explains a bad job in output/failure and exits with 1', async () => {
    const made = job({ ...BINARY, eta: '2' }, { train: { 'a.csv': toCsv(makeRows(1, 20, 2)) } })
    const { code, stderr } = await startProgram(made.base).finished
    expect(code).toBe(1)
    const failure = 'hyperparameter eta: expected a number in (0, 1], got "2"'
    expect(made.text('output/failure')).toBe(failure)
    expect(stderr).toBe(`${failure}\n`)
    expect(made.has('model/xgboost-model.json')).toBe(false)
  })

  it('exits with 2 when it is not the job’s fault', async () => {
    const made = job(BINARY, { train: { 'a.csv': toCsv(makeRows(1, 20, 2)) } })
    made.write('model/xgboost-model.json/in-the-way', '')
    const { code } = await startProgram(made.base).finished
    expect(code).toBe(2)
    expect(made.text('output/failure')).toMatch(/^Internal error: EISDIR/)
  })

  it('refuses to serve', async () => {
    const made = job(BINARY, { train: { 'a.csv': toCsv(makeRows(1, 20, 2)) } })
    const { code } = await startProgram(made.base, ['trainer/main.ts', 'serve']).finished
    expect(code).toBe(1)
    expect(made.text('output/failure')).toContain('unknown command serve')
  })

  it('saves the rounds so far on SIGTERM and exits with 0', async () => {
    const made = job({ ...BINARY, num_round: '100000' }, { train: { 'a.csv': toCsv(makeRows(1, 2000, 5)) } })
    const { child, finished, sawLine } = startProgram(made.base)
    await sawLine('[3]#011')
    child.kill('SIGTERM')
    expect(await finished).toMatchObject({ code: 0, stderr: '' })
    const { training } = JSON.parse(made.text('model/metrics.json'))
    expect(training.stopped_by).toBe('signal')
    expect(training.rounds).toBeGreaterThanOrEqual(4)
    expect(training.rounds).toBeLessThan(100_000)
    expect(loadXgboostJson(made.text('model/xgboost-model.json')).trees.length).toBe(training.rounds)
  })
})

describe('configuration files', () => {
  const good = (): JobFolder => job(BINARY, { train: { 'a.csv': toCsv(makeRows(1, 20, 2)) } })
  const spoiled: [string, string, string, RegExp][] = [
    ['no JSON', 'hyperparameters.json', '{', /hyperparameters\.json is not valid JSON/],
    ['no object', 'hyperparameters.json', '[]', /hyperparameters\.json must be one JSON object/],
    ['channels as a list', 'inputdataconfig.json', '[]', /inputdataconfig\.json must be one JSON object/],
    ['no train channel', 'inputdataconfig.json', '{"training":{}}', /no train channel: the job has training/],
    ['a path as channel', 'inputdataconfig.json', '{"train":{},"../x":{}}', /not a channel name/],
    ['Pipe mode', 'inputdataconfig.json', '{"train":{"TrainingInputMode":"Pipe"}}', /train: input mode Pipe/],
    [
      'libsvm',
      'inputdataconfig.json',
      '{"train":{"ContentType":"text/libsvm"}}',
      /"text\/libsvm" is not supported/,
    ],
    ['an empty channel', 'inputdataconfig.json', '{"train":{},"test":{}}', /channel test has no files/],
    ['two hosts', 'resourceconfig.json', '{"hosts":["algo-1","algo-2"]}', /InstanceCount to 1/],
  ]
  it.each(spoiled)('refuses %s', async (_, file, content, message) => {
    const made = good()
    made.write(`input/config/${file}`, content)
    expect((await startProgram(made.base).finished).code).toBe(1)
    expect(made.text('output/failure')).toMatch(message)
  })

  it('names a missing file', async () => {
    const made = job(BINARY, {})
    made.write('input/config/inputdataconfig.json', '{"train":{}}')
    const other = makeJob({}, {})
    jobs.push(other)
    expect((await startProgram(`${made.base}/input`).finished).code).toBe(1)
    expect(made.text('input/output/failure')).toBe('input/config/hyperparameters.json is missing')
    expect((await startProgram(other.base).finished).code).toBe(1)
    expect(other.text('output/failure')).toMatch(/no train channel/)
  })
})
