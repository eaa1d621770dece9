import type { PolicyStatement, Principal } from '../core/types.ts'

/** `account`: named only through its account, which delegates to identity policies instead of allowing. */
export type PrincipalMatch = 'no' | 'itself' | 'account'

/** Does a resource policy's Principal element mean this principal? A missing element means nobody. */
export function matchesPrincipal(
  element: PolicyStatement['Principal'],
  who: { readonly principal: Principal; readonly roleArn?: string; readonly accountId: string },
): PrincipalMatch {
  if (element === undefined) return 'no'
  if (element === '*') return 'itself'
  const { principal, accountId } = who
  const named = (type: string): readonly string[] => {
    const value = element[type]
    return value === undefined ? [] : typeof value === 'string' ? [value] : value
  }
  const aws = named('AWS')
  if (aws.includes('*')) return 'itself'
  if (principal.kind === 'service') return named('Service').includes(principal.arn) ? 'itself' : 'no'
  if (aws.includes(principal.arn)) return 'itself'
  if (principal.kind === 'role' && aws.includes(who.roleArn ?? roleArnOf(principal, accountId)))
    return 'itself'
  return aws.includes(accountId) || aws.includes(`arn:aws:iam::${accountId}:root`) ? 'account' : 'no'
}

export function roleArnOf(principal: Principal, accountId: string): string {
  return `arn:aws:iam::${accountId}:role/${principal.roleName ?? ''}`
}
