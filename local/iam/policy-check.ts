import { AwsError, type PolicyDocument, type PolicyStatement } from '../core/types.ts'
import { isKnownOperator } from './conditions.ts'
import { statementsOf } from './evaluate.ts'

const known = ['Sid', 'Effect', 'Action', 'NotAction', 'Resource', 'NotResource', 'Principal', 'Condition']

/**
 * Refuses a policy that could not be evaluated faithfully, rather than evaluating it wrongly: an element or
 * condition operator that is unknown, or a resolved template value of the wrong type. `where` names the policy.
 */
export function checkPolicy(document: PolicyDocument, where: string): void {
  const fail = (what: string) => new AwsError('MalformedPolicyDocument', `${where}: ${what}`)
  if (typeof document !== 'object' || document === null || document.Statement === undefined)
    throw fail('a policy needs a Statement')
  for (const [index, statement] of statementsOf(document).entries()) {
    if (typeof statement !== 'object' || statement === null) throw fail(`Statement[${index}] is no object`)
    const at = `Statement[${index}]${statement.Sid === undefined ? '' : ` (${statement.Sid})`}`
    const problem = problemOf(statement)
    if (problem !== undefined) throw fail(`${at}: ${problem}`)
  }
}

function problemOf(statement: PolicyStatement): string | undefined {
  const unknown = Object.keys(statement).find(key => !known.includes(key))
  if (unknown !== undefined) return `${unknown} is not supported by the local cloud`
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny') return 'Effect must be Allow or Deny'
  if (statement.Action === undefined && statement.NotAction === undefined) return 'Action is missing'
  for (const key of ['Action', 'NotAction', 'Resource', 'NotResource'] as const) {
    const value: unknown = statement[key]
    const list = Array.isArray(value) ? value : value === undefined ? [] : [value]
    if (list.some(item => typeof item !== 'string')) return `${key} must hold strings`
  }
  const operator = Object.keys(statement.Condition ?? {}).find(name => !isKnownOperator(name))
  return operator === undefined
    ? undefined
    : `the condition operator ${operator} is not supported by the local cloud`
}
