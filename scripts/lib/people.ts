/** People of the operators' user pool, made as an administrator makes them. */
import { randomBytes } from 'node:crypto'
import type { Cloud } from '../../local/cloud.ts'
import type { Group } from '../../src/contracts/groups.ts'
import { type CallConfig, CallRefused, jsonCall } from './signed-call.ts'

export interface Person {
  readonly username: string
  readonly group: Group
  readonly password: string
}

/** Who is in a local cloud. One for each group, so that each can be tried. */
const LOCAL = { ann: 'admins', oli: 'operators', ava: 'approvers', vic: 'viewers', lea: 'labellers' } as const

const cognito = (config: CallConfig, operation: string, input: object) =>
  jsonCall(config, 'cognito-idp', `AWSCognitoIdentityProviderService.${operation}`, input)

/** Makes the person if there is none of that name, sets the password for good and adds the group. Throws CallRefused. */
export async function makePerson(config: CallConfig, UserPoolId: string, person: Person): Promise<void> {
  const { username: Username, group: GroupName, password: Password } = person
  const input = { UserPoolId, Username }
  await cognito(config, 'AdminCreateUser', { ...input, MessageAction: 'SUPPRESS' }).catch(
    (error: unknown) => {
      if (!(error instanceof CallRefused) || error.code !== 'UsernameExistsException') throw error
    },
  )
  await cognito(config, 'AdminSetUserPassword', { ...input, Password, Permanent: true })
  await cognito(config, 'AdminAddUserToGroup', { ...input, GroupName })
}

/**
 * One person for each group, with passwords made anew at each start. None in a cloud without a user pool, where tokens
 * come from elsewhere.
 */
export async function makeLocalPeople(cloud: Cloud): Promise<readonly Person[]> {
  const { endpoint, credentials, realm, outputs } = cloud
  const pool = outputs['UserPoolId']
  if (typeof pool !== 'string') return []
  const people = Object.entries(LOCAL).map(([username, group]) => ({
    username,
    group,
    password: `${username}-${randomBytes(9).toString('base64url')}-A1`,
  }))
  const config = { endpoint, credentials, region: realm.region }
  await Promise.all(people.map(person => makePerson(config, pool, person)))
  return people
}
