import { describe, expect, it } from 'vitest'
import { AwsError, type PolicyDocument, type PolicyStatement } from '../../local/core/types.ts'
import { createIam } from '../../local/iam/index.ts'
import { account, lambdaTrust, testRealm } from './http-cloud.ts'

const setup = (...Statement: PolicyStatement[]) => {
  const iam = createIam(testRealm('unused'))
  iam.addRole({
    name: 'worker',
    arn: `arn:aws:iam::${account}:role/worker`,
    trust: lambdaTrust,
    policies: [{ name: 'inline', document: { Statement } }],
  })
  return { iam, me: iam.principalFor('worker', 'train-model') }
}
const read = { action: 's3:GetObject', resource: 'arn:aws:s3:::b/k' }
const allowRead: PolicyStatement = { Sid: 'Read', Effect: 'Allow', Action: 's3:Get*', Resource: '*' }
const errorOf = (run: () => void): AwsError => {
  try {
    run()
  } catch (error) {
    if (error instanceof AwsError) return error
    throw error
  }
  throw new Error('nothing was thrown')
}

describe('authorize', () => {
  it('words refusals as AWS does, records them and calls listeners', () => {
    const { iam, me } = setup()
    const heard: string[] = []
    iam.onDenied(denial => heard.push(denial.message))
    const error = errorOf(() => iam.authorize(me, [read]))
    const message = `User: arn:aws:sts::${account}:assumed-role/worker/train-model is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::b/k because no identity-based policy allows the s3:GetObject action`
    expect(error).toMatchObject({ code: 'AccessDenied', status: 403, message })
    expect(heard).toEqual([message])
    expect(iam.denials).toMatchObject([
      { functionName: 'train-model', action: 's3:GetObject', resource: 'arn:aws:s3:::b/k', principal: me },
    ])
  })

  it('says when a Deny was the reason, and of which kind', () => {
    const { iam, me } = setup(allowRead, { Effect: 'Deny', Action: '*', Resource: '*/k' })
    expect(errorOf(() => iam.authorize(me, [read])).message).toMatch(
      / with an explicit deny in an identity-based policy$/,
    )
    const resourcePolicies: PolicyDocument[] = [
      { Statement: { Effect: 'Deny', Principal: '*', Action: '*', Resource: '*' } },
    ]
    const operator = iam.resolve(iam.operator.accessKeyId)?.principal
    if (operator === undefined) throw new Error('no operator')
    const error = errorOf(() => iam.authorize(operator, [{ ...read, resourcePolicies }]))
    expect(error.message).toMatch(/ with an explicit deny in a resource-based policy$/)
  })

  it('needs all that is asked for', () => {
    const { iam, me } = setup(allowRead)
    const put = { ...read, action: 's3:PutObject' }
    iam.authorize(me, [read])
    expect(errorOf(() => iam.authorize(me, [read, put])).message).toContain('s3:PutObject')
    expect([iam.isAllowed(me, read), iam.isAllowed(me, put)]).toEqual([true, false])
    expect(iam.denials).toHaveLength(1)
  })

  it('knows the global condition keys', () => {
    const { iam, me } = setup({
      ...allowRead,
      Condition: {
        Bool: { 'aws:SecureTransport': 'true' },
        StringEquals: {
          'aws:PrincipalAccount': account,
          'aws:PrincipalArn': `arn:aws:iam::${account}:role/worker`,
          'aws:RequestedRegion': 'eu-west-1',
        },
      },
    })
    expect(iam.isAllowed(me, read)).toBe(true)
  })
})

describe('statement use', () => {
  it('tells which statements decided alone', () => {
    const { iam, me } = setup(
      allowRead,
      { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::b/*' },
      { Effect: 'Allow', Action: 's3:PutObject', Resource: '*' },
    )
    const everyone: PolicyDocument = {
      Statement: { Effect: 'Allow', Principal: '*', Action: '*', Resource: '*' },
    }
    iam.authorize(me, [read])
    iam.authorize(me, [{ action: 's3:GetObject', resource: 'arn:aws:s3:::c/k' }])
    iam.authorize(me, [
      { action: 's3:GetObject', resource: 'arn:aws:s3:::c/k', resourcePolicies: [everyone] },
    ])
    iam.isAllowed(me, { action: 's3:PutObject', resource: 'arn:aws:s3:::c/k' })
    const use = iam
      .statementUse()
      .map(({ index, sid, matched, decisive }) => ({ index, sid, matched, decisive }))
    expect(use).toEqual([
      { index: 0, sid: 'Read', matched: 3, decisive: 1 },
      { index: 1, sid: undefined, matched: 1, decisive: 0 },
      { index: 2, sid: undefined, matched: 0, decisive: 0 },
    ])
  })
})

describe('roles and keys', () => {
  it('gives a session the same key each time, sessions different ones, and the operator a stable one', () => {
    const { iam } = setup()
    const first = iam.credentialsFor('worker', 'a')
    expect(iam.credentialsFor('worker', 'a')).toEqual(first)
    expect(iam.credentialsFor('worker', 'b').accessKeyId).not.toBe(first.accessKeyId)
    expect(first.accessKeyId).toMatch(/^ASIA/)
    expect(iam.resolve(first.accessKeyId)).toMatchObject({
      principal: { roleName: 'worker', sessionName: 'a' },
      sessionToken: first.sessionToken,
    })
    expect(iam.resolve('AKIDUNKNOWN')).toBeUndefined()
    expect(setup().iam.operator).toEqual(iam.operator)
    expect(setup().iam.credentialsFor('worker', 'a')).not.toEqual(first)
  })

  it('refuses a role that does not exist', () => {
    const { iam } = setup()
    expect(errorOf(() => iam.credentialsFor('nobody', 's')).message).toContain('nobody')
  })

  it('lets only the services of the trust policy take a role', () => {
    const { iam } = setup()
    iam.assertAssumable('worker', 'lambda.amazonaws.com')
    const error = errorOf(() => iam.assertAssumable('worker', 'iot.amazonaws.com'))
    expect(error.code).toBe('AccessDenied')
    expect(error.message).toContain('iot.amazonaws.com is not authorized to perform: sts:AssumeRole')
  })

  it('takes a role again with other policies', () => {
    const { iam, me } = setup()
    expect(iam.isAllowed(me, read)).toBe(false)
    iam.addRole({
      name: 'worker',
      arn: `arn:aws:iam::${account}:role/worker`,
      trust: lambdaTrust,
      policies: [{ name: 'p', document: { Statement: allowRead } }],
    })
    expect(iam.isAllowed(me, read)).toBe(true)
  })

  it.each([
    [
      'an unknown operator',
      { ...allowRead, Condition: { IpAddress: { 'aws:SourceIp': '10.0.0.0/8' } } },
      'IpAddress',
    ],
    ['an unknown element', { ...allowRead, NotPrincipal: '*' }, 'NotPrincipal'],
    ['an unresolved resource', { ...allowRead, Resource: [{ Ref: 'Bucket' }] }, 'Resource must hold strings'],
    ['a missing action', { Effect: 'Allow', Resource: '*' }, 'Action is missing'],
    ['a wrong effect', { ...allowRead, Effect: 'allow' }, 'Effect must be'],
  ])('refuses a policy with %s, naming policy and statement', (_what, statement, message) => {
    const error = errorOf(() => setup(statement as unknown as PolicyStatement))
    expect(error.code).toBe('MalformedPolicyDocument')
    expect(error.message).toContain('policy inline of role worker: Statement[0]')
    expect(error.message).toContain(message)
  })
})
