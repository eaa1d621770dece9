/** From a key condition expression to one partition and an interval of its range keys. */
import { type AttributeValue, tagOf } from './attribute-value.ts'
import { compareScalars } from './compare.ts'
import { invalidParameters, validation } from './errors.ts'
import type { Comparator, Condition, Operand } from './expression/condition.ts'
import { beginsWith } from './expression/condition-eval.ts'
import type { KeyAttributes, TableDefinition } from './table-definition.ts'

export interface RangeInterval {
  /** True for range keys that come before the first match. */
  below(value: AttributeValue): boolean
  /** True for range keys that come after the last match. */
  above(value: AttributeValue): boolean
}
export interface KeyRange {
  readonly hash: AttributeValue
  readonly range?: RangeInterval
}

interface KeyTest {
  readonly name: string
  readonly operator: Comparator | 'BETWEEN' | 'begins_with'
  readonly values: readonly [AttributeValue, ...AttributeValue[]]
}

/** Throws ValidationException when the condition is not one that an index on this key can answer. */
export function readKeyRange(condition: Condition, key: KeyAttributes, table: TableDefinition): KeyRange {
  const tests = new Map<string, KeyTest>()
  for (const test of flatten(condition)) {
    if (tests.has(test.name))
      throw validation('KeyConditionExpressions must only contain one condition per key')
    tests.set(test.name, test)
  }
  if (tests.size > 2) throw validation('Conditions can be of length 1 or 2 only')
  const hash = tests.get(key.hash)
  if (hash === undefined) throw validation(`Query condition missed key schema element: ${key.hash}`)
  assertTypes(hash, table)
  if (hash.operator !== '=') throw validation('Query key condition not supported')
  if (tests.size === 1) return { hash: hash.values[0] }
  const range = key.range === undefined ? undefined : tests.get(key.range)
  if (range === undefined)
    throw validation(
      key.range === undefined
        ? 'Query key condition not supported'
        : `Query condition missed key schema element: ${key.range}`,
    )
  assertTypes(range, table)
  return { hash: hash.values[0], range: intervalOf(range) }
}

function flatten(condition: Condition): readonly KeyTest[] {
  switch (condition.kind) {
    case 'and':
      return [...flatten(condition.left), ...flatten(condition.right)]
    case 'compare': {
      if (condition.comparator === '<>') throw wrongOperator('<>')
      if (condition.left.kind !== 'value')
        return [test(condition.left, condition.comparator, [condition.right])]
      return [test(condition.right, mirrored[condition.comparator], [condition.left])]
    }
    case 'between':
      return [test(condition.operand, 'BETWEEN', [condition.low, condition.high])]
    case 'begins_with':
      return [test(condition.operand, 'begins_with', [condition.argument])]
    case 'or':
    case 'not':
    case 'in':
      throw wrongOperator(condition.kind.toUpperCase())
    case 'exists':
      throw wrongOperator(condition.expected ? 'attribute_exists' : 'attribute_not_exists')
    case 'type':
      throw wrongOperator('attribute_type')
    case 'contains':
      throw wrongOperator('contains')
  }
}

function test(subject: Operand, operator: KeyTest['operator'], operands: readonly Operand[]): KeyTest {
  if ([subject, ...operands].some(operand => operand.kind === 'size'))
    throw validation('KeyConditionExpressions cannot contain nested operations')
  if (subject.kind !== 'path')
    throw validation(
      operator === 'BETWEEN' || operator === 'begins_with'
        ? `Invalid condition in KeyConditionExpression: ${operator} operator must have the key attribute as its first operand`
        : 'Invalid condition in KeyConditionExpression: No key attribute specified',
    )
  if (subject.path.length > 1)
    throw validation('KeyConditionExpressions cannot have conditions on nested attributes')
  const values = operands.map(operand => {
    if (operand.kind !== 'value')
      throw validation(
        'Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition',
      )
    return operand.value
  })
  return { name: subject.path[0], operator, values: values as [AttributeValue, ...AttributeValue[]] }
}

function assertTypes({ name, values, operator }: KeyTest, table: TableDefinition): void {
  const type = table.attributes[name]
  if (values.some(value => tagOf(value) !== type))
    throw invalidParameters('Condition parameter type does not match schema type')
  if (operator === 'begins_with' && type === 'N')
    throw validation(
      'Invalid KeyConditionExpression: Incorrect operand type for operator or function; operator or function: begins_with, operand type: N',
    )
}

function intervalOf({ operator, values }: KeyTest): RangeInterval {
  const [first, last = first] = values
  const order = (value: AttributeValue, bound: AttributeValue): number => compareScalars(value, bound) ?? 0
  const never = () => false
  switch (operator) {
    case '<':
      return { below: never, above: value => order(value, first) >= 0 }
    case '<=':
      return { below: never, above: value => order(value, first) > 0 }
    case '>':
      return { below: value => order(value, first) <= 0, above: never }
    case '>=':
      return { below: value => order(value, first) < 0, above: never }
    case 'begins_with':
      return {
        below: value => order(value, first) < 0,
        above: value => order(value, first) > 0 && !beginsWith(value, first),
      }
    default:
      return { below: value => order(value, first) < 0, above: value => order(value, last) > 0 }
  }
}

const mirrored: Readonly<Record<Comparator, Comparator>> = {
  '=': '=',
  '<>': '<>',
  '<': '>',
  '<=': '>=',
  '>': '<',
  '>=': '<=',
}
const wrongOperator = (name: string) => validation(`Invalid operator used in KeyConditionExpression: ${name}`)
