/** `npx edgeloop validate`: what register-model and register-dataset would say, before anything is dropped. */

import type { ModelConfig } from '../../src/contracts/model-config.ts'
import { MAX_DATASET_BYTES } from '../../src/domain/dataset/parse.ts'
import { UsageError } from '../lib/options.ts'
import type { Command, Io } from './command.ts'
import { readBytes, sizeOf } from './files.ts'
import { type Fault, fileFault } from './validate/fault.ts'
import { readModelYaml } from './validate/model-yaml.ts'
import { faultText } from './validate/print.ts'
import { MAX_FAULTS, readDatasetFile } from './validate/rows.ts'

export interface Checked {
  readonly file: string
  readonly faults: readonly Fault[]
  readonly lines: readonly string[]
}

export const validate: Command = {
  help: `Usage: npx edgeloop validate model.yaml … [--data rows.csv …]

Runs the checks that register-model and register-dataset run and shows every fault with its line, what would be right and,
where there is one, the nearest allowed value. Works offline. Exits with 1 when something would be refused.

  --data FILE   also checks labelled rows, .csv or .csv.gz, against the one model.yaml (repeat); the first ${MAX_FAULTS} faults
`,
  examples: ['model.yaml', 'examples/cold-chain/model.yaml --data readings.csv'],
  options: { data: { type: 'string', multiple: true, takes: 'file' } },
  positionals: [{ name: 'FILE', takes: 'file' }],
  async run(options, io) {
    const { positionals: files } = options
    const data = options.strings('data')
    if (files.length === 0) throw new UsageError('name at least one model.yaml')
    if (data.length > 0 && files.length > 1) throw new UsageError('--data goes with one model.yaml')
    const models = files.map(checkModel)
    const config = models[0]?.config
    const rows = config === undefined ? [] : data.map(file => checkDataset(file, config))
    const skipped = config === undefined ? data : []
    return outcomeOf([...models, ...rows], skipped, io)
  },
}

/** One file, by its bytes. @throws UsageError when there is no such file */
export function checkModel(file: string): Checked & { readonly config: ModelConfig | undefined } {
  const text = readBytes('model.yaml', file).toString('utf8')
  return { file, lines: text.split(/\r?\n/), ...readModelYaml(text) }
}

export function checkDataset(file: string, config: ModelConfig): Checked {
  if (sizeOf('--data', file) > MAX_DATASET_BYTES) {
    const message = `the file is larger than ${MAX_DATASET_BYTES / 1024 ** 2} MiB`
    return {
      file,
      lines: [],
      faults: [fileFault('TOO_LARGE', message, 'cut it; all datasets of a model train together')],
    }
  }
  return { file, ...readDatasetFile(file, readBytes('--data', file), config) }
}

function outcomeOf(checked: readonly Checked[], skipped: readonly string[], { paint }: Io) {
  const bad = checked.filter(({ faults }) => faults.length > 0)
  const lines = checked.flatMap(({ file, faults, lines }) => [
    ...faults.map(fault => `${faultText(file, lines, fault, paint)}\n`),
    ...(faults.length === 0 ? [`${paint.good('✓')} ${file} would be taken`] : []),
    ...(faults.length >= MAX_FAULTS ? [`${file}: these are the first ${MAX_FAULTS} faults`] : []),
  ])
  const notLooked = skipped.map(
    file => `${paint.warn('–')} ${file} is not looked at before model.yaml is right`,
  )
  const count = bad.reduce((n, { faults }) => n + faults.length, 0)
  const verdict = count === 0 ? [] : [paint.bad(`${count} ${count === 1 ? 'fault' : 'faults'}.`)]
  return {
    exit: count === 0 ? (0 as const) : (1 as const),
    text: [...lines, ...notLooked, ...verdict].join('\n'),
    data: { files: checked.map(toJson), skipped },
  }
}

/** As `--json` gives it. */
export const toJson = ({ file, faults }: Checked) => ({
  file,
  errors: faults.map(({ length: _, ...fault }) => fault),
})
