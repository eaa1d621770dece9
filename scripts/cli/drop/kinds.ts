/** What can be dropped, where each kind goes, and what the handlers take. docs/inputs.md says the same in words. */
import { basename } from 'node:path'
import { MAX_MODEL_YAML_BYTES } from '../../../src/contracts/model-config.ts'
import { MAX_DATASET_BYTES } from '../../../src/domain/dataset/parse.ts'
import { MAX_ENROLMENT_CSV_BYTES } from '../../../src/domain/device/enrolment-csv.ts'

export const KINDS = ['model', 'dataset', 'import', 'labels', 'devices'] as const
export type Kind = (typeof KINDS)[number]

const MIB = 1024 ** 2
export interface Rules {
  /** First part of the key. */
  readonly area: string
  readonly maxBytes: number
  /** Whether the key has the model's name in it. */
  readonly ofModel: boolean
  /** Why a file of this name would not be taken. */
  readonly nameFault: (name: string) => string | undefined
  readonly contentType: (name: string) => string
}

const csvType = (name: string): string => (name.endsWith('.gz') ? 'application/gzip' : 'text/csv')
const anyName = (name: string): string | undefined =>
  Buffer.byteLength(name) > 900 ? 'its name is too long for a key of S3' : undefined

export const rulesOf: Readonly<Record<Kind, Rules>> = {
  model: {
    ...{ area: 'models', maxBytes: MAX_MODEL_YAML_BYTES, ofModel: true },
    nameFault: () => undefined,
    contentType: () => 'application/yaml',
  },
  dataset: {
    ...{ area: 'datasets', maxBytes: MAX_DATASET_BYTES, ofModel: true },
    nameFault: anyName,
    contentType: csvType,
  },
  import: {
    ...{ area: 'imports', maxBytes: 64 * MIB, ofModel: true },
    nameFault: anyName,
    contentType: name => (name.endsWith('.json') ? 'application/json' : 'application/octet-stream'),
  },
  labels: {
    ...{ area: 'labels', maxBytes: 32 * MIB, ofModel: true },
    nameFault: anyName,
    contentType: () => 'application/jsonl',
  },
  devices: {
    ...{ area: 'devices', maxBytes: MAX_ENROLMENT_CSV_BYTES, ofModel: false },
    nameFault: name => (name.endsWith('.csv') ? anyName(name) : 'a list of devices must be named NAME.csv'),
    contentType: csvType,
  },
}

export const keyOf = (kind: Kind, model: string, file: string): string => {
  const { area, ofModel } = rulesOf[kind]
  const name = kind === 'model' ? 'model.yaml' : basename(file)
  return ofModel ? `${area}/${model}/${name}` : `${area}/${name}`
}
