const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/
const MISSING = new Set(['', 'nan', 'NaN', 'NA'])
const INFINITE = /^[+-]?inf(inity)?$/i
/** Half of float32's largest value: a split above the largest feature value must still be finite. */
const LARGEST = 1.7e38

/** Whether a cell is one of the accepted spellings of a missing value. */
export function isMissing(cell: string): boolean {
  return MISSING.has(cell)
}

/** Whether a cell reads as a number (infinities and missing values do not count). */
export function isNumeric(cell: string): boolean {
  return NUMBER.test(cell)
}

/** A cell as a float32, NaN for a missing value, or the reason why it is neither. */
export function parseCell(cell: string): number | string {
  if (NUMBER.test(cell)) {
    // + 0: `-0` and `0` are one value and must give one model file.
    const value = Math.fround(Number(cell)) + 0
    if (Math.abs(value) < LARGEST) return value
    return `${shown(cell)} is beyond ±${LARGEST}, the range of a 32-bit feature; rescale the column`
  }
  if (MISSING.has(cell)) return NaN
  if (INFINITE.test(cell)) return `${shown(cell)} is infinite; leave the cell empty if the value is missing`
  return `${shown(cell)} is not a number; leave the cell empty if the value is missing`
}

/** The cell in quotes, cut to a length that leaves room for the rest of a message. */
export function shown(cell: string): string {
  return JSON.stringify(cell.length > 60 ? `${cell.slice(0, 60)}…` : cell)
}
