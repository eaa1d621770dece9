import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PolicyDocument, PolicyStatement, Principal } from '../../local/core/types.ts'
import { type EvaluationInput, evaluate } from '../../local/iam/evaluate.ts'
import { matchesWildcard } from '../../local/iam/wildcard.ts'

const account = '000000000000'
const role: Principal = {
  arn: `arn:aws:sts::${account}:assumed-role/worker/fn`,
  kind: 'role',
  roleName: 'worker',
  sessionName: 'fn',
}
const operator: Principal = { arn: `arn:aws:iam::${account}:user/operator`, kind: 'operator' }
const events: Principal = { arn: 'events.amazonaws.com', kind: 'service' }
const anonymous: Principal = { arn: 'anonymous', kind: 'service' }

const input = (
  over: Partial<EvaluationInput> & { identity?: readonly PolicyStatement[] },
): EvaluationInput => ({
  principal: role,
  accountId: account,
  action: 's3:GetObject',
  resource: 'arn:aws:s3:::models/a/b.bin',
  context: {},
  identityPolicies: [{ name: 'inline', document: { Statement: over.identity ?? [] } }],
  resourcePolicies: [],
  ...over,
})
const outcome = (given: EvaluationInput): string => {
  const decision = evaluate(given)
  return decision.allowed ? 'allowed' : decision.because
}
const allow = (more: Partial<PolicyStatement>): PolicyStatement => ({
  Effect: 'Allow',
  Action: 's3:GetObject',
  Resource: '*',
  ...more,
})
const policy = (...Statement: PolicyStatement[]): PolicyDocument => ({ Statement })

