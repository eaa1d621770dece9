/**
 * DynamoDB numbers: up to 38 significant digits, magnitude 1E-130 to 9.99…E+125, kept exactly. A number is held
 * as `coefficient × 10^exponent` with no trailing zeros in the coefficient.
 */
import { validation } from './errors.ts'

interface Decimal {
  readonly coefficient: bigint
  readonly exponent: number
}
const maxDigits = 38
const syntax = /^([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,9}))?$/

/** Canonical text of a number (plain notation). Throws ValidationException when it is no number or out of range. */
export const normaliseNumber = (text: string): string => format(checked(parse(text)))

export const addNumbers = (left: string, right: string): string => combine(left, right, 1n)
export const subtractNumbers = (left: string, right: string): string => combine(left, right, -1n)

/** Order of two canonical numbers: negative, zero or positive. */
export function compareNumbers(left: string, right: string): number {
  if (left === right) return 0
  // Up to 15 digits a double holds the decimal exactly enough to order it.
  if (left.length <= 15 && right.length <= 15) return Number(left) - Number(right)
  const a = parse(left)
  const b = parse(right)
  const exponent = Math.min(a.exponent, b.exponent)
  const difference = scaled(a, exponent) - scaled(b, exponent)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

function combine(left: string, right: string, sign: 1n | -1n): string {
  const a = parse(left)
  const b = parse(right)
  const exponent = Math.min(a.exponent, b.exponent)
  return format(checked(trimmed({ coefficient: scaled(a, exponent) + sign * scaled(b, exponent), exponent })))
}

function parse(text: string): Decimal {
  const [, sign, whole = '', fraction = '', power = '0'] = syntax.exec(text) ?? []
  const digits = whole + fraction
  if (digits === '')
    throw validation(
      `The parameter cannot be converted to a numeric value${text === '' ? '' : `: ${text.slice(0, 200)}`}`,
    )
  // A text of thousands of digits is refused below; only the cost of converting it has to be bounded here.
  const significant = digits.replace(/^0+/, '').replace(/0+$/, '')
  if (significant.length > 400) throw tooManyDigits()
  const trailing = digits.length - digits.replace(/0+$/, '').length
  if (significant === '') return { coefficient: 0n, exponent: 0 }
  const coefficient = BigInt(significant)
  return {
    coefficient: sign === '-' ? -coefficient : coefficient,
    exponent: Number(power) - fraction.length + trailing,
  }
}

function trimmed({ coefficient, exponent }: Decimal): Decimal {
  if (coefficient === 0n) return { coefficient, exponent: 0 }
  const text = coefficient.toString()
  const significant = text.replace(/0+$/, '')
  return { coefficient: BigInt(significant), exponent: exponent + text.length - significant.length }
}

function checked(value: Decimal): Decimal {
  if (value.coefficient === 0n) return value
  const digits = digitsOf(value.coefficient).length
  const magnitude = value.exponent + digits - 1
  if (magnitude > 125)
    throw validation(
      'Number overflow. Attempting to store a number with magnitude larger than supported range',
    )
  if (magnitude < -130)
    throw validation(
      'Number underflow. Attempting to store a number with magnitude smaller than supported range',
    )
  if (digits > maxDigits) throw tooManyDigits()
  return value
}

function format({ coefficient, exponent }: Decimal): string {
  const sign = coefficient < 0n ? '-' : ''
  const digits = digitsOf(coefficient)
  if (exponent >= 0) return sign + digits + '0'.repeat(exponent)
  const point = digits.length + exponent
  return point > 0
    ? `${sign}${digits.slice(0, point)}.${digits.slice(point)}`
    : `${sign}0.${'0'.repeat(-point)}${digits}`
}

const scaled = (value: Decimal, exponent: number): bigint =>
  value.coefficient * 10n ** BigInt(value.exponent - exponent)
const digitsOf = (coefficient: bigint): string => (coefficient < 0n ? -coefficient : coefficient).toString()
const tooManyDigits = () => validation('Attempting to store more than 38 significant digits in a Number')
