/**
 * IAM's policy evaluation for one account: an explicit Deny wins; otherwise an Allow from an identity policy
 * or a resource policy; KMS keys are the exception (see `evaluate`). Follows "Policy evaluation logic" of the
 * IAM User Guide. Pure: no clock, no state.
 */
import type { PolicyDocument, PolicyStatement, Principal } from '../core/types.ts'
import { type ConditionContext, conditionsHold, valuesOf } from './conditions.ts'
import { matchesPrincipal, type PrincipalMatch } from './principals.ts'
import { type Lookup, matchesWildcard } from './wildcard.ts'

export interface IdentityPolicy {
  readonly name: string
  readonly document: PolicyDocument
}
export interface EvaluationInput {
  readonly principal: Principal
  /** ARN of the principal's role, which may have a path that the session's ARN does not show. */
  readonly roleArn?: string
  readonly accountId: string
  readonly action: string
  readonly resource: string
  readonly context: ConditionContext
  readonly identityPolicies: readonly IdentityPolicy[]
  readonly resourcePolicies: readonly PolicyDocument[]
}
/** One Allow statement of an identity policy that matched. */
export interface MatchedAllow {
  readonly policyName: string
  readonly index: number
}
export type Decision =
  | {
      readonly allowed: true
      readonly identityAllows: readonly MatchedAllow[]
      /** A resource policy allows it by itself. */
      readonly resourceAllows: boolean
    }
  | { readonly allowed: false; readonly because: DenyReason }
export type DenyReason =
  | 'identity-based explicit deny'
  | 'resource-based explicit deny'
  | 'no identity-based allow'
  | 'no resource-based allow'

export const statementsOf = (document: PolicyDocument): readonly PolicyStatement[] =>
  Array.isArray(document.Statement)
    ? (document.Statement as readonly PolicyStatement[])
    : [document.Statement as PolicyStatement]

/**
 * Decides one action on one resource. The account's operator is an administrator: only an explicit Deny of a
 * resource policy stops it. A service principal has no identity policies. On a KMS key the key policy must
 * allow, directly or by naming the account (`…:root`), which hands the question to the identity policies.
 */
export function evaluate(input: EvaluationInput): Decision {
  const { principal } = input
  const identity = principal.kind === 'role' ? matchIdentity(input) : { denied: false, allows: [] }
  const resource = matchResource(input)
  if (identity.denied) return { allowed: false, because: 'identity-based explicit deny' }
  if (resource.denied) return { allowed: false, because: 'resource-based explicit deny' }
  if (principal.kind === 'operator') return { allowed: true, identityAllows: [], resourceAllows: false }
  const identityAllows = identity.allows
  const yes = { allowed: true, identityAllows, resourceAllows: resource.allows } as const
  const onKey = input.action.toLowerCase().startsWith('kms:') && input.resourcePolicies.length > 0
  if (onKey) {
    if (resource.allows) return yes
    if (!resource.delegates || principal.kind === 'service')
      return { allowed: false, because: 'no resource-based allow' }
  }
  if (resource.allows || identityAllows.length > 0) return yes
  const because = principal.kind === 'service' ? 'no resource-based allow' : 'no identity-based allow'
  return { allowed: false, because }
}

function matchIdentity(input: EvaluationInput) {
  const allows: MatchedAllow[] = []
  let denied = false
  for (const policy of input.identityPolicies) {
    for (const [index, statement] of statementsOf(policy.document).entries()) {
      if (!applies(statement, input)) continue
      if (statement.Effect === 'Deny') denied = true
      else allows.push({ policyName: policy.name, index })
    }
  }
  return { denied, allows }
}

function matchResource(input: EvaluationInput) {
  const found = { denied: false, allows: false, delegates: false }
  for (const statement of input.resourcePolicies.flatMap(statementsOf)) {
    const match: PrincipalMatch = matchesPrincipal(statement.Principal, input)
    if (match === 'no' || !applies(statement, input)) continue
    if (statement.Effect === 'Deny') found.denied = true
    else if (match === 'account') found.delegates = true
    else found.allows = true
  }
  return found
}

const asList = (value: string | readonly string[] | undefined): readonly string[] =>
  value === undefined ? [] : typeof value === 'string' ? [value] : value

function applies(statement: PolicyStatement, input: EvaluationInput): boolean {
  const lookup: Lookup = key => {
    const values = valuesOf(input.context, key)
    return values?.length === 1 ? values[0] : undefined
  }
  const action = (pattern: string) => matchesWildcard(pattern, input.action, { ignoreCase: true })
  const resource = (pattern: string) => matchesWildcard(pattern, input.resource, { lookup })
  if (statement.Action !== undefined && !asList(statement.Action).some(action)) return false
  if (statement.NotAction !== undefined && asList(statement.NotAction).some(action)) return false
  if (statement.Resource !== undefined && !asList(statement.Resource).some(resource)) return false
  if (statement.NotResource !== undefined && asList(statement.NotResource).some(resource)) return false
  if (statement.Action === undefined && statement.NotAction === undefined) return false
  return conditionsHold(statement.Condition, input.context, lookup)
}