describe('wildcards', () => {
  it.each([
    ['*', 'anything:at/all', true],
    ['s3:Get*', 's3:GetObject', true],
    ['s3:Get*', 's3:PutObject', false],
    ['a?c', 'abc', true],
    ['a?c', 'ac', false],
    ['a*c', 'ac', true],
    ['a.c', 'abc', false],
    ['a+(b)[c]{d}|^$', 'a+(b)[c]{d}|^$', true],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b/x/y', true],
    ['arn:aws:s3:::b/*', 'arn:aws:s3:::b', false],
    ['line*', 'line\nbreak', true],
  ])('%s against %s: %s', (pattern, value, matches) => {
    expect(matchesWildcard(pattern, value)).toBe(matches)
  })

  it('matches any text with itself, and with each character replaced by ?', () => {
    void fc.assert(
      fc.property(fc.string({ unit: 'grapheme-ascii' }), text => {
        const plain = text.replaceAll(/[*?]|\$\{/g, '-')
        expect(matchesWildcard(plain, plain)).toBe(true)
        expect(matchesWildcard('?'.repeat(plain.length), plain)).toBe(true)
        expect(matchesWildcard(`${plain}?`, plain)).toBe(false)
      }),
    )
  })
})

describe('identity policies', () => {
  it('denies what nothing allows', () => {
    expect(outcome(input({}))).toBe('no identity-based allow')
    expect(outcome(input({ identity: [allow({ Action: 's3:PutObject' })] }))).toBe('no identity-based allow')
    expect(outcome(input({ identity: [allow({ Resource: 'arn:aws:s3:::other/*' })] }))).toBe(
      'no identity-based allow',
    )
  })

  it('matches actions in any case and resources in theirs', () => {
    expect(outcome(input({ identity: [allow({ Action: 'S3:getOBJECT' })] }))).toBe('allowed')
    expect(outcome(input({ identity: [allow({ Resource: 'arn:aws:s3:::Models/*' })] }))).toBe(
      'no identity-based allow',
    )
  })

  it('lets an explicit Deny win, wherever it stands', () => {
    const deny: PolicyStatement = { Effect: 'Deny', Action: 's3:*', Resource: '*/b.bin' }
    expect(outcome(input({ identity: [allow({}), deny] }))).toBe('identity-based explicit deny')
    expect(outcome(input({ identity: [deny, allow({})] }))).toBe('identity-based explicit deny')
    expect(outcome(input({ identity: [deny, allow({})], resource: 'arn:aws:s3:::models/a' }))).toBe('allowed')
  })

  it('inverts NotAction and NotResource', () => {
    const notAction: PolicyStatement = { Effect: 'Allow', NotAction: ['iam:*', 's3:Put*'], Resource: '*' }
    expect(outcome(input({ identity: [notAction] }))).toBe('allowed')
    expect(outcome(input({ identity: [notAction], action: 's3:PutObject' }))).toBe('no identity-based allow')
    const notResource: PolicyStatement = {
      Effect: 'Allow',
      Action: '*',
      NotResource: 'arn:aws:s3:::models/secret/*',
    }
    expect(outcome(input({ identity: [notResource] }))).toBe('allowed')
    expect(outcome(input({ identity: [notResource], resource: 'arn:aws:s3:::models/secret/x' }))).toBe(
      'no identity-based allow',
    )
  })

  it('replaces policy variables that are known, literally, and leaves others as they are', () => {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an IAM policy variable
    const own = allow({ Resource: 'arn:aws:s3:::models/${aws:username}/*' })
    const as = (name: string, resource: string) =>
      outcome(input({ identity: [own], context: { 'aws:username': name }, resource }))
    expect(as('ann', 'arn:aws:s3:::models/ann/x')).toBe('allowed')
    expect(as('ann', 'arn:aws:s3:::models/bob/x')).toBe('no identity-based allow')
    expect(as('*', 'arn:aws:s3:::models/bob/x')).toBe('no identity-based allow')
    expect(outcome(input({ identity: [own], resource: 'arn:aws:s3:::models/bob/x' }))).toBe(
      'no identity-based allow',
    )
    // biome-ignore lint/suspicious/noTemplateCurlyInString: an IAM policy variable
    const star = allow({ Resource: 'arn:aws:s3:::models/${*}' })
    expect(outcome(input({ identity: [star], resource: 'arn:aws:s3:::models/*' }))).toBe('allowed')
    expect(outcome(input({ identity: [star] }))).toBe('no identity-based allow')
  })

  it('counts every Allow that matched', () => {
    const decision = evaluate(
      input({ identity: [allow({}), allow({ Action: 'kms:*' }), allow({ Resource: '*.bin' })] }),
    )
    expect(decision).toEqual({
      allowed: true,
      identityAllows: [
        { policyName: 'inline', index: 0 },
        { policyName: 'inline', index: 2 },
      ],
      resourceAllows: false,
    })
  })
})

describe('conditions', () => {
  const holds = (Condition: NonNullable<PolicyStatement['Condition']>, context: EvaluationInput['context']) =>
    outcome(input({ identity: [allow({ Condition })], context })) === 'allowed'

  it.each([
    [{ StringEquals: { k: ['a', 'b'] } }, { k: 'b' }, true],
    [{ StringEquals: { k: 'a*' } }, { k: 'ab' }, false],
    [{ StringEquals: { 'S3:Prefix': 'a' } }, { 's3:prefix': 'a' }, true],
    [{ StringEquals: { k: 'a' } }, {}, false],
    [{ StringNotEquals: { k: ['a', 'b'] } }, { k: 'b' }, false],
    [{ StringNotEquals: { k: ['a', 'b'] } }, { k: 'c' }, true],
    [{ StringNotEquals: { k: 'a' } }, {}, true],
    [{ StringEqualsIgnoreCase: { k: 'ABC' } }, { k: 'abc' }, true],
    [{ StringLike: { k: 'a/*' } }, { k: 'a/b/c' }, true],
    [{ StringLike: { k: 'a/?' } }, { k: 'a/bc' }, false],
    [{ StringNotLike: { k: 'a/*' } }, { k: 'b/c' }, true],
    [{ ArnLike: { k: 'arn:aws:events:*:*:rule/x*' } }, { k: 'arn:aws:events:eu-west-1:1:rule/xy' }, true],
    [{ ArnLike: { k: 'arn:aws:*:rule/x' } }, { k: 'arn:aws:events:eu-west-1:1:rule/x' }, false],
    [{ ArnEquals: { k: 'arn:aws:s3:::b' } }, { k: 'arn:aws:s3:::b' }, true],
    [{ ArnEquals: { k: 'arn:aws:s3:::b' } }, { k: 'arn:aws:s3:::c' }, false],
    [{ Bool: { 'aws:SecureTransport': 'true' } }, { 'aws:SecureTransport': 'true' }, true],
    [{ Bool: { 'aws:SecureTransport': false } }, { 'aws:SecureTransport': 'true' }, false],
    [{ NumericLessThanEquals: { k: '10' } }, { k: '10' }, true],
    [{ NumericLessThan: { k: 10 } }, { k: '10' }, false],
    [{ NumericGreaterThan: { k: 600000 } }, { k: '600001' }, true],
    [{ NumericEquals: { k: '0' } }, { k: '' }, false],
    [{ DateLessThan: { k: '2026-01-01T00:00:00Z' } }, { k: '2025-12-31T23:59:59Z' }, true],
    [{ StringEqualsIfExists: { k: 'a' } }, {}, true],
    [{ StringEqualsIfExists: { k: 'a' } }, { k: 'b' }, false],
    [{ Null: { k: 'true' } }, {}, true],
    [{ Null: { k: 'true' } }, { k: 'a' }, false],
    [{ Null: { k: 'false' } }, { k: 'a' }, true],
    [{ 'ForAllValues:StringEquals': { k: ['a', 'b'] } }, { k: ['a', 'b', 'a'] }, true],
    [{ 'ForAllValues:StringEquals': { k: ['a', 'b'] } }, { k: ['a', 'c'] }, false],
    [{ 'ForAllValues:StringEquals': { k: 'a' } }, {}, true],
    [{ 'ForAnyValue:StringEquals': { k: ['a', 'b'] } }, { k: ['c', 'b'] }, true],
    [{ 'ForAnyValue:StringEquals': { k: 'a' } }, {}, false],
    [{ 'ForAnyValue:StringNotEquals': { k: 'a' } }, { k: ['a', 'b'] }, true],
    [{ 'ForAllValues:StringNotEquals': { k: 'a' } }, { k: ['a', 'b'] }, false],
    [{ StringEquals: { k: 'a', m: 'b' } }, { k: 'a' }, false],
    [{ StringEquals: { k: 'a' }, StringLike: { m: 'b*' } }, { k: 'a', m: 'bc' }, true],
    [{ NoSuchOperator: { k: 'a' } }, { k: 'a' }, false],
  ])('%j with %j: %s', (condition, context, expected) => {
    expect(holds(condition as NonNullable<PolicyStatement['Condition']>, context)).toBe(expected)
  })
})

describe('resource policies', () => {
  const grant = (principal: PolicyStatement['Principal'], more: Partial<PolicyStatement> = {}) =>
    policy(allow({ ...(principal === undefined ? {} : { Principal: principal }), ...more }))
  const with_ = (document: PolicyDocument, over: Partial<EvaluationInput> = {}) =>
    outcome(input({ resourcePolicies: [document], ...over }))

  it.each([
    ['everyone', '*' as const, 'allowed'],
    ['everyone in AWS', { AWS: '*' }, 'allowed'],
    ['the role', { AWS: `arn:aws:iam::${account}:role/worker` }, 'allowed'],
    ['the session', { AWS: [role.arn] }, 'allowed'],
    ['another role', { AWS: `arn:aws:iam::${account}:role/other` }, 'no identity-based allow'],
    ['the account', { AWS: `arn:aws:iam::${account}:root` }, 'no identity-based allow'],
    ['a service', { Service: 'events.amazonaws.com' }, 'no identity-based allow'],
    ['nobody', undefined, 'no identity-based allow'],
  ])('to %s', (_whom, principal, expected) => {
    expect(with_(grant(principal))).toBe(expected)
  })

  it('knows roles by an ARN with a path', () => {
    const roleArn = `arn:aws:iam::${account}:role/edge/worker`
    expect(with_(grant({ AWS: roleArn }), { roleArn })).toBe('allowed')
  })

  it('are the only ones that count for services', () => {
    const over = { principal: events, action: 'sqs:SendMessage', resource: 'arn:q' }
    const toEvents = grant(
      { Service: ['events.amazonaws.com'] },
      { Action: 'sqs:SendMessage', Condition: { ArnEquals: { 'aws:SourceArn': 'arn:aws:events:::rule' } } },
    )
    const context = { 'aws:SourceArn': 'arn:aws:events:::rule' }
    expect(with_(toEvents, { ...over, context })).toBe('allowed')
    expect(with_(toEvents, over)).toBe('no resource-based allow')
    const identity = [allow({ Action: '*' })]
    expect(outcome(input({ ...over, identity }))).toBe('no resource-based allow')
    expect(with_(toEvents, { ...over, context, principal: anonymous })).toBe('no resource-based allow')
  })

  it('stop even the operator by an explicit Deny', () => {
    const deny = policy({ Effect: 'Deny', Principal: '*', Action: 's3:*', Resource: '*' })
    expect(with_(deny, { principal: operator })).toBe('resource-based explicit deny')
    expect(outcome(input({ principal: operator }))).toBe('allowed')
    const byAccount = policy({
      Effect: 'Deny',
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      Action: 's3:*',
      Resource: '*',
    })
    expect(with_(byAccount, { identityPolicies: [{ name: 'p', document: policy(allow({})) }] })).toBe(
      'resource-based explicit deny',
    )
  })
})

describe('key policies', () => {
  const sign = { action: 'kms:Sign', resource: 'arn:aws:kms:eu-west-1:000000000000:key/k' }
  const identity = [allow({ Action: 'kms:Sign' })]
  const keyPolicy = (principal: PolicyStatement['Principal']) =>
    policy(allow({ Action: 'kms:*', ...(principal === undefined ? {} : { Principal: principal }) }))
  const root = keyPolicy({ AWS: `arn:aws:iam::${account}:root` })
  const toRole = keyPolicy({ AWS: `arn:aws:iam::${account}:role/worker` })
  const toOther = keyPolicy({ AWS: `arn:aws:iam::${account}:role/other` })
  const decide = (document: PolicyDocument, own: readonly PolicyStatement[], principal = role) =>
    outcome(input({ ...sign, principal, identity: own, resourcePolicies: [document] }))

  it('must allow: an identity policy alone is not enough', () => {
    expect(decide(toOther, identity)).toBe('no resource-based allow')
    expect(decide(toRole, [])).toBe('allowed')
  })

  it('that name the account hand over to identity policies', () => {
    expect(decide(root, [])).toBe('no identity-based allow')
    expect(decide(root, identity)).toBe('allowed')
    expect(decide(root, identity, events)).toBe('no resource-based allow')
  })

  it('are not the reason for an Allow that they only delegate', () => {
    const decision = evaluate(input({ ...sign, identity, resourcePolicies: [root] }))
    expect(decision).toMatchObject({ allowed: true, resourceAllows: false })
  })
})
