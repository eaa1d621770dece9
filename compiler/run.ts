import { engine } from './engine.ts'
import { readEnvelope } from './envelope.ts'
import { type ArtefactMetadata, FORMAT_VERSION, SECTION } from './metadata.ts'
import { interpretMargins, type Prediction } from './predict.ts'

export type { ArtefactMetadata, Prediction }

/** The bytes are not an artefact that this runtime accepts, or a row does not fit it. */
export class ArtefactError extends Error {
  override readonly name = 'ArtefactError'
}

export interface LoadOptions {
  /** Longest module accepted, bytes. Default 64 MiB. */
  readonly maxBytes?: number
  /** Most memory that the module may declare, bytes. Default 64 MiB. */
  readonly maxMemoryBytes?: number
}

export interface Artefact {
  readonly metadata: ArtefactMetadata
  /** Margins of one row of `numFeature` numbers, NaN for missing; numbers are rounded to f32 first, as XGBoost does. */
  margins(row: ArrayLike<number>): Float32Array
  /** Margins of row-major rows: n * numFeature numbers in, n * numOutput out. */
  marginsBatch(rows: ArrayLike<number>): Float32Array
  predict(row: ArrayLike<number>): Prediction
}

const DEFAULT_LIMIT = 64 * 1024 * 1024
const MAX_METADATA_BYTES = 4 * 1024 * 1024
const FUNCTIONS = { predict: 2, predict_batch: 3 } as const
const GLOBALS = ['num_feature', 'num_output', 'row_ptr', 'out_ptr', 'batch_rows'] as const

const refuse = (problem: string): never => {
  throw new ArtefactError(`artefact ${problem}`)
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0

const isStrings = (value: unknown): boolean =>
  Array.isArray(value) && value.every(item => typeof item === 'string')

const parseMetadata = (module: object): ArtefactMetadata => {
  const sections = engine.Module.customSections(module, SECTION)
  const section = sections[0]
  if (section === undefined || sections.length !== 1) return refuse(`must have one ${SECTION} section`)
  if (section.byteLength > MAX_METADATA_BYTES) return refuse(`has ${section.byteLength} bytes of metadata`)
  let parsed: unknown
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(section))
  } catch {
    return refuse('has metadata that is not JSON')
  }
  if (typeof parsed !== 'object' || parsed === null) return refuse('has metadata that is not an object')
  const meta = parsed as Partial<ArtefactMetadata>
  if (meta.formatVersion !== FORMAT_VERSION)
    return refuse(`has format version ${String(meta.formatVersion)}; this runtime reads ${FORMAT_VERSION}`)
  const ok =
    isCount(meta.numFeature) &&
    isCount(meta.numOutput) &&
    typeof meta.objective === 'string' &&
    typeof meta.layout === 'string' &&
    typeof meta.sourceDigest === 'string' &&
    Array.isArray(meta.baseScore) &&
    meta.baseScore.length === meta.numOutput &&
    (meta.target === undefined || typeof meta.target === 'string') &&
    (meta.featureNames === undefined || isStrings(meta.featureNames))
  return ok ? (meta as ArtefactMetadata) : refuse('has incomplete metadata')
}

type Exports = Readonly<Record<(typeof GLOBALS)[number], number>> & {
  readonly memory: ArrayBuffer
  readonly predict: (row: number, out: number) => void
  readonly predict_batch: (rows: number, n: number, out: number) => void
}

const readExports = (exports: Readonly<Record<string, unknown>>): Exports => {
  const memory = (exports['memory'] as { buffer?: unknown } | undefined)?.buffer
  if (!(memory instanceof ArrayBuffer)) return refuse('does not export its memory')
  for (const [name, arity] of Object.entries(FUNCTIONS)) {
    const func = exports[name]
    if (typeof func !== 'function' || func.length !== arity)
      return refuse(`must export ${name} with ${arity} parameters`)
  }
  const globals = Object.fromEntries(
    GLOBALS.map(name => {
      const value = (exports[name] as { value?: unknown } | undefined)?.value
      return [name, isCount(value) ? value : refuse(`must export the global ${name}`)]
    }),
  )
  return {
    ...globals,
    memory,
    predict: exports['predict'],
    predict_batch: exports['predict_batch'],
  } as Exports
}

