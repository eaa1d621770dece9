import type { PolicyStatement } from '../core/types.ts'
import type { PolicyVariables } from './policy.ts'
import { matchPattern, parsePattern } from './policy-pattern.ts'

type Conditions = NonNullable<PolicyStatement['Condition']>
type Test = (actual: string, expected: string, variables: PolicyVariables) => boolean

const like: Test = (actual, expected, variables) => matchPattern(parsePattern(expected), actual, variables)
const resolved =
  (compare: (actual: string, expected: string) => boolean): Test =>
  (actual, expected, variables) => {
    const wanted = resolveText(expected, variables)
    return wanted !== undefined && compare(actual, wanted)
  }
const same = resolved((actual, expected) => actual === expected)
const sameIgnoringCase = resolved((actual, expected) => actual.toLowerCase() === expected.toLowerCase())

const TESTS: ReadonlyMap<string, { readonly test: Test; readonly negated: boolean }> = new Map([
  ['StringEquals', { test: same, negated: false }],
  ['StringNotEquals', { test: same, negated: true }],
  ['StringEqualsIgnoreCase', { test: sameIgnoringCase, negated: false }],
  ['StringNotEqualsIgnoreCase', { test: sameIgnoringCase, negated: true }],
  ['StringLike', { test: like, negated: false }],
  ['StringNotLike', { test: like, negated: true }],
  ['ArnEquals', { test: like, negated: false }],
  ['ArnLike', { test: like, negated: false }],
  ['Bool', { test: sameIgnoringCase, negated: false }],
])

const OPERATOR = /^(?:(ForAllValues|ForAnyValue):)?([A-Za-z]+?)(IfExists)?$/

/** Why conditions cannot be evaluated here, or undefined. */
export const conditionFault = (conditions: unknown): string | undefined => {
  if (typeof conditions !== 'object' || conditions === null) return 'it must be an object'
  for (const [operator, keys] of Object.entries(conditions)) {
    const name = OPERATOR.exec(operator)?.[2]
    if (name === undefined || !TESTS.has(name))
      return `the operator ${operator} is not implemented by the local cloud`
    if (typeof keys !== 'object' || keys === null) return `${operator} must hold condition keys`
  }
  return undefined
}

/** All operators and keys must hold; of several expected values one suffices, for negated operators none may hold. */
export const conditionsHold = (conditions: Conditions, variables: PolicyVariables): boolean =>
  Object.entries(conditions).every(([operator, keys]) => {
    const [, set, name = '', ifExists] = OPERATOR.exec(operator) ?? []
    const entry = TESTS.get(name)
    if (!entry) return false
    return Object.entries(keys).every(([key, given]) => {
      const actual = variables(key)
      if (actual === undefined) return ifExists !== undefined || set === 'ForAllValues' || entry.negated
      const expected = (Array.isArray(given) ? given : [given]).map(String)
      const holds = (value: string) =>
        expected.some(wanted => entry.test(value, wanted, variables)) !== entry.negated
      const values = typeof actual === 'string' ? [actual] : actual
      return set === 'ForAllValues' ? values.every(holds) : values.some(holds)
    })
  })

const resolveText = (text: string, variables: PolicyVariables): string | undefined => {
  let out = ''
  for (const part of parsePattern(text)) {
    if (part.kind === 'any') out += '*'
    else if (part.kind === 'one') out += '?'
    else {
      const value = part.kind === 'text' ? part.text : variables(part.name)
      if (typeof value !== 'string') return undefined
      out += value
    }
  }
  return out
}
