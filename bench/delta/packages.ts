import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { compile, type Layout } from '../../compiler/index.ts'
import { type ModelConfig, modelConfig } from '../../src/contracts/model-config.ts'
import type { LabelledRows } from '../../src/domain/dataset/parse.ts'
import { rowText } from '../../src/domain/dataset/split.ts'
import { metricsOf, scoreRows } from '../../src/domain/evaluation/score.ts'
import { packageArchive } from '../../src/domain/package/archive.ts'
import { ioContract, makeBaseline, makeSelfTest } from '../../src/domain/package/contents.ts'
import { marginsOfRow, modelFile, type TreeModel } from './trees.ts'

const json = (value: unknown): Uint8Array => Buffer.from(`${JSON.stringify(value)}\n`)
const sha256 = (bytes: Uint8Array | string): string => createHash('sha256').update(bytes).digest('hex')

export const exampleConfig = (name: string): ModelConfig =>
  modelConfig.parse(
    parse(readFileSync(new URL(`../../examples/${name}/model.yaml`, import.meta.url), 'utf8')),
  )

export interface Release {
  readonly archive: Uint8Array
  readonly layout: string
}

/** Accuracy on labelled rows. */
export function accuracyOf(config: ModelConfig, model: TreeModel, rows: LabelledRows): number {
  return metricsOf(scoreRows(marginsOfRow(model), rows, config), rows, config)['accuracy'] ?? Number.NaN
}

/** What sign-package would put into the archive: five files, made by the same functions. */
export function release(
  config: ModelConfig,
  version: number,
  model: TreeModel,
  training: LabelledRows,
  holdout: LabelledRows,
  layout?: Layout,
): Release {
  const names = config.features.map(f => f.name)
  const source = modelFile(model, names)
  const { artefact, report } = compile(source, { target: 'bench', ...(layout ? { layout } : {}) })
  const margins = marginsOfRow(model)
  const hardware = config.targets[0]!.hardware
  const trainingText = training.features.map((row, i) => rowText(row, training.labels[i]!)).join('\n')
  const digest = sha256(trainingText)
  const lineage = {
    model: config.name,
    version,
    hardware,
    origin: 'training',
    modelDigest: sha256(source),
    artefactDigest: sha256(artefact),
    compile: { strategy: 'edgeloop' },
    training: {
      job: `${config.name}-v${version}-${digest.slice(0, 12)}`,
      trainingSet: digest,
      sources: [
        { key: `datasets/${config.name}/drop-${version}.csv`, sha256: digest, rows: training.labels.length },
      ],
      fieldSamples: 0,
      hyperparameters: Object.fromEntries(
        Object.entries(config.training.hyperparameters).map(([k, v]) => [k, String(v)]),
      ),
    },
    configDigest: sha256(JSON.stringify(config)),
  }
  const archive = packageArchive([
    { name: 'model.wasm', bytes: artefact },
    { name: 'baseline.json', bytes: json(makeBaseline(config, training, holdout, margins, 'training')) },
    { name: 'contract.json', bytes: json(ioContract(config, version, hardware)) },
    { name: 'lineage.json', bytes: json(lineage) },
    { name: 'self-test.json', bytes: json(makeSelfTest(config, holdout, margins)) },
  ])
  return { archive, layout: report.layout }
}