const instantiate = (bytes: Uint8Array): { metadata: ArtefactMetadata; wasm: Exports } => {
  let module: object
  let exports: Readonly<Record<string, unknown>>
  try {
    module = new engine.Module(bytes)
    if (engine.Module.imports(module).length > 0) return refuse('has imports')
    exports = new engine.Instance(module).exports
  } catch (error) {
    if (error instanceof ArtefactError) throw error
    return refuse(`does not load: ${error instanceof Error ? error.message : String(error)}`)
  }
  const metadata = parseMetadata(module)
  const wasm = readExports(exports)
  if (wasm.num_feature !== metadata.numFeature || wasm.num_output !== metadata.numOutput)
    return refuse('disagrees with its metadata about the number of features or outputs')
  const { row_ptr, out_ptr, batch_rows, num_feature, num_output, memory } = wasm
  const fits =
    batch_rows >= 1 &&
    num_output >= 1 &&
    row_ptr % 4 === 0 &&
    out_ptr % 4 === 0 &&
    row_ptr + batch_rows * num_feature * 4 <= memory.byteLength &&
    out_ptr + batch_rows * num_output * 4 <= memory.byteLength
  return fits ? { metadata, wasm } : refuse('has buffers outside its memory')
}

/**
 * Loads an artefact made by `compile`. Refuses, with ArtefactError, anything but a module that is self-contained
 * (no imports, no start function, no table), bounded in memory by the caller's cap, and has our exports and metadata.
 * It does not check where the bytes come from: verify their signature first.
 */
export const loadArtefact = (bytes: Uint8Array, options: LoadOptions = {}): Artefact => {
  const { maxBytes = DEFAULT_LIMIT, maxMemoryBytes = DEFAULT_LIMIT } = options
  if (bytes.length > maxBytes) return refuse(`is ${bytes.length} bytes long; the limit is ${maxBytes}`)
  const envelope = readEnvelope(bytes)
  if (typeof envelope === 'string') return refuse(envelope)
  const memoryBytes = envelope.maxPages * 65536
  if (memoryBytes > maxMemoryBytes)
    return refuse(`may use ${memoryBytes} bytes of memory; the limit is ${maxMemoryBytes}`)

  const { metadata, wasm } = instantiate(bytes)
  const { numFeature, numOutput } = metadata
  const rowView = new Float32Array(wasm.memory, wasm.row_ptr, wasm.batch_rows * numFeature)
  const outView = new Float32Array(wasm.memory, wasm.out_ptr, wasm.batch_rows * numOutput)

  const guard = (call: () => void): void => {
    try {
      call()
    } catch (error) {
      refuse(`trapped: ${error instanceof Error ? error.message : String(error)}`)
    }
  }
  const margins = (row: ArrayLike<number>): Float32Array => {
    if (row.length !== numFeature)
      throw new ArtefactError(`row must have ${numFeature} numbers, found ${row.length}`)
    rowView.set(row)
    guard(() => wasm.predict(wasm.row_ptr, wasm.out_ptr))
    return outView.slice(0, numOutput)
  }
  const marginsBatch = (rows: ArrayLike<number>): Float32Array => {
    const count = rows.length / numFeature
    if (!Number.isInteger(count))
      throw new ArtefactError(`rows must have a multiple of ${numFeature} numbers, found ${rows.length}`)
    const source = rows instanceof Float32Array ? rows : Float32Array.from(rows)
    const out = new Float32Array(count * numOutput)
    for (let at = 0; at < count; at += wasm.batch_rows) {
      const n = Math.min(wasm.batch_rows, count - at)
      rowView.set(source.subarray(at * numFeature, (at + n) * numFeature))
      guard(() => wasm.predict_batch(wasm.row_ptr, n, wasm.out_ptr))
      out.set(outView.subarray(0, n * numOutput), at * numOutput)
    }
    return out
  }
  return {
    metadata,
    margins,
    marginsBatch,
    predict: row => interpretMargins(metadata.objective, margins(row)),
  }
}
