/** Grammar of condition, filter and key condition expressions: developer guide, "Condition expressions". */
import { type AttributeValue, type Tag, tagOf } from '../attribute-value.ts'
import { compareScalars } from '../compare.ts'
import type { ExpressionName } from './lexer.ts'
import { type Path, printPath } from './path.ts'
import type { Substitutions } from './substitutions.ts'
import { openTokens, type TokenStream } from './token-stream.ts'

export type Comparator = '=' | '<>' | '<' | '<=' | '>' | '>='
export type Operand =
  | { readonly kind: 'path'; readonly path: Path }
  | { readonly kind: 'value'; readonly value: AttributeValue }
  | { readonly kind: 'size'; readonly path: Path }
export type Condition =
  | { readonly kind: 'and' | 'or'; readonly left: Condition; readonly right: Condition }
  | { readonly kind: 'not'; readonly condition: Condition }
  | {
      readonly kind: 'compare'
      readonly comparator: Comparator
      readonly left: Operand
      readonly right: Operand
    }
  | { readonly kind: 'between'; readonly operand: Operand; readonly low: Operand; readonly high: Operand }
  | { readonly kind: 'in'; readonly operand: Operand; readonly candidates: readonly Operand[] }
  | { readonly kind: 'exists'; readonly path: Path; readonly expected: boolean }
  | { readonly kind: 'type'; readonly path: Path; readonly type: string }
  | { readonly kind: 'begins_with' | 'contains'; readonly operand: Operand; readonly argument: Operand }

const comparators: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])
const arities: Readonly<Record<string, number>> = {
  attribute_exists: 1,
  attribute_not_exists: 1,
  attribute_type: 2,
  begins_with: 2,
  contains: 2,
  size: 1,
}
const typeNames: readonly string[] = ['B', 'NULL', 'SS', 'BOOL', 'L', 'BS', 'N', 'NS', 'S', 'M']
const maxCandidates = 100

export function parseCondition(
  source: string,
  expression: ExpressionName,
  substitutions: Substitutions,
): Condition {
  const tokens = openTokens(source, expression, substitutions)
  const condition = disjunction(tokens)
  tokens.expectEnd()
  return condition
}

function disjunction(tokens: TokenStream): Condition {
  let left = conjunction(tokens)
  while (tokens.take('OR')) left = { kind: 'or', left, right: conjunction(tokens) }
  return left
}
function conjunction(tokens: TokenStream): Condition {
  let left = negation(tokens)
  while (tokens.take('AND')) left = { kind: 'and', left, right: negation(tokens) }
  return left
}
function negation(tokens: TokenStream): Condition {
  if (tokens.take('NOT')) return tokens.nested(() => ({ kind: 'not', condition: negation(tokens) }))
  return tokens.take('(') ? group(tokens) : predicate(tokens)
}

/** Conditions that stood in parentheses: a second pair around the same condition is refused. */
const grouped = new WeakSet<Condition>()
function group(tokens: TokenStream): Condition {
  return tokens.nested(() => {
    const condition = disjunction(tokens)
    tokens.expect(')')
    if (grouped.has(condition)) throw tokens.fault('The expression has redundant parentheses;')
    grouped.add(condition)
    return condition
  })
}

function predicate(tokens: TokenStream): Condition {
  const name = tokens.peek()
  if (name.kind === 'name' && tokens.peek(1).text === '(' && name.text !== 'size') return call(tokens)
  const left = operand(tokens)
  if (tokens.take('BETWEEN')) {
    const low = operand(tokens)
    tokens.expect('AND')
    return between(tokens, left, low, operand(tokens))
  }
  if (tokens.take('IN')) {
    tokens.expect('(')
    const candidates = tokens.list(() => operand(tokens))
    tokens.expect(')')
    if (candidates.length > maxCandidates) throw wrongCount(tokens, 'IN', candidates.length + 1)
    return { kind: 'in', operand: left, candidates }
  }
  const comparator = tokens.peek().text
  if (!comparators.has(comparator)) throw tokens.syntaxFault()
  tokens.next()
  const right = operand(tokens)
  assertDistinct(tokens, comparator, left, right)
  if (comparator !== '=' && comparator !== '<>')
    for (const side of [left, right]) assertType(tokens, comparator, side, ['S', 'N', 'B'])
  return { kind: 'compare', comparator: comparator as Comparator, left, right }
}

