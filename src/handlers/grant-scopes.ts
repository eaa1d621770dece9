import type * as z from 'zod'
import { preTokenGeneration } from '../contracts/aws.ts'
import { grantOf } from '../domain/operators/grants.ts'
import type { Core } from '../domain/ports.ts'
import { parseOrReject } from '../runtime/events.ts'
import { lambda } from '../runtime/lambda.ts'

/**
 * Cognito's pre token generation trigger: the scopes of a person's access token follow from the groups, at each sign-in
 * and each refresh. What it throws, Cognito answers with no token.
 */
export const grantScopes =
  ({ log }: Pick<Core, 'log'>) =>
  async (event: unknown): Promise<z.infer<typeof preTokenGeneration>> => {
    const given = parseOrReject(preTokenGeneration, event)
    const { groupConfiguration, scopes, userAttributes } = given.request
    const memberOf = groupConfiguration.groupsToOverride ?? []
    const { add, suppress } = grantOf(memberOf, scopes ?? [])
    log.info('SCOPES_GRANTED', { sub: userAttributes['sub'], groups: memberOf, scopes: add, suppress })
    const accessTokenGeneration = { scopesToAdd: add, scopesToSuppress: suppress }
    return { ...given, response: { claimsAndScopeOverrideDetails: { accessTokenGeneration } } }
  }

export const handler = lambda({}, (_env, core) => grantScopes(core))
