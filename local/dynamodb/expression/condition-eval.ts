import { type AttributeValue, type Item, setMembers, tagOf } from '../attribute-value.ts'
import { bytes, compareScalars, equalValues } from '../compare.ts'
import type { Comparator, Condition, Operand } from './condition.ts'
import { resolvePath } from './path.ts'

/** Whether an item (an empty one when there is none) satisfies a condition. */
export function holds(condition: Condition, item: Item): boolean {
  switch (condition.kind) {
    case 'and':
      return holds(condition.left, item) && holds(condition.right, item)
    case 'or':
      return holds(condition.left, item) || holds(condition.right, item)
    case 'not':
      return !holds(condition.condition, item)
    case 'exists':
      return (resolvePath(item, condition.path) !== undefined) === condition.expected
    case 'type': {
      const value = resolvePath(item, condition.path)
      return value !== undefined && tagOf(value) === condition.type
    }
    case 'compare':
      return compares(condition.comparator, evaluate(condition.left, item), evaluate(condition.right, item))
    case 'between': {
      const value = evaluate(condition.operand, item)
      return (
        compares('>=', value, evaluate(condition.low, item)) &&
        compares('<=', value, evaluate(condition.high, item))
      )
    }
    case 'in': {
      const value = evaluate(condition.operand, item)
      return condition.candidates.some(candidate => compares('=', value, evaluate(candidate, item)))
    }
    case 'begins_with':
      return beginsWith(evaluate(condition.operand, item), evaluate(condition.argument, item))
    case 'contains':
      return contains(evaluate(condition.operand, item), evaluate(condition.argument, item))
  }
}

function evaluate(operand: Operand, item: Item): AttributeValue | undefined {
  if (operand.kind === 'value') return operand.value
  const value = resolvePath(item, operand.path)
  if (operand.kind === 'path') return value
  const size = value === undefined ? undefined : sizeOf(value)
  return size === undefined ? undefined : { N: String(size) }
}

/** What `size()` gives; nothing for numbers, booleans and null, so that comparisons with it are false. */
function sizeOf(value: AttributeValue): number | undefined {
  if (value.S !== undefined) return value.S.length
  if (value.B !== undefined) return bytes(value.B).length
  if (value.L !== undefined) return value.L.length
  if (value.M !== undefined) return Object.keys(value.M).length
  return setMembers(value)?.length
}

function compares(
  comparator: Comparator,
  left: AttributeValue | undefined,
  right: AttributeValue | undefined,
): boolean {
  // A missing attribute is unequal to everything, so `<>` holds and nothing else does.
  if (left === undefined || right === undefined) return comparator === '<>'
  if (comparator === '=') return equalValues(left, right)
  if (comparator === '<>') return !equalValues(left, right)
  const order = compareScalars(left, right)
  if (order === undefined) return false
  switch (comparator) {
    case '<':
      return order < 0
    case '<=':
      return order <= 0
    case '>':
      return order > 0
    case '>=':
      return order >= 0
  }
}

/** Also the meaning of `begins_with` in key conditions. */
export function beginsWith(value: AttributeValue | undefined, prefix: AttributeValue | undefined): boolean {
  if (value?.S !== undefined && prefix?.S !== undefined) return value.S.startsWith(prefix.S)
  if (value?.B === undefined || prefix?.B === undefined) return false
  const start = bytes(prefix.B)
  return bytes(value.B).subarray(0, start.length).equals(start)
}

function contains(value: AttributeValue | undefined, part: AttributeValue | undefined): boolean {
  if (value === undefined || part === undefined) return false
  if (value.L !== undefined) return value.L.some(element => equalValues(element, part))
  if (value.S !== undefined && part.S !== undefined) return value.S.includes(part.S)
  if (value.B !== undefined && part.B !== undefined) return bytes(value.B).includes(bytes(part.B))
  if (value.SS !== undefined && part.S !== undefined) return value.SS.includes(part.S)
  if (value.NS !== undefined && part.N !== undefined) return value.NS.includes(part.N)
  return value.BS !== undefined && part.B !== undefined && value.BS.includes(part.B)
}
