import type { Random } from './random.ts'

/** Row ids kept by independent draws with probability `fraction`; all rows, in order, when it is 1. */
export function sampleRows(rows: number, fraction: number, random: Random): Uint32Array {
  const kept = new Uint32Array(rows)
  if (fraction >= 1) {
    for (let i = 0; i < rows; i++) kept[i] = i
    return kept
  }
  let count = 0
  for (let i = 0; i < rows; i++) if (random() < fraction) kept[count++] = i
  return kept.subarray(0, count)
}

/** `max(1, floor(fraction * n))` of the given columns without replacement, ascending, as XGBoost counts them. */
export function sampleColumns(columns: Uint32Array, fraction: number, random: Random): Uint32Array {
  if (fraction >= 1) return columns
  const count = Math.max(1, Math.floor(fraction * columns.length))
  const pool = columns.slice()
  for (let i = 0; i < count; i++) {
    const j = i + Math.floor(random() * (pool.length - i))
    const swap = pool[i]!
    pool[i] = pool[j]!
    pool[j] = swap
  }
  return pool.slice(0, count).sort()
}
