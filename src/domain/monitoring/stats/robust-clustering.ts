import { normalQuantile } from '../../rollout/stats/normal.ts'
import type { Scores } from './contrasts.ts'
import { type Counts, total } from './counts.ts'
import type { Reference } from './reference.ts'

/** Share of the devices, those farthest off, that the spread between devices is taken without. */
const TRIMMED = 0.3
/** Variance of a normal variable within ±z, z = Φ⁻¹(1 − TRIMMED/2): what is left of 1 after trimming. */
const Z = normalQuantile(1 - TRIMMED / 2)
const LEFT = 1 - (2 * Z * Math.exp(-0.5 * Z * Z)) / Math.sqrt(2 * Math.PI) / (1 - TRIMMED)

/**
 * Intra-device correlation that a few devices that are far off hardly move: of location and spread, or with two bins of
 * missing values, the variance of the
 * devices' standardised mean scores without the 30 % that are farthest from their median, corrected as for normal
 * values. Needs about ten devices; 0 with fewer than four.
 */
export function robustCorrelation(devices: readonly Counts[], { contrasts }: Reference): number {
  const used = devices.filter(d => total(d) > 0)
  if (used.length < 4) return 0
  const { location, spread, missing } = contrasts
  const directions = [location, spread, location === null ? missing : null]
  return Math.min(1, Math.max(0, ...directions.map(scores => (scores ? ofScore(used, scores) : 0))))
}

function ofScore(devices: readonly Counts[], scores: Scores): number {
  const sizes = devices.map(total)
  const means = devices.map((d, i) => d.reduce((s, c, b) => s + c * scores[b]!, 0) / sizes[i]!)
  const middle = median(means)
  // The scores have variance 1 under the reference.
  const squares = means.map((x, i) => (x - middle) ** 2 * sizes[i]!).sort((a, b) => a - b)
  const kept = squares.slice(0, Math.ceil(squares.length * (1 - TRIMMED)))
  const deff = kept.reduce((a, b) => a + b, 0) / kept.length / LEFT
  const spare = median(sizes) - 1
  return spare > 0 ? (deff - 1) / spare : 0
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const half = Math.floor(sorted.length / 2)
  return sorted.length % 2 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2
}
