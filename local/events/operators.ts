/**
 * The comparison operators of event bus patterns, one compiled test per element of a leaf's array.
 * Reference: EventBridge user guide, "Comparison operators"; refusals follow aws/event-ruler.
 */
import { BlockList, isIP } from 'node:net'
import { AwsError } from '../core/types.ts'
import type { Scalar } from './flatten.ts'
import { isRecord } from './read.ts'

export type Test = (value: Scalar) => boolean
export interface Leaf {
  readonly tests: readonly Test[]
  /** One of the alternatives is `{"exists": false}`. */
  readonly absent: boolean
}

export function invalid(path: string, reason: string): AwsError {
  const where = path === '' ? 'at the top of the pattern' : `at "${path}"`
  return new AwsError(
    'InvalidEventPatternException',
    `Event pattern is not valid. Reason: ${reason} ${where}`,
  )
}

/** Compiles the array of alternatives at a path. Throws InvalidEventPatternException naming the path. */
export function compileLeaf(alternatives: readonly unknown[], path: string): Leaf {
  if (alternatives.length === 0) throw invalid(path, 'Empty arrays are not allowed')
  const tests: Test[] = []
  let absent = false
  for (const alternative of alternatives) {
    if (isRecord(alternative)) {
      const [operator, operand] = onlyEntry(alternative, path)
      if (operator === 'exists') {
        if (typeof operand !== 'boolean') throw invalid(path, 'exists must be true or false')
        if (operand) tests.push(() => true)
        else absent = true
      } else tests.push(compileOperator(operator, operand, path))
    } else if (Array.isArray(alternative) || alternative === undefined) {
      throw invalid(path, 'Match value must be a string, number, true, false, null or an operator')
    } else tests.push(value => value === alternative)
  }
  return { tests, absent }
}

function compileOperator(operator: string, operand: unknown, path: string): Test {
  switch (operator) {
    case 'prefix':
    case 'suffix':
      return onStrings(affix(operator, operand, path))
    case 'equals-ignore-case':
      return onStrings(ignoreCase(operand, path))
    case 'wildcard':
      return onStrings(wildcard(operand, path))
    case 'cidr':
      return onStrings(cidr(operand, path))
    case 'numeric':
      return numeric(operand, path)
    case 'anything-but':
      return anythingBut(operand, path)
    default:
      throw invalid(path, `Unrecognized match type ${operator}`)
  }
}

type StringTest = (value: string) => boolean
const onStrings =
  (test: StringTest): Test =>
  value =>
    typeof value === 'string' && test(value)

function affix(operator: 'prefix' | 'suffix', operand: unknown, path: string): StringTest {
  const matches = operator === 'prefix' ? 'startsWith' : 'endsWith'
  if (typeof operand === 'string') return value => value[matches](operand)
  if (isRecord(operand)) {
    const [nested, text] = onlyEntry(operand, path)
    if (nested === 'equals-ignore-case' && typeof text === 'string')
      return value => value.toLowerCase()[matches](text.toLowerCase())
  }
  throw invalid(path, `${operator} match pattern must be a string or {"equals-ignore-case": string}`)
}

function ignoreCase(operand: unknown, path: string): StringTest {
  if (typeof operand !== 'string') throw invalid(path, 'equals-ignore-case match pattern must be a string')
  const wanted = operand.toLowerCase()
  return value => value.toLowerCase() === wanted
}

/** `*` matches any run of characters; `\*` and `\\` stand for themselves. Linear in value × pattern, no regex. */
export function wildcard(operand: unknown, path: string): StringTest {
  if (typeof operand !== 'string') throw invalid(path, 'wildcard match pattern must be a string')
  const parts: string[] = ['']
  for (let at = 0; at < operand.length; at++) {
    const char = operand[at]
    if (char === '*') {
      if (operand[at + 1] === '*')
        throw invalid(path, 'Consecutive wildcard characters are not allowed in wildcard')
      parts.push('')
      continue
    }
    const escaped = char === '\\' ? operand[++at] : char
    if (escaped === undefined || (char === '\\' && escaped !== '*' && escaped !== '\\'))
      throw invalid(path, 'Invalid escape character in wildcard')
    parts.push((parts.pop() ?? '') + escaped)
  }
  const first = parts[0] ?? ''
  const last = parts.at(-1) ?? ''
  if (parts.length === 1) return value => value === first
  return value => {
    if (value.length < first.length + last.length || !value.startsWith(first) || !value.endsWith(last))
      return false
    const end = value.length - last.length
    let from = first.length
    for (const part of parts.slice(1, -1)) {
      const found = value.indexOf(part, from)
      if (found < 0 || found + part.length > end) return false
      from = found + part.length
    }
    return true
  }
}

