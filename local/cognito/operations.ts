/** The administrator's operations on people, as far as they make sense without e-mail. */
import { randomUUID } from 'node:crypto'
import { AwsError, type CallContext, type JsonOperation, type Realm } from '../core/types.ts'
import { isRecord, type Json, list, number, text } from '../events/read.ts'
import { invalidParameter, notFound, userNotFound } from './errors.ts'
import { checkPassword, hashPassword } from './passwords.ts'
import type { Pool, User } from './types.ts'

const PAGE = 60

type Run = (pool: Pool, input: Json) => unknown

/** Each asks IAM for `cognito-idp:OPERATION` on the pool. */
export function operationsOf(
  realm: Realm,
  pools: ReadonlyMap<string, Pool>,
): Readonly<Record<string, JsonOperation>> {
  const runs: Readonly<Record<string, Run>> = {
    async AdminCreateUser(pool, input) {
      const username = required(input, 'Username')
      if (input['MessageAction'] === 'RESEND')
        throw invalidParameter('MessageAction RESEND is not run by the local cloud: it sends no messages')
      if (!/^[\p{L}\p{M}\p{S}\p{N}\p{P}]{1,128}$/u.test(username))
        throw invalidParameter('Username: 1 to 128 letters, digits or signs, no spaces')
      if (pool.users.find(username))
        throw new AwsError('UsernameExistsException', 'User account already exists')
      const temporary = text(input['TemporaryPassword'])
      if (temporary !== undefined) checkPassword(pool.passwords, temporary)
      const user: User = {
        sub: randomUUID(),
        username: pool.caseSensitive ? username : username.toLowerCase(),
        createdAt: realm.now().toISOString(),
        attributes: readAttributes(input),
        groups: [],
        password: undefined,
        enabled: true,
      }
      pool.users.add(user)
      return { User: userType(user, 'Attributes') }
    },
    async AdminSetUserPassword(pool, input) {
      const user = userOf(pool, input)
      const password = required(input, 'Password')
      checkPassword(pool.passwords, password)
      user.password = input['Permanent'] === true ? await hashPassword(password) : undefined
      pool.users.save()
      return {}
    },
    AdminAddUserToGroup: (pool, input) => changeGroups(pool, input, (held, name) => [...held, name]),
    AdminRemoveUserFromGroup: (pool, input) =>
      changeGroups(pool, input, (held, name) => held.filter(each => each !== name)),
    AdminDisableUser: (pool, input) => setEnabled(pool, input, false),
    AdminEnableUser: (pool, input) => setEnabled(pool, input, true),
    AdminGetUser(pool, input) {
      const user = userOf(pool, input)
      return userType(user, 'UserAttributes')
    },
    AdminListGroupsForUser(pool, input) {
      const { groups } = userOf(pool, input)
      return { Groups: groups.flatMap(name => groupType(pool, name)) }
    },
    ListUsers(pool, input) {
      if (input['Filter'] !== undefined && input['Filter'] !== '')
        throw invalidParameter('Filter is not run by the local cloud for ListUsers')
      const limit = number(input['Limit']) ?? PAGE
      if (limit < 1 || limit > PAGE) throw invalidParameter(`Limit: must be 1 to ${PAGE}`)
      const from = Number(text(input['PaginationToken']) ?? 0)
      if (!Number.isInteger(from) || from < 0) throw invalidParameter('PaginationToken: not one of ours')
      const all = pool.users.list()
      const next = from + limit < all.length ? { PaginationToken: String(from + limit) } : {}
      return { Users: all.slice(from, from + limit).map(user => userType(user, 'Attributes')), ...next }
    },
    DescribeUserPoolClient(pool, input) {
      const client = pool.clients.get(required(input, 'ClientId'))
      if (!client) throw notFound(`User pool client ${required(input, 'ClientId')} does not exist.`)
      return {
        UserPoolClient: {
          UserPoolId: pool.id,
          ClientId: client.id,
          ClientName: client.name,
          ...(client.secret !== undefined && { ClientSecret: client.secret }),
          AllowedOAuthFlows: client.flows,
          AllowedOAuthScopes: client.scopes,
          CallbackURLs: client.callbackUrls,
          LogoutURLs: client.logoutUrls,
        },
      }
    },
  }
  return Object.fromEntries(
    Object.entries(runs).map(([name, run]): [string, JsonOperation] => [
      name,
      (given: unknown, ctx: CallContext) => {
        const input = isRecord(given) ? given : {}
        const id = required(input, 'UserPoolId')
        ctx.authorize({
          action: `cognito-idp:${name}`,
          resource: `arn:aws:cognito-idp:${realm.region}:${realm.accountId}:userpool/${id}`,
        })
        const pool = pools.get(id)
        if (!pool) throw notFound(`User pool ${id} does not exist.`)
        return run(pool, input)
      },
    ]),
  )
}

function required(input: Json, name: string): string {
  const value = input[name]
  if (typeof value === 'string' && value !== '') return value
  throw invalidParameter(
    `1 validation error detected: Value at '${name.charAt(0).toLowerCase()}${name.slice(1)}' failed to satisfy constraint: Member must not be null`,
  )
}

function userOf(pool: Pool, input: Json): User {
  const username = required(input, 'Username')
  const user = pool.users.find(username) ?? pool.users.bySub(username)
  if (!user) throw userNotFound()
  return user
}

function changeGroups(
  pool: Pool,
  input: Json,
  change: (held: readonly string[], name: string) => readonly string[],
): object {
  const user = userOf(pool, input)
  const name = required(input, 'GroupName')
  if (!pool.groups.has(name)) throw notFound('Group not found.')
  user.groups = [...new Set(change(user.groups, name))].sort()
  pool.users.save()
  return {}
}

function setEnabled(pool: Pool, input: Json, enabled: boolean): object {
  userOf(pool, input).enabled = enabled
  pool.users.save()
  return {}
}

function readAttributes(input: Json): Record<string, string> {
  const pairs = list(input['UserAttributes']).map(each => {
    const name = isRecord(each) ? text(each['Name']) : undefined
    if (name === undefined || !isRecord(each))
      throw invalidParameter('UserAttributes: each needs a Name and a Value')
    return [name, String(each['Value'] ?? '')] as const
  })
  return Object.fromEntries(pairs)
}

const userType = (user: User, attributes: 'Attributes' | 'UserAttributes') => ({
  Username: user.username,
  [attributes]: Object.entries({ ...user.attributes, sub: user.sub }).map(([Name, Value]) => ({
    Name,
    Value,
  })),
  // The JSON protocol's time: seconds.
  UserCreateDate: Date.parse(user.createdAt) / 1000,
  UserLastModifiedDate: Date.parse(user.createdAt) / 1000,
  Enabled: user.enabled,
  UserStatus: user.password === undefined ? 'FORCE_CHANGE_PASSWORD' : 'CONFIRMED',
})

function groupType(pool: Pool, name: string): object[] {
  const group = pool.groups.get(name)
  if (!group) return []
  return [
    {
      GroupName: group.name,
      UserPoolId: pool.id,
      Description: group.description,
      ...(group.precedence !== undefined && { Precedence: group.precedence }),
    },
  ]
}
