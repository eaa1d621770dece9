/**
 * Compares the trainer with XGBoost on real data and prints a table in Markdown.
 * usage: node bench/trainer/compare.ts DATA_FOLDER [--seeds 5] [--only NAME] [--python /usr/bin/python3]
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { createRandom } from '../../trainer/gbdt/random.ts'
import { runJob } from '../../trainer/job.ts'
import { loadXgboostJson, margins } from '../../trainer/predict.ts'
import { type Case, loadCases, type Table } from './datasets.ts'
import { type OracleResult, printTable } from './table.ts'

const PROBES = 2000

function csv(t: Table): string {
  return `${t.header}\n${t.lines.join('\n')}\n`
}

/** Test rows with every tenth cell blanked: routes for missing values must agree as well. */
function probesOf(test: Table, seed: number): Table {
  const random = createRandom(seed + 1000)
  const blank = (cell: string, i: number): string => (i > 0 && random() < 0.1 ? '' : cell)
  return {
    header: test.header,
    lines: test.lines.slice(0, PROBES).map(line => line.split(',').map(blank).join(',')),
  }
}

async function prepare(dir: string, item: Case, seed: number): Promise<Record<string, unknown>> {
  const { train, test } = item.split(seed)
  const probes = probesOf(test, seed)
  const write = (path: string, content: string): string => {
    mkdirSync(join(dir, path, '..'), { recursive: true })
    writeFileSync(join(dir, path), content)
    return join(dir, path)
  }
  const hyperparameters = { ...item.hyperparameters, seed: String(seed), label_column: 'label' }
  write('input/config/hyperparameters.json', JSON.stringify(hyperparameters))
  write('input/config/inputdataconfig.json', JSON.stringify({ train: {}, test: {} }))
  const task = {
    name: item.name,
    seed,
    train: write('input/data/train/train.csv', csv(train)),
    test: write('input/data/test/test.csv', csv(test)),
    probes: write('probes.csv', csv(probes)),
    margins: join(dir, 'margins.f32'),
    model: join(dir, 'model/xgboost-model.json'),
    metrics: item.metrics,
    num_round: Number(item.hyperparameters['num_round']),
    params: { ...item.hyperparameters, num_round: undefined, seed },
  }
  const start = performance.now()
  await runJob(dir, { log: () => undefined, stopRequested: () => false })
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  process.stderr.write(
    `${item.name}, seed ${seed}: ${train.lines.length} rows, ${seconds} s with reading and evaluation\n`,
  )
  const model = loadXgboostJson(readFileSync(task.model, 'utf8'))
  const rows = probes.lines.map(line =>
    line
      .split(',')
      .slice(1)
      .map(cell => (cell === '' || cell === 'NA' ? NaN : Number(cell))),
  )
  writeFileSync(task.margins, new Uint8Array(margins(model, rows).buffer))
  const report = JSON.parse(readFileSync(join(dir, 'model/metrics.json'), 'utf8'))
  return { ...task, reported: report.channels.test.metrics }
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      seeds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      python: { type: 'string', default: '/usr/bin/python3' },
    },
  })
  const folder = positionals[0]
  if (folder === undefined) throw new Error('give the folder with the data files')
  const root = mkdtempSync(join(tmpdir(), 'trainer-compare-'))
  try {
    const tasks: Record<string, unknown>[] = []
    for (const item of loadCases(folder).filter(c => c.name.includes(values.only))) {
      for (let seed = 1; seed <= Number(values.seeds); seed++)
        tasks.push(await prepare(join(root, String(tasks.length)), item, seed))
    }
    const input = join(root, 'tasks.json')
    const output = join(root, 'results.json')
    writeFileSync(input, JSON.stringify(tasks))
    const script = join(import.meta.dirname, 'oracle.py')
    const run = spawnSync(values.python, [script, input, output], {
      stdio: ['ignore', 'inherit', 'inherit'],
      env: { ...process.env, OMP_NUM_THREADS: '1' },
    })
    if (run.status !== 0) throw new Error(`oracle.py ended with ${run.status ?? run.error?.message}`)
    const { xgboost, results } = JSON.parse(readFileSync(output, 'utf8')) as {
      xgboost: string
      results: OracleResult[]
    }
    const joined = results.map((result, i) => ({
      ...result,
      reported: tasks[i]!['reported'] as Record<string, number | null>,
    }))
    process.stdout.write(
      `XGBoost ${xgboost}, Node ${process.version}, ${values.seeds} seeds\n\n${printTable(joined)}`,
    )
  } finally {
    rmSync(root, { recursive: true, force: true })
  }
}

await main()
