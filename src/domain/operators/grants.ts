import { type Group, groupScopes, groups, qualified } from '../../contracts/groups.ts'
import { SCOPE_PREFIX } from '../../contracts/scopes.ts'

export interface Grant {
  readonly add: readonly string[]
  readonly suppress: readonly string[]
}

/**
 * What a person's access token gets of our scopes: those of the groups, all of them and no others, whatever the client
 * has asked for. Groups that are not ours give nothing; scopes that are not ours (`openid`) are left alone.
 */
export function grantOf(memberOf: readonly string[], asked: readonly string[]): Grant {
  const ours = memberOf.filter((name): name is Group => groups.some(group => group === name))
  const add = new Set(ours.flatMap(group => groupScopes[group]).map(qualified))
  return {
    add: [...add].sort(),
    suppress: asked.filter(name => name.startsWith(SCOPE_PREFIX) && !add.has(name)),
  }
}
