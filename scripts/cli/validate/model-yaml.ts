/** Everything that is wrong with a model.yaml, by the checks that register-model runs. */
import { LineCounter, parseDocument } from 'yaml'
import { deepest } from '../../../src/contracts/issues.ts'
import {
  MAX_MODEL_YAML_BYTES,
  type ModelConfig,
  modelConfig,
  YAML_OPTIONS,
} from '../../../src/contracts/model-config.ts'
import { configFaults } from '../../../src/domain/model/check-config.ts'
import { nearest } from '../nearest.ts'
import { at, dotted, type Explained, explain } from './explain.ts'
import { type Fault, fileFault } from './fault.ts'
import { locate } from './locate.ts'

export interface ReadModel {
  /** In the order of the lines; none: it would be taken. */
  readonly faults: readonly Fault[]
  /** Undefined while there are faults. */
  readonly config: ModelConfig | undefined
}
type Found = Pick<Fault, 'code' | 'message' | 'fix'> & {
  readonly path: readonly PropertyKey[]
  readonly key: boolean
}
const ROUNDS = 4

export function readModelYaml(text: string): ReadModel {
  if (Buffer.byteLength(text) > MAX_MODEL_YAML_BYTES)
    return failed([fileFault('TOO_LARGE', `the file is larger than ${MAX_MODEL_YAML_BYTES} bytes`)])
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines })
  const broken = document.errors.map((error): Fault => {
    const [from, to] = error.linePos ?? []
    const length = from && to && from.line === to.line ? Math.max(1, to.col - from.col) : 1
    const message = `not YAML: ${error.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '')}`
    const place = { line: from?.line ?? null, column: from?.col ?? null, length }
    return { path: '', ...place, code: 'NOT_YAML', message, fix: fixOfYaml(error.code) }
  })
  if (broken.length > 0) return failed(broken)
  let value: unknown
  try {
    value = document.toJS(YAML_OPTIONS)
  } catch (error) {
    return failed([fileFault('NOT_YAML', `not YAML: ${(error as Error).message}`, 'write aliases out')])
  }
  const { found, config } = judge(value)
  const faults = found.map(({ path, key, ...fault }): Fault => {
    return { path: dotted(path), ...locate(document, lines, path, key), ...fault }
  })
  return { faults: inOrder(faults), config: faults.length === 0 ? config : undefined }
}

const failed = (faults: readonly Fault[]): ReadModel => ({ faults: inOrder(faults), config: undefined })
const inOrder = (faults: readonly Fault[]): Fault[] =>
  [...faults].sort((a, b) => (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0))

function fixOfYaml(code: string): string | null {
  if (code === 'DUPLICATE_KEY') return 'keep one of the two'
  if (code === 'TAB_AS_INDENT') return 'indent with spaces'
  if (code === 'BAD_INDENT') return 'the fields of a block begin in one column'
  return null
}

/**
 * One mistake hides others: what a complaint is about is put right as well as can be, and the rest looked at again.
 * Whatever is said of a place that was put right is not said.
 */
function judge(value: unknown): {
  readonly found: readonly Found[]
  readonly config: ModelConfig | undefined
} {
  const found = new Map<string, Found>()
  const mended: (readonly PropertyKey[])[] = []
  const isNew = (path: readonly PropertyKey[]) => !mended.some(gone => touches(gone, path))
  let document = structuredClone(value)
  for (let round = 0; round < ROUNDS; round++) {
    const parsed = modelConfig.safeParse(document)
    if (parsed.success) {
      for (const { path, error } of configFaults(parsed.data)) {
        if (!isNew(path)) continue
        const fix = fixOfConfig(error.reason, at(value, path), parsed.data)
        found.set(`${dotted(path)} ${error.reason}`, {
          ...{ path, key: false, code: error.reason, message: error.message, fix },
        })
      }
      return { found: [...found.values()], config: parsed.data }
    }
    const complaints = parsed.error.issues.map(deepest).flatMap(issue => explain(issue, document))
    const next = structuredClone(document)
    for (const { path, key, message, fix } of complaints.filter(c => !isRenamed(c, complaints)))
      if (isNew(path)) found.set(dotted(path), { path, key, code: 'SCHEMA', message, fix })
    const before = mended.length
    for (const complaint of complaints)
      if (mend(next, complaint)) mended.push(complaint.decides ? complaint.path.slice(0, -1) : complaint.path)
    if (mended.length === before) break
    document = next
  }
  return { found: [...found.values()], config: undefined }
}

/** A field is missing because another name stands in its place: one mistake. */
const isRenamed = ({ path }: Explained, all: readonly Explained[]): boolean =>
  all.some(
    ({ key, meant, path: other }) =>
      key && meant === path.at(-1) && dotted(other.slice(0, -1)) === dotted(path.slice(0, -1)),
  )

const touches = (gone: readonly PropertyKey[], path: readonly PropertyKey[]): boolean =>
  gone.every((step, i) => i >= path.length || step === path[i])

/** Changes the document; false when nothing can be done at this place. */
function mend(document: unknown, { path, key, meant, instead }: Explained): boolean {
  const last = path.at(-1)
  const parent = at(document, path.slice(0, -1)) as Record<PropertyKey, unknown> | null | undefined
  if (last === undefined || parent === null || typeof parent !== 'object') return false
  if (key) {
    if (meant !== undefined && !Object.hasOwn(parent, meant)) parent[meant] = parent[last]
    return delete parent[last]
  }
  if (instead !== undefined) parent[last] = instead
  // An item is not taken out: its neighbours would move up.
  else if (typeof last === 'string' && Object.hasOwn(parent, last)) delete parent[last]
  else return false
  return true
}

function fixOfConfig(
  code: string,
  value: unknown,
  { features, label, training }: ModelConfig,
): string | null {
  if (code === 'UNKNOWN_FEATURE') {
    const names = features.map(f => f.name)
    return nearest(String(value), names) ?? `one of ${names.join(', ')}`
  }
  if (code === 'NO_PRICE')
    return `pricePerHour: { ${training.instanceType}: PRICE }, with your region's price`
  if (code === 'DUPLICATE_COLUMN') return 'name each column once'
  if (code === 'RANGE') return 'exchange min and max'
  if (code === 'STRATEGY') return 'outOfDistribution'
  if (code === 'CLASSES' && Array.isArray(value) && value.some(v => !label.classes.includes(v)))
    return `one of ${label.classes.join(', ')}`
  return null
}
