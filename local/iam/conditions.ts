import type { PolicyStatement } from '../core/types.ts'
import { type Lookup, matchesArn, matchesWildcard, substituteVariables } from './wildcard.ts'

export type ConditionContext = Readonly<Record<string, string | readonly string[]>>
type Test = (given: string, wanted: string, lookup: Lookup) => boolean

const equals: Test = (given, wanted, lookup) => given === substituteVariables(wanted, lookup)
const equalsIgnoreCase: Test = (given, wanted, lookup) =>
  given.toLowerCase() === substituteVariables(wanted, lookup).toLowerCase()
const like: Test = (given, wanted, lookup) => matchesWildcard(wanted, given, { lookup })
const arnLike: Test = (given, wanted, lookup) => matchesArn(wanted, given, lookup)
const bool: Test = (given, wanted) => given.toLowerCase() === wanted.toLowerCase()
const numeric =
  (compare: (a: number, b: number) => boolean): Test =>
  (given, wanted) =>
    given.trim() !== '' && compare(Number(given), Number(wanted))
const toTime = (text: string): number => (/^\d+$/.test(text) ? Number(text) * 1000 : Date.parse(text))
const date =
  (compare: (a: number, b: number) => boolean): Test =>
  (given, wanted) =>
    compare(toTime(given), toTime(wanted))

/** Positive operators; a negated one is the same test with `negated`. */
const operators: Readonly<Record<string, { readonly test: Test; readonly negated: boolean }>> = {
  StringEquals: { test: equals, negated: false },
  StringNotEquals: { test: equals, negated: true },
  StringEqualsIgnoreCase: { test: equalsIgnoreCase, negated: false },
  StringNotEqualsIgnoreCase: { test: equalsIgnoreCase, negated: true },
  StringLike: { test: like, negated: false },
  StringNotLike: { test: like, negated: true },
  ArnEquals: { test: arnLike, negated: false },
  ArnNotEquals: { test: arnLike, negated: true },
  ArnLike: { test: arnLike, negated: false },
  ArnNotLike: { test: arnLike, negated: true },
  Bool: { test: bool, negated: false },
  NumericEquals: { test: numeric((a, b) => a === b), negated: false },
  NumericNotEquals: { test: numeric((a, b) => a === b), negated: true },
  NumericLessThan: { test: numeric((a, b) => a < b), negated: false },
  NumericLessThanEquals: { test: numeric((a, b) => a <= b), negated: false },
  NumericGreaterThan: { test: numeric((a, b) => a > b), negated: false },
  NumericGreaterThanEquals: { test: numeric((a, b) => a >= b), negated: false },
  DateEquals: { test: date((a, b) => a === b), negated: false },
  DateNotEquals: { test: date((a, b) => a === b), negated: true },
  DateLessThan: { test: date((a, b) => a < b), negated: false },
  DateLessThanEquals: { test: date((a, b) => a <= b), negated: false },
  DateGreaterThan: { test: date((a, b) => a > b), negated: false },
  DateGreaterThanEquals: { test: date((a, b) => a >= b), negated: false },
}

interface Operator {
  readonly name: string
  readonly set: 'ForAllValues' | 'ForAnyValue' | undefined
  readonly ifExists: boolean
}

function readOperator(text: string): Operator | undefined {
  const match = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/.exec(text)
  const name = match?.[2] ?? ''
  if (match === null || (name !== 'Null' && !Object.hasOwn(operators, name))) return undefined
  return { name, set: match[1] as Operator['set'], ifExists: match[3] !== undefined }
}

/** Is this condition operator one that `conditionsHold` evaluates? */
export const isKnownOperator = (text: string): boolean => readOperator(text) !== undefined

/** All condition blocks of a statement hold. A statement whose operator is unknown never matches. */
export function conditionsHold(
  condition: PolicyStatement['Condition'],
  context: ConditionContext,
  lookup: Lookup,
): boolean {
  for (const [text, block] of Object.entries(condition ?? {})) {
    const operator = readOperator(text)
    if (operator === undefined) return false
    for (const [key, wanted] of Object.entries(block)) {
      const list = (Array.isArray(wanted) ? wanted : [wanted]).map(String)
      if (!holds(operator, list, valuesOf(context, key), lookup)) return false
    }
  }
  return true
}

/** Condition keys are case-insensitive. */
export function valuesOf(context: ConditionContext, key: string): readonly string[] | undefined {
  const wanted = key.toLowerCase()
  const name = Object.keys(context).find(candidate => candidate.toLowerCase() === wanted)
  const value = name === undefined ? undefined : context[name]
  if (value === undefined) return undefined
  return typeof value === 'string' ? [value] : value
}

function holds(
  operator: Operator,
  wanted: readonly string[],
  given: readonly string[] | undefined,
  lookup: Lookup,
): boolean {
  if (operator.name === 'Null')
    return wanted.some(text => (text.toLowerCase() === 'true') === (given === undefined))
  const { test, negated } = operators[operator.name] as { test: Test; negated: boolean }
  const matchesOne = (value: string) => wanted.some(text => test(value, text, lookup)) !== negated
  if (given === undefined || given.length === 0)
    return operator.ifExists || operator.set === 'ForAllValues' || (negated && operator.set === undefined)
  // Several values without a set operator: a negated test must hold for all of them, others for one.
  if (operator.set === 'ForAllValues' || (operator.set === undefined && negated))
    return given.every(matchesOne)
  return given.some(matchesOne)
}
