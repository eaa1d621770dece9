import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { createCognito } from '../../local/cognito/index.ts'
import { createIam } from '../../local/iam/index.ts'
import { createSigner } from '../../local/oidc/signer.ts'
import { jsonCall } from '../../scripts/lib/signed-call.ts'
import {
  admin,
  cognito,
  config,
  hire,
  MACHINE,
  machine,
  PAGE,
  page,
  pool,
  realm,
  usePool,
} from './cognito-support.ts'

usePool()

describe('people', () => {
  it('are made, looked up, listed and put into groups by an administrator', async () => {
    const { User } = (await admin('AdminCreateUser', {
      Username: 'Kim',
      UserAttributes: [{ Name: 'email', Value: 'kim@example.com' }],
    })) as { User: { Attributes: { Name: string; Value: string }[] } }
    expect(User).toMatchObject({ Username: 'kim', Enabled: true, UserStatus: 'FORCE_CHANGE_PASSWORD' })
    expect(User.Attributes.map(each => each.Name).sort()).toEqual(['email', 'sub'])
    await admin('AdminSetUserPassword', { Username: 'kim', Password: 'Good-enough-1', Permanent: true })
    await admin('AdminAddUserToGroup', { Username: 'KIM', GroupName: 'crew' })
    expect(await admin('AdminGetUser', { Username: 'kim' })).toMatchObject({ UserStatus: 'CONFIRMED' })
    expect(await admin('AdminListGroupsForUser', { Username: 'kim' })).toEqual({
      Groups: [{ GroupName: 'crew', UserPoolId: pool.id, Description: 'All' }],
    })
    await hire('lou')
    const first = (await admin('ListUsers', { Limit: 1 })) as { Users: unknown[]; PaginationToken: string }
    expect(first.Users).toMatchObject([{ Username: 'kim' }])
    const rest = await admin('ListUsers', { PaginationToken: first.PaginationToken })
    expect(rest).toMatchObject({ Users: [{ Username: 'lou' }] })
    expect(rest['PaginationToken']).toBeUndefined()
  })
  it.each([
    ['AdminCreateUser', { Username: 'kim' }, 'UsernameExistsException'],
    ['AdminCreateUser', { Username: 'two words' }, 'InvalidParameterException'],
    ['AdminCreateUser', {}, 'InvalidParameterException'],
    ['AdminCreateUser', { Username: 'x', TemporaryPassword: 'short' }, 'InvalidPasswordException'],
    ['AdminSetUserPassword', { Username: 'kim', Password: 'short' }, 'InvalidPasswordException'],
    ['AdminSetUserPassword', { Username: 'kim', Password: 'no-digits-here' }, 'InvalidPasswordException'],
    ['AdminSetUserPassword', { Username: 'nobody', Password: 'Good-enough-1' }, 'UserNotFoundException'],
    ['AdminAddUserToGroup', { Username: 'kim', GroupName: 'none' }, 'ResourceNotFoundException'],
    ['AdminGetUser', { Username: 'nobody' }, 'UserNotFoundException'],
    ['AdminGetUser', { Username: 'kim', UserPoolId: 'eu-west-1_none' }, 'ResourceNotFoundException'],
    ['ListUsers', { Filter: 'name = "Kim"' }, 'InvalidParameterException'],
    ['DescribeUserPoolClient', { ClientId: 'none' }, 'ResourceNotFoundException'],
    ['AdminDeleteUser', { Username: 'kim' }, 'NotImplemented'],
  ])('%s %j is refused: %s', async (operation, input, code) => {
    await hire('kim')
    await expect(admin(operation, input)).rejects.toMatchObject({ code })
  })
  it('outlive a restart, with no password in clear', async () => {
    await hire('kim')
    await cognito.close()
    const file = join(realm.dir, 'cognito', `${pool.id}.json`)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).not.toContain('Correct-horse')
    expect(existsSync(join(realm.dir, 'issuer', 'key.pem'))).toBe(false)
    const again = make()
    again.createPool('ops', { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } })
    const context = {
      principal: { arn: 'x', kind: 'operator' as const },
      requestId: 'r',
      authorize: () => {},
    }
    const found = await again.service.operations['AdminGetUser']?.(
      { UserPoolId: pool.id, Username: 'kim' },
      context,
    )
    expect(found).toMatchObject({ Username: 'kim', UserStatus: 'CONFIRMED' })
  })
  it('are nobody’s business without the right', async () => {
    const iam = createIam(realm)
    const other = { ...config, credentials: { ...iam.operator, secretAccessKey: 'wrong' } }
    const call = jsonCall(other, 'cognito-idp', 'AWSCognitoIdentityProviderService.ListUsers', {
      UserPoolId: pool.id,
    })
    await expect(call).rejects.toMatchObject({ code: 'InvalidSignatureException' })
    const asked: unknown[] = []
    const context = {
      ...{ principal: { arn: 'x', kind: 'role' as const }, requestId: 'r' },
      authorize: (...needs: unknown[]) => void asked.push(...needs),
    }
    await cognito.service.operations['ListUsers']?.({ UserPoolId: pool.id }, context)
    expect(asked).toEqual([{ action: 'cognito-idp:ListUsers', resource: pool.arn }])
  })
})

