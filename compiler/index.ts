import { createHash } from 'node:crypto'
import { autotune, type Timing } from './autotune.ts'
import { checkParity, type Parity } from './check.ts'
import { type Ensemble, firstIterations } from './ensemble.ts'
import { CompileError } from './errors.ts'
import { type ArtefactMetadata, FORMAT_VERSION } from './metadata.ts'
import { probeRows } from './probe.ts'
import { buildModule } from './wasm/build.ts'
import { chooseLayout } from './wasm/cost.ts'
import { LAYOUTS, type Layout, layoutName, planSegments } from './wasm/plan.ts'
import { readXgboost } from './xgboost/read.ts'

export { CompileError, ModelFormatError } from './errors.ts'
export { interpret } from './interpret.ts'
export { MAX_MODEL_BYTES, readXgboost } from './xgboost/read.ts'
export type { Ensemble, Layout, Timing }

export interface CompileOptions {
  /** Name of the device to compile for; recorded, not interpreted. */
  readonly target?: string
  /** Forces a layout; trees that do not fit it get the next best. Default: chosen by the model's shape. */
  readonly layout?: Layout
  /** Calibration rows: times all layouts on them and takes the fastest. Not reproducible. Excludes `layout`. */
  readonly autotune?: readonly ArrayLike<number>[]
  /**
   * Boosting iterations to compile. `best` (default): up to the recorded best iteration, as XGBoost's scikit-learn
   * interface and SageMaker's container predict, or all without one; `all`: as `Booster.predict` does; or a count.
   */
  readonly iterations?: 'best' | 'all' | number
  /** Replaces the margins that every sum starts from, one f32 per output (see docs/compiler.md on `logf`). */
  readonly baseMargin?: readonly number[]
  /** Rows of `numFeature` numbers for the self-check, besides the generated ones. */
  readonly probeRows?: readonly ArrayLike<number>[]
}

export interface CompileReport {
  readonly layout: string
  /** Size of the artefact. */
  readonly bytes: number
  readonly trees: number
  /** Reachable nodes, leaves included. */
  readonly nodes: number
  readonly maxDepth: number
  readonly numFeature: number
  readonly numOutput: number
  readonly objective: string
  readonly sourceDigest: string
  readonly iterations: { readonly used: number; readonly total: number }
  readonly parity: Parity
  readonly target?: string
  /** Timings of the candidates, fastest first, when autotuned. */
  readonly autotune?: readonly Timing[]
}

const iterationsUsed = (ensemble: Ensemble, wanted: CompileOptions['iterations'] = 'best'): number => {
  const total = ensemble.iterationEnds.length
  if (wanted === 'all') return total
  if (wanted === 'best') return ensemble.bestIteration === undefined ? total : ensemble.bestIteration + 1
  if (!Number.isInteger(wanted) || wanted < 1 || wanted > total)
    throw new CompileError(`iterations must be best, all, or from 1 to ${total}, found ${wanted}`)
  return wanted
}

const toRow = (row: ArrayLike<number>, index: number, field: string, numFeature: number): Float32Array => {
  if (row.length !== numFeature)
    throw new CompileError(`${field}[${index}] must have ${numFeature} numbers, found ${row.length}`)
  return Float32Array.from(row)
}

const withBaseMargin = (ensemble: Ensemble, margins: readonly number[] | undefined): Ensemble => {
  if (margins === undefined) return ensemble
  if (margins.length !== ensemble.numOutput || !margins.every(margin => Number.isFinite(Math.fround(margin))))
    throw new CompileError(`baseMargin must hold ${ensemble.numOutput} finite numbers`)
  return { ...ensemble, baseScore: Float32Array.from(margins) }
}

/**
 * Compiles an XGBoost model (JSON or UBJSON) to a self-contained WebAssembly artefact and checks it against the
 * interpreter. Same source and options give the same bytes, except with `autotune`. Throws ModelFormatError for a
 * model that cannot be read, CompileError for options that do not fit it or a failed self-check.
 */
export const compile = (
  source: Uint8Array,
  options: CompileOptions = {},
): { artefact: Uint8Array; report: CompileReport } => {
  if (options.layout !== undefined && !LAYOUTS.includes(options.layout))
    throw new CompileError(`layout must be one of ${LAYOUTS.join(', ')}, found ${options.layout}`)
  if (options.layout !== undefined && options.autotune !== undefined)
    throw new CompileError('layout and autotune exclude each other; give one')
  const model = readXgboost(source)
  const used = iterationsUsed(model, options.iterations)
  const ensemble = withBaseMargin(firstIterations(model, used), options.baseMargin)
  const { numFeature, numOutput, objective, trees, featureNames } = ensemble
  const iterations = { used, total: model.iterationEnds.length }
  const sourceDigest = createHash('sha256').update(source).digest('hex')
  const target = options.target === undefined ? {} : { target: options.target }

  const build = (wanted: Layout): { artefact: Uint8Array; layout: string } => {
    const segments = planSegments(ensemble, wanted)
    const layout = layoutName(segments)
    const metadata: ArtefactMetadata = {
      formatVersion: FORMAT_VERSION,
      objective,
      numFeature,
      numOutput,
      baseScore: Array.from(ensemble.baseScore),
      layout,
      sourceDigest,
      iterations,
      ...target,
      ...(featureNames === undefined ? {} : { featureNames }),
    }
    return { artefact: buildModule(ensemble, segments, metadata), layout }
  }

  const calibration = options.autotune?.map((row, i) => toRow(row, i, 'autotune', numFeature))
  const timings = calibration && autotune(layout => build(layout).artefact, calibration)
  const { artefact, layout } = build(timings?.[0]?.layout ?? options.layout ?? chooseLayout(ensemble))
  const given = (options.probeRows ?? []).map((row, i) => toRow(row, i, 'probeRows', numFeature))
  const parity = checkParity(artefact, ensemble, [...given, ...probeRows(ensemble)])
  return {
    artefact,
    report: {
      layout,
      bytes: artefact.length,
      trees: trees.length,
      nodes: trees.reduce((sum, tree) => sum + tree.nodeCount, 0),
      maxDepth: trees.reduce((deepest, tree) => Math.max(deepest, tree.depth), 0),
      numFeature,
      numOutput,
      objective,
      sourceDigest,
      iterations,
      parity,
      ...target,
      ...(timings === undefined ? {} : { autotune: timings }),
    },
  }
}
