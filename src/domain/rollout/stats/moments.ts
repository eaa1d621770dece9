/**
 * Sums of one value per device, in whole quanta, so that adding, removing and merging commute exactly: floating-point
 * sums would depend on the order in which devices report. Whole numbers as decimal text, because a sum of squares
 * outgrows what a double holds exactly and JSON has no bigint.
 */
export interface Moments {
  /** Devices. */
  readonly n: number
  /** Σ q, q the device's value in quanta. */
  readonly sum: string
  /** Σ q². */
  readonly sumSq: string
}

/** One quantum in the metric's own unit: values are rounded to the millionth, half up. */
export const QUANTUM = 1e-6
const PER_UNIT = 1e6

export const NO_MOMENTS: Moments = { n: 0, sum: '0', sumSq: '0' }

/** @throws RangeError unless the value is finite and below 9e9 in size */
function quanta(value: number): bigint {
  const scaled = Math.floor(value * PER_UNIT + 0.5)
  if (!Number.isSafeInteger(scaled))
    throw new RangeError(
      `value must be a finite number below 9e9; got ${value}: choose a larger unit for this metric`,
    )
  return BigInt(scaled)
}

function change(m: Moments, value: number, sign: 1n | -1n): Moments {
  const q = quanta(value)
  return {
    n: m.n + Number(sign),
    sum: String(BigInt(m.sum) + sign * q),
    sumSq: String(BigInt(m.sumSq) + sign * q * q),
  }
}

/** With one more device's value. @throws RangeError on a value that is not finite */
export const addValue = (m: Moments, value: number): Moments => change(m, value, 1n)

/** Without a value added before, as when a device's value is replaced by a newer one. @throws RangeError on none left */
export function removeValue(m: Moments, value: number): Moments {
  if (m.n === 0) throw new RangeError('no value is left to remove')
  return change(m, value, -1n)
}

/** Both together; order and grouping do not matter. */
export const mergeMoments = (a: Moments, b: Moments): Moments => ({
  n: a.n + b.n,
  sum: String(BigInt(a.sum) + BigInt(b.sum)),
  sumSq: String(BigInt(a.sumSq) + BigInt(b.sumSq)),
})

/** Mean in the metric's unit; NaN without devices. */
export const mean = ({ n, sum }: Moments): number => (n === 0 ? NaN : Number(BigInt(sum)) / n / PER_UNIT)

/**
 * Unbiased sample variance in the unit squared; NaN below two devices. The difference of the sums is taken exactly, so
 * a small spread on a large mean keeps its digits. Rounding noise of a twelfth of a squared quantum is added, so it is
 * never 0.
 */
export function variance({ n, sum, sumSq }: Moments): number {
  if (n < 2) return NaN
  const total = BigInt(sum)
  const squares = BigInt(n) * BigInt(sumSq) - total * total
  return (Number(squares) / (n * (n - 1)) + 1 / 12) * QUANTUM * QUANTUM
}
