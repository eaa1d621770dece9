/** Every route of the template, behind the template's own authorizer, in the local cloud. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { mintToken } from '../../scripts/lib/local-cloud.ts'
import { makeLocalPeople, type Person } from '../../scripts/lib/people.ts'
import { operations } from '../../src/contracts/api/index.ts'
import { groupScopes } from '../../src/contracts/groups.ts'
import { type Scope, scopes, scopesOf } from '../../src/contracts/scopes.ts'
import { type Office, type Route, routes, startOffice } from './support.ts'

let office: Office
let people: readonly Person[]
beforeAll(async () => {
  // So many requests at once are throttled before anything looks at their tokens.
  office = await startOffice({ parameters: { ApiRequestsPerSecond: '100000', ApiRequestBurst: '50000' } })
  people = await makeLocalPeople(office.cloud)
})
afterAll(() => office?.close())

const scopeOf = (route: Route): Scope => scopesOf(route.scopes.join(' '))[0] as Scope
const mint = (scope: string, more: { expiresIn?: number } = {}) =>
  mintToken(office.cloud, { sub: 'somebody', scope, ...more })

it('there are routes to look at, each with the one authorizer and one scope, in both its forms', () => {
  expect(routes.length).toBeGreaterThan(30)
  for (const route of routes) {
    expect(route.authorizer, route.key).toBe(`JWT \${HttpApiAuthorizerOperators}`)
    const scope = scopeOf(route)
    expect([...route.scopes].sort(), route.key).toEqual([`edgeloop/${scope}`, scope].sort())
  }
})

it('every scope is asked for by an operation', () => {
  expect([...new Set(operations.map(operation => operation.scope))].sort()).toEqual([...scopes].sort())
})

describe.each(routes)('$key', route => {
  it('401 without a token, and with one that is none, has run out or is for another', async () => {
    const { cloud } = office
    const scope = route.scopes.join(' ')
    const wrong = {
      none: undefined,
      'no token': 'not.a.token',
      expired: await mint(scope, { expiresIn: -60 }),
      'another issuer': await cloud.issuer.mint({
        ...{ sub: 'somebody', scope, clientId: String(cloud.outputs['ConsoleClientId']) },
      }),
      'another audience': await cloud.cognito.mint({ sub: 'somebody', scope, clientId: 'another' }),
      'changed after it was signed': (await mint('openid')).replace(/\.[^.]+\./, `.${claims(scope)}.`),
    }
    const statuses = await Promise.all(
      Object.entries(wrong).map(async ([what, token]) => [what, await office.ask(route, token)] as const),
    )
    expect(Object.fromEntries(statuses)).toEqual(
      Object.fromEntries(Object.keys(wrong).map(what => [what, 401])),
    )
  })
  it('403 with every scope but its own', async () => {
    const others = scopes.filter(scope => scope !== scopeOf(route))
    expect(await office.ask(route, await mint(others.join(' ')))).toBe(403)
    expect(await office.ask(route, await mint(''))).toBe(403)
  })
  it('lets in whoever has just its scope', async () => {
    const status = await office.ask(route, await mint(scopeOf(route)))
    expect([401, 403, 500]).not.toContain(status)
  })
})

it('an ID token has no scope, and so opens nothing', async () => {
  const ann = people.find(person => person.username === 'ann') as Person
  const { idToken } = await office.signIn('ann', ann.password)
  const statuses = await Promise.all(routes.map(route => office.ask(route, idToken)))
  expect([...new Set(statuses)]).toEqual([403])
})

it.each(Object.entries(groupScopes))(
  'the people of %s reach what %j open, and nothing else',
  async (group, held) => {
    const person = people.find(each => each.group === group) as Person
    const { accessToken } = await office.signIn(person.username, person.password)
    const reached = await Promise.all(
      routes.map(async route => ((await office.ask(route, accessToken)) === 403 ? [] : [route.key])),
    )
    const open = routes.filter(route => held.some(scope => scope === scopeOf(route)))
    expect(reached.flat()).toEqual(open.map(route => route.key))
  },
)

/** A payload that would be let in, if nobody looked at the signature. */
function claims(scope: string): string {
  const now = Math.floor(Date.now() / 1000)
  const payload = {
    ...{ iss: office.cloud.outputs['TokenIssuer'], client_id: office.cloud.outputs['ConsoleClientId'] },
    ...{ sub: 'somebody', token_use: 'access', scope, iat: now, exp: now + 600 },
  }
  return Buffer.from(JSON.stringify(payload)).toString('base64url')
}
