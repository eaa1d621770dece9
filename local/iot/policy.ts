import type { PolicyDocument, PolicyStatement } from '../core/types.ts'
import { AwsError } from '../core/types.ts'
import { conditionFault, conditionsHold } from './policy-conditions.ts'
import { matchPattern, type Pattern, parsePattern } from './policy-pattern.ts'

/**
 * What a policy variable or condition key resolves to, by its name without `${}`, such as
 * `iot:Connection.Thing.ThingName`; undefined when it has no value on this connection.
 */
export type PolicyVariables = (name: string) => string | readonly string[] | undefined

/** An AWS::IoT::Policy document, checked and compiled. */
export interface CompiledPolicy {
  readonly statements: readonly CompiledStatement[]
}
interface CompiledStatement {
  readonly allow: boolean
  readonly actions: readonly Pattern[]
  readonly resources: readonly Pattern[]
  readonly conditions: NonNullable<PolicyStatement['Condition']>
}

// Quota of AWS IoT Core: 2048 characters, white space not counted.
const MAX_DOCUMENT = 2048

/** Checks and compiles a document; throws MalformedPolicyException naming the statement and the fault. */
export const compilePolicy = (document: PolicyDocument): CompiledPolicy => {
  if (typeof document !== 'object' || document === null)
    throw malformed('the policy document must be a JSON object')
  const length = JSON.stringify(document).replace(/\s/g, '').length
  if (length > MAX_DOCUMENT)
    throw malformed(
      `the policy document has ${length} characters without white space; ${MAX_DOCUMENT} are allowed`,
    )
  const given: unknown = document.Statement
  const statements = Array.isArray(given) ? given : given === undefined ? [] : [given]
  if (statements.length === 0) throw malformed('the policy document has no Statement')
  return { statements: statements.map(compileStatement) }
}

const compileStatement = (given: unknown, index: number): CompiledStatement => {
  const where = `Statement[${index}]`
  if (typeof given !== 'object' || given === null) throw malformed(`${where} must be an object`)
  const statement = given as PolicyStatement
  if (statement.Effect !== 'Allow' && statement.Effect !== 'Deny')
    throw malformed(`${where}.Effect must be "Allow" or "Deny"`)
  for (const unsupported of ['NotAction', 'NotResource', 'Principal'] as const)
    if (statement[unsupported] !== undefined)
      throw malformed(`${where}.${unsupported} is not allowed in an IoT policy`)
  const conditions = statement.Condition ?? {}
  const fault = conditionFault(conditions)
  if (fault) throw malformed(`${where}.Condition: ${fault}`)
  return {
    allow: statement.Effect === 'Allow',
    // Action names match in any case, resources exactly.
    actions: patterns(statement.Action, `${where}.Action`, text => text.toLowerCase()),
    resources: patterns(statement.Resource, `${where}.Resource`),
    conditions,
  }
}

const patterns = (given: unknown, where: string, normalise = (text: string) => text): readonly Pattern[] => {
  const texts: readonly unknown[] = Array.isArray(given) ? given : [given]
  return texts.map(text => {
    if (typeof text !== 'string' || text === '')
      throw malformed(`${where} must be a string or a list of strings`)
    return parsePattern(normalise(text))
  })
}

/** True when some statement allows the action on the resource and none denies it. */
export const isAllowed = (
  policies: readonly CompiledPolicy[],
  action: string,
  resource: string,
  variables: PolicyVariables,
): boolean => {
  const name = action.toLowerCase()
  let allowed = false
  for (const { statements } of policies)
    for (const statement of statements) {
      if (!applies(statement, name, resource, variables)) continue
      if (!statement.allow) return false
      allowed = true
    }
  return allowed
}

// A variable without a value makes its pattern match nothing, in a Deny as in an Allow.
const applies = (
  statement: CompiledStatement,
  action: string,
  resource: string,
  variables: PolicyVariables,
): boolean =>
  statement.actions.some(pattern => matchPattern(pattern, action, variables)) &&
  statement.resources.some(pattern => matchPattern(pattern, resource, variables)) &&
  conditionsHold(statement.conditions, variables)

const malformed = (message: string) => new AwsError('MalformedPolicyException', message, 400)
