/** Which scopes a person's token gets, and the trigger that says so. */
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { groupScopes, groups, qualified } from '../../src/contracts/groups.ts'
import { SCOPE_PREFIX, scopeDescriptions, scopes } from '../../src/contracts/scopes.ts'
import { grantOf } from '../../src/domain/operators/grants.ts'
import { grantScopes } from '../../src/handlers/grant-scopes.ts'
import { at, list, properties, readTemplate } from '../template-rules/template.ts'

describe('groups', () => {
  it('are those of the template, and the scopes are those of its resource server', () => {
    const template = readTemplate()
    const inTemplate = Object.values(template.Resources)
      .filter(resource => resource.Type === 'AWS::Cognito::UserPoolGroup')
      .map(resource => resource.Properties['GroupName'])
    expect(inTemplate.sort()).toEqual([...groups].sort())
    const server = properties(template, 'OperatorScopes')
    expect(`${server['Identifier']}/`).toBe(SCOPE_PREFIX)
    const declared = list(server['Scopes']).map(each => [at(each, 'ScopeName'), at(each, 'ScopeDescription')])
    expect(Object.fromEntries(declared)).toEqual(scopeDescriptions)
  })
  it('nobody but admins can both ask for a rollout or a retrain and approve it', () => {
    const both = groups.filter(group => {
      const held: readonly string[] = groupScopes[group]
      return ['rollouts', 'models'].some(of => held.includes(`${of}:write`) && held.includes(`${of}:approve`))
    })
    expect(both).toEqual(['admins'])
  })
})

const anything = fc.array(
  fc.oneof(fc.constantFrom(...scopes.map(qualified), 'openid', 'profile', 'edgeloop/unknown'), fc.string()),
)
describe('a grant', () => {
  it('leaves exactly the scopes of the groups, whatever was asked for', () => {
    const names = fc.array(fc.oneof(fc.constantFrom(...groups), fc.string(), fc.constant('__proto__')))
    fc.assert(
      fc.property(names, anything, (memberOf, asked) => {
        const { add, suppress } = grantOf(memberOf, asked)
        const held = new Set([...asked.filter(scope => !suppress.includes(scope)), ...add])
        const mine = [...held].filter(scope => scope.startsWith('edgeloop/')).sort()
        const due = groups.filter(group => memberOf.includes(group)).flatMap(group => groupScopes[group])
        expect(mine).toEqual([...new Set(due.map(qualified))].sort())
        const others = asked.filter(scope => !scope.startsWith('edgeloop/'))
        expect(others.every(scope => held.has(scope))).toBe(true)
      }),
    )
  })
})

describe('the trigger', () => {
  const logged: unknown[] = []
  const log = { info: (...line: unknown[]) => void logged.push(line), warn: () => {}, error: () => {} }
  const event = (request: object) => ({
    ...{ version: '2', triggerSource: 'TokenGeneration_HostedAuth', region: 'eu-west-1', userPoolId: 'p' },
    ...{ userName: 'oli', callerContext: { clientId: 'c' }, response: {} },
    request: { userAttributes: { sub: 's-1', email: 'oli@example.com' }, ...request },
  })
  it('answers with its event and the scopes', async () => {
    const given = event({
      groupConfiguration: { groupsToOverride: ['approvers', 'elsewhere'] },
      scopes: ['openid', 'edgeloop/rollouts:write'],
    })
    expect(await grantScopes({ log })(given)).toEqual({
      ...given,
      response: {
        claimsAndScopeOverrideDetails: {
          accessTokenGeneration: {
            scopesToAdd: ['edgeloop/fleet:read', 'edgeloop/models:approve', 'edgeloop/rollouts:approve'],
            scopesToSuppress: ['edgeloop/rollouts:write'],
          },
        },
      },
    })
    expect(JSON.stringify(logged)).not.toContain('example.com')
  })
  it.each([[{ groupConfiguration: {} }], [{ groupConfiguration: { groupsToOverride: null }, scopes: null }]])(
    'a person in no group gets none: %j',
    async request => {
      const { response } = await grantScopes({ log })(event(request))
      expect(response).toEqual({
        claimsAndScopeOverrideDetails: {
          accessTokenGeneration: { scopesToAdd: [], scopesToSuppress: [] },
        },
      })
    },
  )
  it.each([
    [undefined, 'payload'],
    [{ version: '2', triggerSource: 'TokenGeneration_X', userPoolId: 'p', userName: 'o' }, 'request'],
    [{ ...event({ groupConfiguration: {} }), version: '1' }, 'version'],
    [event({ groupConfiguration: { groupsToOverride: 'admins' } }), 'groupsToOverride'],
  ])('what it does not understand gets no token: %#', async (given, field) => {
    await expect(grantScopes({ log })(given)).rejects.toThrow(field)
  })
})