function cidr(operand: unknown, path: string): StringTest {
  const [network = '', bits = '', ...rest] = typeof operand === 'string' ? operand.split('/') : []
  const family = isIP(network)
  if (family === 0 || rest.length > 0 || !/^\d{1,3}$/.test(bits) || Number(bits) > (family === 4 ? 32 : 128))
    throw invalid(path, 'Malformed CIDR, one "/" with an IP address before and a mask after is required')
  const block = new BlockList()
  block.addSubnet(network, Number(bits), family === 4 ? 'ipv4' : 'ipv6')
  return value => isIP(value) === family && block.check(value, family === 4 ? 'ipv4' : 'ipv6')
}

/** Documented range of numeric matching. */
const NUMERIC_LIMIT = 5_000_000_000
function numeric(operand: unknown, path: string): Test {
  if (!Array.isArray(operand) || operand.length === 0)
    throw invalid(path, 'Value of numeric must be an array of operator and number')
  const bound = (at: number): number => {
    const value: unknown = operand[at]
    if (typeof value !== 'number' || !(Math.abs(value) <= NUMERIC_LIMIT))
      throw invalid(path, `Value of "${String(operand[at - 1])}" must be a number between -5.0e9 and 5.0e9`)
    return value
  }
  const tests: ((value: number) => boolean)[] = []
  const low = comparison(operand[0], bound(1))
  if (!low) throw invalid(path, `Unrecognized numeric range operator: ${String(operand[0])}`)
  tests.push(low)
  if (operand.length > 2) {
    const upper = operand[2]
    if (!String(operand[0]).startsWith('>') || (upper !== '<' && upper !== '<=') || operand.length > 4)
      throw invalid(
        path,
        'A numeric range is a lower bound (">" or ">=") and then an upper one ("<" or "<=")',
      )
    if (!(bound(1) < bound(3))) throw invalid(path, 'Bottom must be less than top in numeric')
    const high = comparison(upper, bound(3))
    if (high) tests.push(high)
  }
  return value => typeof value === 'number' && tests.every(test => test(value))
}

function comparison(operator: unknown, bound: number): ((value: number) => boolean) | undefined {
  switch (operator) {
    case '=':
      return value => value === bound
    case '<':
      return value => value < bound
    case '<=':
      return value => value <= bound
    case '>':
      return value => value > bound
    case '>=':
      return value => value >= bound
    default:
      return undefined
  }
}

/** Numbers, booleans and null pass any string form of anything-but (measured against event-ruler). */
function anythingBut(operand: unknown, path: string): Test {
  if (isRecord(operand)) {
    const [operator, texts] = onlyEntry(operand, path)
    const alternatives = Array.isArray(texts) ? texts : [texts]
    if (alternatives.length === 0 || alternatives.some(each => typeof each !== 'string' || each === ''))
      throw invalid(path, `anything-but ${operator} must be a non-empty string or a list of them`)
    const tests = alternatives.map(each => anythingButOperator(operator, each, path))
    return value => typeof value !== 'string' || !tests.some(test => test(value))
  }
  const excluded: readonly unknown[] = Array.isArray(operand) ? operand : [operand]
  const kinds = new Set(excluded.map(each => typeof each))
  if (excluded.length === 0 || kinds.size !== 1 || !(kinds.has('string') || kinds.has('number')))
    throw invalid(path, 'Inside anything-but, either all values are number or all are string')
  return value => !excluded.includes(value)
}

function anythingButOperator(operator: string, operand: unknown, path: string): StringTest {
  if (operator === 'prefix' || operator === 'suffix') return affix(operator, operand, path)
  if (operator === 'equals-ignore-case') return ignoreCase(operand, path)
  if (operator === 'wildcard') return wildcard(operand, path)
  throw invalid(path, `Unsupported anything-but pattern: ${operator}`)
}

function onlyEntry(expression: Readonly<Record<string, unknown>>, path: string): [string, unknown] {
  const [entry, ...others] = Object.entries(expression)
  if (!entry || others.length > 0) throw invalid(path, 'Only one key allowed in match expression')
  return entry
}
