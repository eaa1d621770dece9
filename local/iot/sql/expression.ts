import type { BinaryOperator, Expression } from './ast.ts'
import type { Cursor } from './cursor.ts'
import { parsePrimary } from './primary.ts'

// Binding powers, loosest first; NOT binds tighter than AND and looser than the comparisons.
const POWER: Readonly<Record<BinaryOperator, number>> = {
  OR: 1,
  AND: 2,
  '=': 4,
  '<>': 4,
  '<': 4,
  '<=': 4,
  '>': 4,
  '>=': 4,
  IN: 4,
  '+': 5,
  '-': 5,
  '*': 6,
  '/': 6,
  '%': 6,
}
const NOT_POWER = 3
const NEGATE_POWER = 7

// A chain such as a + b + c… makes a tree as deep as it is long, and the evaluator walks it recursively.
const MAX_CHAIN = 500

/** Pratt parser: reads an expression whose operators bind tighter than `minimum`. */
export const parseExpression = (cursor: Cursor, minimum = 0): Expression =>
  cursor.nested(() => {
    let left = parsePrefix(cursor)
    for (let length = 0; ; length++) {
      const operator = operatorAt(cursor)
      if (operator === undefined || POWER[operator] <= minimum) return left
      if (length >= MAX_CHAIN) cursor.fail(`more than ${MAX_CHAIN} operators in a row`)
      cursor.next()
      left = { kind: 'binary', operator, left, right: parseOperand(cursor, operator) }
    }
  })

const parsePrefix = (cursor: Cursor): Expression => {
  if (cursor.takeKeyword('NOT')) return { kind: 'not', operand: parseExpression(cursor, NOT_POWER) }
  if (cursor.takeSymbol('-')) {
    const operand = parseExpression(cursor, NEGATE_POWER)
    return operand.kind === 'literal' && typeof operand.value === 'number'
      ? { kind: 'literal', value: -operand.value }
      : { kind: 'negate', operand }
  }
  return parsePrimary(cursor, parseExpression)
}

const operatorAt = (cursor: Cursor): BinaryOperator | undefined => {
  const token = cursor.peek()
  if (token.kind !== 'symbol' && token.kind !== 'word') return undefined
  const text = token.text === '!=' ? '<>' : token.text.toUpperCase()
  return Object.hasOwn(POWER, text) ? (text as BinaryOperator) : undefined
}

/** The right operand; `IN (a, b)` is taken as the array `[a, b]`. */
const parseOperand = (cursor: Cursor, operator: BinaryOperator): Expression => {
  if (operator !== 'IN' || !cursor.isSymbol('(')) return parseExpression(cursor, POWER[operator])
  cursor.next()
  const items = [parseExpression(cursor)]
  while (cursor.takeSymbol(',')) items.push(parseExpression(cursor))
  cursor.expectSymbol(')')
  const only = items[0]
  // One parenthesised array or nested query is the list itself.
  const isList = only?.kind === 'array' || only?.kind === 'field' || only?.kind === 'member'
  return items.length === 1 && only && isList ? only : { kind: 'array', items }
}