function between(tokens: TokenStream, subject: Operand, low: Operand, high: Operand): Condition {
  for (const side of [subject, low, high]) assertType(tokens, 'BETWEEN', side, ['S', 'N', 'B'])
  if (low.kind === 'value' && high.kind === 'value') {
    const order = compareScalars(low.value, high.value)
    const bounds = `lower bound operand: AttributeValue: ${print(low.value)}, upper bound operand: AttributeValue: ${print(high.value)}`
    if (order === undefined)
      throw tokens.fault(`The BETWEEN operator requires same data type for lower and upper bounds; ${bounds}`)
    if (order > 0)
      throw tokens.fault(
        `The BETWEEN operator requires upper bound to be greater than or equal to lower bound; ${bounds}`,
      )
  }
  return { kind: 'between', operand: subject, low, high }
}

function call(tokens: TokenStream): Condition {
  const { text: name } = tokens.next()
  const arity = arities[name]
  if (!Object.hasOwn(arities, name)) {
    if (name === 'if_not_exists' || name === 'list_append') throw misused(tokens, name)
    throw tokens.fault(`Invalid function name; function: ${name}`)
  }
  tokens.expect('(')
  const args = tokens.list(() => operand(tokens))
  tokens.expect(')')
  if (args.length !== arity) throw wrongCount(tokens, name, args.length)
  const [first, second] = args as [Operand, Operand]
  switch (name) {
    case 'attribute_exists':
    case 'attribute_not_exists':
      return { kind: 'exists', path: pathOf(tokens, name, first), expected: name === 'attribute_exists' }
    case 'attribute_type': {
      assertType(tokens, name, second, ['S'])
      const type = second.kind === 'value' ? (second.value.S ?? '') : ''
      if (!typeNames.includes(type))
        throw tokens.fault(
          `Invalid attribute type name found; type: ${type}, valid types: {${typeNames.join(',')}}`,
        )
      return { kind: 'type', path: pathOf(tokens, name, first), type }
    }
    case 'begins_with':
      assertDistinct(tokens, name, first, second)
      for (const side of args) assertType(tokens, name, side, ['S', 'B'])
      return { kind: 'begins_with', operand: first, argument: second }
    default:
      assertDistinct(tokens, name, first, second)
      return { kind: 'contains', operand: first, argument: second }
  }
}

function operand(tokens: TokenStream): Operand {
  const { kind, text } = tokens.peek()
  if (kind === 'value') return { kind: 'value', value: tokens.value() }
  if (kind === 'name' && tokens.peek(1).text === '(') {
    if (text !== 'size') {
      if (Object.hasOwn(arities, text)) throw misused(tokens, text)
      throw tokens.fault(`Invalid function name; function: ${text}`)
    }
    tokens.next()
    tokens.expect('(')
    const args = tokens.list(() => operand(tokens))
    tokens.expect(')')
    if (args.length !== 1) throw wrongCount(tokens, text, args.length)
    return { kind: 'size', path: pathOf(tokens, text, args[0]!) }
  }
  return { kind: 'path', path: tokens.path() }
}

function assertDistinct(tokens: TokenStream, name: string, left: Operand, right: Operand): void {
  if (left.kind === 'path' && right.kind === 'path' && printPath(left.path) === printPath(right.path))
    throw tokens.fault(
      `The first operand must be distinct from the remaining operands for this operator or function; operator: ${name}, first operand: ${printPath(left.path)}`,
    )
}
function pathOf(tokens: TokenStream, name: string, given: Operand): Path {
  if (given.kind === 'path') return given.path
  throw tokens.fault(`Operator or function requires a document path; operator or function: ${name}`)
}
function assertType(tokens: TokenStream, name: string, given: Operand, allowed: readonly Tag[]): void {
  if (given.kind === 'value' && !allowed.includes(tagOf(given.value)))
    throw tokens.fault(
      `Incorrect operand type for operator or function; operator or function: ${name}, operand type: ${tagOf(given.value)}`,
    )
}
const wrongCount = (tokens: TokenStream, name: string, count: number) =>
  tokens.fault(
    `Incorrect number of operands for operator or function; operator or function: ${name}, number of operands: ${count}`,
  )
const misused = (tokens: TokenStream, name: string) =>
  tokens.fault(`The function is not allowed to be used this way in an expression; function: ${name}`)
const print = (value: AttributeValue): string => {
  const tag = tagOf(value)
  return `{${tag}:${String(value[tag])}}`
}
