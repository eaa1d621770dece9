import { CompileError } from './errors.ts'
import { type Artefact, loadArtefact } from './run.ts'
import { LAYOUTS, type Layout } from './wasm/plan.ts'

const ROUNDS = 7
const CALLS_PER_ROUND = 400
const WARM_UP_CALLS = 2000

export interface Timing {
  readonly layout: Layout
  /** Median over rounds, one row at a time. */
  readonly nanosecondsPerRow: number
}

const timeRound = (artefact: Artefact, rows: readonly ArrayLike<number>[], calls: number): number => {
  const start = performance.now()
  for (let i = 0; i < calls; i++) artefact.margins(rows[i % rows.length]!)
  return ((performance.now() - start) * 1e6) / calls
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1]!

/**
 * Times every layout on the calibration rows, rounds interleaved so that a noisy moment hits all alike, and returns
 * the timings, fastest first. The result depends on the machine and the moment: it is not reproducible.
 */
export const autotune = (
  build: (layout: Layout) => Uint8Array,
  rows: readonly ArrayLike<number>[],
): Timing[] => {
  if (rows.length === 0) throw new CompileError('autotune needs at least one calibration row')
  const candidates = LAYOUTS.map(layout => {
    const artefact = loadArtefact(build(layout), { maxMemoryBytes: Number.POSITIVE_INFINITY })
    timeRound(artefact, rows, WARM_UP_CALLS)
    return { layout, artefact, rounds: [] as number[] }
  })
  for (let round = 0; round < ROUNDS; round++)
    for (const { artefact, rounds } of candidates) rounds.push(timeRound(artefact, rows, CALLS_PER_ROUND))
  return candidates
    .map(({ layout, rounds }) => ({ layout, nanosecondsPerRow: median(rounds) }))
    .toSorted((a, b) => a.nanosecondsPerRow - b.nanosecondsPerRow)
}
