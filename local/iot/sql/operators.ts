import type { BinaryOperator, CastType } from './ast.ts'
import { equal, finite, isArray, toBoolean, toDecimal, toText, type Value } from './values.ts'

/** Result of a binary operator by AWS's operand tables; operands that fit no row give Undefined. */
export const applyOperator = (operator: BinaryOperator, left: Value, right: Value): Value => {
  switch (operator) {
    case 'AND':
    case 'OR':
      return logical(operator, left, right)
    case '=':
      return left === undefined || right === undefined ? undefined : equal(left, right)
    case '<>':
      return left === undefined || right === undefined ? undefined : !equal(left, right)
    case 'IN':
      return left === undefined || !isArray(right) ? undefined : right.some(item => equal(left, item))
    case '+':
      return add(left, right)
    default:
      return numeric(operator, left, right)
  }
}

// Both operands must be Boolean (or "true"/"false"): by AWS's tables `true OR Undefined` is Undefined, not true.
const logical = (operator: 'AND' | 'OR', left: Value, right: Value): Value => {
  const first = toBoolean(left)
  const second = toBoolean(right)
  if (first === undefined || second === undefined) return undefined
  return operator === 'AND' ? first && second : first || second
}

const add = (left: Value, right: Value): Value => {
  if (typeof left === 'number' && typeof right === 'number') return finite(left + right)
  if (typeof left !== 'string' && typeof right !== 'string') return undefined
  const first = toText(left)
  const second = toText(right)
  return first === undefined || second === undefined ? undefined : first + second
}

const numeric = (operator: BinaryOperator, left: Value, right: Value): Value => {
  const x = toDecimal(left)
  const y = toDecimal(right)
  if (x === undefined || y === undefined) return undefined
  switch (operator) {
    case '<':
      return x < y
    case '<=':
      return x <= y
    case '>':
      return x > y
    case '>=':
      return x >= y
    case '-':
      return finite(x - y)
    case '*':
      return finite(x * y)
    case '/':
      // Two Ints divide to an Int; in 2016-03-23 every whole number is an Int. Strings become Decimals.
      return finite(isInt(left) && isInt(right) ? Math.trunc(x / y) : x / y)
    case '%':
      return finite(x % y)
    default:
      return undefined
  }
}

const isInt = (value: Value): boolean => Number.isInteger(value)

/** `cast(value as type)`: the standard conversions, and numbers to and from Booleans. */
export const castTo = (type: CastType, value: Value): Value => {
  switch (type) {
    case 'string':
      return toText(value)
    case 'boolean':
      return typeof value === 'number' ? value !== 0 : toBoolean(value)
    case 'decimal':
      return typeof value === 'boolean' ? Number(value) : toDecimal(value)
    case 'int': {
      const decimal = typeof value === 'boolean' ? Number(value) : toDecimal(value)
      return decimal === undefined ? undefined : Math.floor(decimal)
    }
  }
}
