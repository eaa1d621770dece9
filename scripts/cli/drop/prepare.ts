/** Files as they will be dropped, with everything that can be said of them before. */
import { createHash } from 'node:crypto'
import { enrolmentEntry } from '../../../src/contracts/enrolment.ts'
import type { ModelConfig } from '../../../src/contracts/model-config.ts'
import { modelName } from '../../../src/contracts/names.ts'
import { readEnrolmentCsv } from '../../../src/domain/device/enrolment-csv.ts'
import { UsageError } from '../../lib/options.ts'
import { readBytes, sizeOf } from '../files.ts'
import { readModelYaml } from '../validate/model-yaml.ts'
import { readDatasetFile, readDevicesFile, readImportFile, readLabelsFile } from '../validate/rows.ts'
import type { Checked } from '../validate.ts'
import { type Kind, keyOf, rulesOf } from './kinds.ts'

export interface Prepared {
  readonly kind: Kind
  readonly file: string
  readonly bytes: Buffer
  readonly sha256: string
  readonly model: string
  readonly key: string
  readonly contentType: string
  readonly serials: readonly string[]
}

/** @throws UsageError when the stack would not take a file of this name or size */
export function prepare(kind: Kind, file: string, model: string | undefined): Prepared {
  const { maxBytes, nameFault, contentType } = rulesOf[kind]
  const bytes = sizeOf(kind, file)
  if (bytes > maxBytes)
    throw new UsageError(`${file}: ${bytes} bytes; at most ${maxBytes} are taken as ${kind}`)
  if (bytes === 0) throw new UsageError(`${file}: the file is empty`)
  const fault = nameFault(file)
  if (fault !== undefined) throw new UsageError(`${file}: ${fault}`)
  const content = readBytes(kind, file)
  const name = kind === 'model' ? nameIn(file, content) : kind === 'devices' ? '' : named(model)
  return {
    ...{ kind, file, bytes: content, model: name, key: keyOf(kind, name, file) },
    sha256: createHash('sha256').update(content).digest('hex'),
    contentType: contentType(file),
    serials: kind === 'devices' ? serialsIn(content) : [],
  }
}

function named(model: string | undefined): string {
  if (model === undefined) throw new UsageError('--model is needed: whose data it is')
  if (!modelName.safeParse(model).success) throw new UsageError(`--model: "${model}" is no name of a model`)
  return model
}

/** Also of a file that has faults, as long as it has a name: whose model.yaml it is. */
function nameIn(file: string, bytes: Buffer): string {
  const { config, faults } = readModelYaml(bytes.toString('utf8'))
  if (config !== undefined) return config.name
  const name = /^name: *["']?([a-z0-9-]+)["']? *(?:#.*)?$/m.exec(bytes.toString('utf8'))?.[1]
  if (name !== undefined && modelName.safeParse(name).success) return name
  throw new UsageError(
    `${file}: ${faults[0]?.message ?? 'it has no name'}; see npx edgeloop validate ${file}`,
  )
}

function serialsIn(bytes: Buffer): string[] {
  try {
    return readEnrolmentCsv(bytes).flatMap(({ entry }) => {
      const parsed = enrolmentEntry.safeParse(entry)
      return parsed.success ? [parsed.data.serial] : []
    })
  } catch {
    // What is wrong with it is said by the check, or by the handler.
    return []
  }
}

/** What the handlers would say of it. Without a model.yaml, what does not depend on it. */
export function check({ kind, file, bytes }: Prepared, config: ModelConfig | undefined): Checked {
  const read = (): Pick<Checked, 'faults' | 'lines'> => {
    switch (kind) {
      case 'model': {
        const text = bytes.toString('utf8')
        return { faults: readModelYaml(text).faults, lines: text.split(/\r?\n/) }
      }
      case 'dataset':
        return config === undefined ? { faults: [], lines: [] } : readDatasetFile(file, bytes, config)
      case 'import':
        return config === undefined ? { faults: [], lines: [] } : readImportFile(bytes, config)
      case 'labels':
        return readLabelsFile(bytes, config)
      case 'devices':
        return readDevicesFile(bytes)
    }
  }
  return { file, ...read() }
}
