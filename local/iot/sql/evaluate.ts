import type { Expression, Selection, Statement } from './ast.ts'
import type { MessageContext } from './context.ts'
import { SqlEvaluationError } from './errors.ts'
import { callFunction } from './function-table.ts'
import { encodeBytes } from './functions/collection.ts'
import { applyOperator, castTo } from './operators.ts'
import { elementAt, equal, isArray, isObject, property, toBoolean, toDecimal, type Value } from './values.ts'

/**
 * Runs a statement on a message. Returns the bytes for the rule's actions, or undefined when WHERE is not true.
 * Throws SqlEvaluationError when a field is asked of a payload that is not a JSON object.
 */
export const evaluateStatement = (statement: Statement, message: MessageContext): Buffer | undefined => {
  const root = () => message.payload()
  if (statement.where && toBoolean(evaluate(statement.where, message, root)) !== true) return undefined
  const { select } = statement
  const isWhole = select.kind === 'items' && select.items.every(item => item.kind === 'all')
  // `SELECT *` hands the payload on as it came: it may be binary, or hold numbers that JSON.parse would round.
  if (isWhole) return message.raw
  const value = selectFrom(select, message, root)
  // Undefined, serialised by itself, is the empty string (developer guide, "Data types").
  return Buffer.from(value === undefined ? '' : JSON.stringify(value), 'utf8')
}

/** Evaluates one expression against the original message, as substitution templates do. */
export const evaluateExpression = (expression: Expression, message: MessageContext): Value =>
  evaluate(expression, message, () => message.payload())

type Scope = () => Value

const selectFrom = (select: Selection, message: MessageContext, scope: Scope): Value => {
  if (select.kind === 'value') return evaluate(select.expression, message, scope)
  const output = emptyObject()
  for (const item of select.items) {
    if (item.kind === 'all') Object.assign(output, fieldsOf(scope()))
    else assign(output, item.path, evaluate(item.expression, message, scope))
  }
  return output
}

const fieldsOf = (source: Value): Readonly<Record<string, Value>> => {
  if (isObject(source)) return source
  throw new SqlEvaluationError('* beside other items needs a payload that is a JSON object')
}

// Without a prototype, so that a field named __proto__ is a field like any other.
const emptyObject = (): Record<string, Value> => Object.create(null) as Record<string, Value>

const assign = (output: Record<string, Value>, path: readonly string[], value: Value): void => {
  if (value === undefined) return
  let target = output
  for (const step of path.slice(0, -1)) {
    const inner = Object.assign(emptyObject(), isObject(target[step]) ? target[step] : {})
    target[step] = inner
    target = inner
  }
  target[path.at(-1) ?? ''] = value
}

const evaluate = (node: Expression, message: MessageContext, scope: Scope): Value => {
  const at = (inner: Expression) => evaluate(inner, message, scope)
  switch (node.kind) {
    case 'literal':
      return node.value
    case 'payload':
      return message.payload()
    case 'field':
      return property(scope(), node.name)
    case 'member':
      return property(at(node.object), node.name)
    case 'index': {
      const object = at(node.object)
      const index = at(node.index)
      return isObject(object) && typeof index === 'string'
        ? property(object, index)
        : elementAt(object, index)
    }
    case 'array':
      return node.items.map(at).filter(item => item !== undefined)
    case 'object': {
      const output = emptyObject()
      for (const { key, value } of node.entries) assign(output, [key], at(value))
      return output
    }
    case 'not': {
      const operand = toBoolean(at(node.operand))
      return operand === undefined ? undefined : !operand
    }
    case 'negate': {
      const operand = toDecimal(at(node.operand))
      return operand === undefined ? undefined : -operand
    }
    case 'binary':
      return applyOperator(node.operator, at(node.left), at(node.right))
    case 'case': {
      const subject = at(node.subject)
      if (subject === undefined) return undefined
      for (const { when, result } of node.branches) {
        const candidate = at(when)
        if (candidate !== undefined && equal(subject, candidate)) return at(result)
      }
      return node.otherwise ? at(node.otherwise) : undefined
    }
    case 'cast':
      return castTo(node.type, at(node.operand))
    case 'call':
      return call(node, message, at)
    case 'query':
      return query(node, message, at)
  }
}

const call = (
  node: Extract<Expression, { kind: 'call' }>,
  message: MessageContext,
  at: (inner: Expression) => Value,
): Value => {
  const [first, second] = node.args
  // The one function that reaches a payload which is not JSON.
  if (node.name === 'encode' && first?.kind === 'payload')
    return encodeBytes(message.raw, second ? at(second) : undefined)
  return callFunction(node.name, node.args.map(at), message)
}

const query = (
  node: Extract<Expression, { kind: 'query' }>,
  message: MessageContext,
  at: (inner: Expression) => Value,
): Value => {
  const items = at(node.from)
  if (!isArray(items)) return undefined
  const output: Value[] = []
  for (const item of items) {
    if (node.where && toBoolean(evaluate(node.where, message, () => item)) !== true) continue
    const selected = selectFrom(node.select, message, () => item)
    if (selected !== undefined) output.push(selected)
  }
  return output
}