it('a confidential client’s secret is told to an administrator', async () => {
  const { UserPoolClient } = await admin('DescribeUserPoolClient', { ClientId: machine.id })
  expect(UserPoolClient).toMatchObject({ ClientName: machine.id, ClientSecret: machine.secret })
  const plain = await admin('DescribeUserPoolClient', { ClientId: page })
  expect(plain['UserPoolClient']).not.toHaveProperty('ClientSecret')
})

describe('what a template may not ask for', () => {
  const client = (change: object) => () =>
    void cognito.createClient('x', { UserPoolId: pool.id, ...PAGE, ...change })
  it.each([
    ['a flow', client({ AllowedOAuthFlows: ['implicit'] }), 'implicit is not run'],
    ['a scope that nothing defines', client({ AllowedOAuthScopes: ['api/none'] }), 'api/none is no scope'],
    ['plain http', client({ CallbackURLs: ['http://127.0.0.1:8/'] }), 'must be https'],
    ['a fragment', client({ LogoutURLs: ['https://a.example.com/#x'] }), 'without a fragment'],
    ['no callback', client({ CallbackURLs: [] }), 'CallbackURLs'],
    ['a property', client({ AnalyticsConfiguration: {} }), 'AnalyticsConfiguration is not run'],
    [
      'rotation beside ALLOW_REFRESH_TOKEN_AUTH',
      client({ ExplicitAuthFlows: ['ALLOW_REFRESH_TOKEN_AUTH'] }),
      'RefreshTokenRotation',
    ],
    [
      'client_credentials without a secret',
      () => void cognito.createClient('x', { UserPoolId: pool.id, ...MACHINE, GenerateSecret: false }),
      'GenerateSecret',
    ],
    ['a pool that is not there', client({ UserPoolId: 'none' }), 'User pool none does not exist'],
    ['people who sign up', () => void cognito.createPool('y', {}), 'AllowAdminCreateUserOnly'],
    ['another trigger', () => void poolWith({ PostConfirmation: 'arn' }), 'PostConfirmation is not run'],
    [
      'another version of the trigger',
      () => void poolWith({ PreTokenGenerationConfig: { LambdaArn: 'a', LambdaVersion: 'V3_0' } }),
      'only V2_0',
    ],
    [
      'the trigger in a lower tier',
      () => void poolWith({ PreTokenGenerationConfig: { LambdaArn: 'a', LambdaVersion: 'V2_0' } }),
      'UserPoolTier',
    ],
    [
      'a second domain',
      () => void cognito.createDomain({ UserPoolId: pool.id, Domain: 'two' }),
      'one user pool domain',
    ],
  ])('%s', (_, run, words) => {
    expect(run).toThrow(words)
  })
  const poolWith = (LambdaConfig: object) =>
    cognito.createPool('y', { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true }, LambdaConfig })
  it('a domain of a name that Cognito keeps for itself', () => {
    const other = make()
    const { id } = other.createPool('z', { AdminCreateUserConfig: { AllowAdminCreateUserOnly: true } })
    expect(() => other.createDomain({ UserPoolId: id, Domain: 'my-aws' })).toThrow('my-aws')
  })
})

const make = () =>
  createCognito({
    ...{
      realm,
      iam: createIam(realm),
      signer: createSigner(realm),
      open: () => {},
      localUrl: (x: string) => x,
    },
    invoke: async () => ({ payload: Buffer.alloc(0) }),
  })
