import type { SqlFunction } from '../function-table.ts'
import { finite, toDecimal, toInt, type Value } from '../values.ts'

const unary =
  (compute: (x: number) => number): SqlFunction =>
  ([argument]) => {
    const x = toDecimal(argument)
    return x === undefined ? undefined : finite(compute(x))
  }
const binary =
  (compute: (x: number, y: number) => number): SqlFunction =>
  ([first, second]) => {
    const x = toDecimal(first)
    const y = toDecimal(second)
    return x === undefined || y === undefined ? undefined : finite(compute(x, y))
  }
// 64-bit as on AWS, not the 32 bits of JavaScript's own operators; only Ints are taken.
const bitwise =
  (compute: (x: bigint, y: bigint) => bigint): SqlFunction =>
  ([first, second]) => {
    if (!Number.isSafeInteger(first) || !Number.isSafeInteger(second)) return undefined
    return Number(BigInt.asIntN(64, compute(BigInt(first as number), BigInt(second as number))))
  }

// Halves go away from zero: the guide gives round(-1.5) = -2, where Math.round gives -1.
const round = (x: number): number => Math.sign(x) * Math.round(Math.abs(x))
const remainder = binary((x, y) => x % y)

const trunc: SqlFunction = ([first, second]) => {
  const x = toDecimal(first)
  const places = toInt(second as Value)
  if (x === undefined || places === undefined) return undefined
  if (Number.isInteger(x)) return x
  const [whole = '', fraction = ''] = x.toString().split('.')
  // In scientific notation the digits are no longer where the text shows them.
  if (/e/i.test(x.toString())) return Math.abs(x) < 1 ? 0 : x
  return Number(`${whole}.${fraction.slice(0, Math.max(0, places))}0`)
}

/** Functions of numbers. Strings that look like numbers are converted; anything else gives Undefined. */
export const mathFunctions: Readonly<Record<string, SqlFunction>> = {
  abs: unary(Math.abs),
  ceil: unary(Math.ceil),
  floor: unary(Math.floor),
  round: unary(round),
  trunc,
  sign: unary(Math.sign),
  sqrt: unary(Math.sqrt),
  exp: unary(Math.exp),
  ln: unary(Math.log),
  log: unary(Math.log10),
  sin: unary(Math.sin),
  cos: unary(Math.cos),
  tan: unary(Math.tan),
  sinh: unary(Math.sinh),
  cosh: unary(Math.cosh),
  tanh: unary(Math.tanh),
  asin: unary(Math.asin),
  acos: unary(Math.acos),
  atan: unary(Math.atan),
  atan2: binary(Math.atan2),
  power: binary(Math.pow),
  mod: remainder,
  remainder,
  bitand: bitwise((x, y) => x & y),
  bitor: bitwise((x, y) => x | y),
  bitxor: bitwise((x, y) => x ^ y),
  bitnot: ([argument]) => (Number.isSafeInteger(argument) ? -(argument as number) - 1 : undefined),
  /** The first argument unless it is Undefined or null. A NaN cannot reach here: it is Undefined already. */
  nanvl: ([first, second]) => first ?? second,
}
