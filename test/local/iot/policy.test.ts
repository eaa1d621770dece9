import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { PolicyDocument } from '../../../local/core/types.ts'
import { compilePolicy, isAllowed, type PolicyVariables } from '../../../local/iot/policy.ts'
import { matchPattern, parsePattern } from '../../../local/iot/policy-pattern.ts'
import { allow, arn, variable } from './support.ts'

const none: PolicyVariables = () => undefined
const vars =
  (values: Record<string, string | string[]>): PolicyVariables =>
  name =>
    values[name]
const allowed = (documents: PolicyDocument[], action: string, resource: string, variables = none) =>
  isAllowed(documents.map(compilePolicy), action, resource, variables)

describe('patterns', () => {
  it('match as the same pattern does as a regular expression', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '/', '+'), maxLength: 10 })
    const pattern = fc.string({ unit: fc.constantFrom('a', 'b', '/', '+', '*', '?'), maxLength: 8 })
    fc.assert(
      fc.property(pattern, text, (p, t) => {
        const source = p.replaceAll('+', '\\+').replaceAll('*', '.*').replaceAll('?', '.')
        expect(matchPattern(parsePattern(p), t, none)).toBe(new RegExp(`^${source}$`, 's').test(t))
      }),
      { numRuns: 3000 },
    )
  })
  it('take no time for a hostile pattern', () => {
    expect(matchPattern(parsePattern(`${'*a'.repeat(100)}b`), 'a'.repeat(2000), none)).toBe(false)
  })
  it('take wildcards inside a variable literally', () => {
    const pattern = parsePattern(`client/${variable('iot:ClientId')}`)
    expect(matchPattern(pattern, 'client/anyone', vars({ 'iot:ClientId': '*' }))).toBe(false)
    expect(matchPattern(pattern, 'client/*', vars({ 'iot:ClientId': '*' }))).toBe(true)
  })
  it('know the escapes of IAM', () => {
    expect(
      matchPattern(parsePattern(`a${variable('*')}b${variable('?')}c${variable('$')}`), 'a*b?c$', none),
    ).toBe(true)
    expect(matchPattern(parsePattern(`a${variable('*')}b`), 'axxb', none)).toBe(false)
  })
})

describe('evaluation', () => {
  const topic = arn('topic', 'edge/v1/dev-1/up/hello')
  it('denies by default, allows by a match, and Deny wins', () => {
    const permit = allow('iot:Publish', arn('topic', 'edge/*'))
    const deny: PolicyDocument = {
      Statement: [{ Effect: 'Deny', Action: ['iot:Publish'], Resource: [arn('topic', '*/hello')] }],
    }
    expect(allowed([], 'iot:Publish', topic)).toBe(false)
    expect(allowed([permit], 'iot:Publish', topic)).toBe(true)
    expect(allowed([permit], 'iot:Subscribe', topic)).toBe(false)
    expect(allowed([permit, deny], 'iot:Publish', topic)).toBe(false)
    expect(allowed([allow('iot:pub*', '*')], 'iot:Publish', topic)).toBe(true)
  })
  it('lets * span levels and takes + and # literally', () => {
    const policy = [allow('iot:Subscribe', arn('topicfilter', 'a/+/b'))]
    expect(allowed(policy, 'iot:Subscribe', arn('topicfilter', 'a/+/b'))).toBe(true)
    expect(allowed(policy, 'iot:Subscribe', arn('topicfilter', 'a/x/b'))).toBe(false)
    expect(
      allowed(
        [allow('iot:Subscribe', arn('topicfilter', 'a/*'))],
        'iot:Subscribe',
        arn('topicfilter', 'a/#'),
      ),
    ).toBe(true)
  })
  it('matches nothing where a variable has no value, in an Allow as in a Deny', () => {
    const policy = allow(
      'iot:Publish',
      arn('topic', `edge/v1/${variable('iot:Connection.Thing.ThingName')}/*`),
    )
    expect(allowed([policy], 'iot:Publish', topic)).toBe(false)
    expect(allowed([policy], 'iot:Publish', topic, vars({ 'iot:Connection.Thing.ThingName': 'dev-1' }))).toBe(
      true,
    )
    expect(allowed([policy], 'iot:Publish', topic, vars({ 'iot:Connection.Thing.ThingName': 'dev-2' }))).toBe(
      false,
    )
    const deny: PolicyDocument = {
      Statement: {
        Effect: 'Deny',
        Action: 'iot:Publish',
        Resource: `${variable('iot:Connection.Thing.Attributes[site]')}*`,
      },
    }
    expect(allowed([allow('iot:*', '*'), deny], 'iot:Publish', topic)).toBe(true)
  })
  it('takes attributes as variables', () => {
    const policy = allow(
      'iot:Receive',
      arn('topic', `site/${variable('iot:Connection.Thing.Attributes[site]')}/*`),
    )
    const variables = vars({ 'iot:Connection.Thing.Attributes[site]': 'north' })
    expect(allowed([policy], 'iot:Receive', arn('topic', 'site/north/x'), variables)).toBe(true)
    expect(allowed([policy], 'iot:Receive', arn('topic', 'site/south/x'), variables)).toBe(false)
  })

  const withCondition = (
    Condition: NonNullable<Extract<PolicyDocument['Statement'], { Effect: string }>['Condition']>,
  ) => [{ Statement: { Effect: 'Allow' as const, Action: 'iot:Connect', Resource: '*', Condition } }]
  it.each([
    [
      { Bool: { 'iot:Connection.Thing.IsAttached': 'true' } },
      { 'iot:Connection.Thing.IsAttached': 'true' },
      true,
    ],
    [
      { Bool: { 'iot:Connection.Thing.IsAttached': ['true'] } },
      { 'iot:Connection.Thing.IsAttached': 'false' },
      false,
    ],
    [
      { Bool: { 'iot:Connection.Thing.IsAttached': true } },
      { 'iot:Connection.Thing.IsAttached': 'true' },
      true,
    ],
    [{ StringEquals: { 'iot:ClientId': ['a', 'b'] } }, { 'iot:ClientId': 'b' }, true],
    [
      { StringEquals: { 'iot:ClientId': `${variable('iot:Connection.Thing.ThingName')}` } },
      { 'iot:ClientId': 'b', 'iot:Connection.Thing.ThingName': 'b' },
      true,
    ],
    [{ StringEquals: { 'iot:ClientId': 'a' } }, {}, false],
    [{ StringEqualsIfExists: { 'iot:ClientId': 'a' } }, {}, true],
    [{ StringNotEquals: { 'iot:ClientId': ['a', 'b'] } }, { 'iot:ClientId': 'b' }, false],
    [{ StringLike: { 'iot:ClientId': 'dev-*' } }, { 'iot:ClientId': 'dev-7' }, true],
    [{ StringNotLike: { 'iot:ClientId': 'dev-*' } }, { 'iot:ClientId': 'dev-7' }, false],
    [{ 'ForAllValues:StringEquals': { k: ['a', 'b'] } }, { k: ['a', 'b'] }, true],
    [{ 'ForAllValues:StringEquals': { k: ['a'] } }, { k: ['a', 'b'] }, false],
    [{ 'ForAnyValue:StringEquals': { k: ['a'] } }, { k: ['a', 'b'] }, true],
  ] as const)('condition %j with %j: %s', (condition, values, expected) => {
    expect(allowed(withCondition(condition), 'iot:Connect', 'x', vars(values as never))).toBe(expected)
  })
})

describe('documents that are refused', () => {
  it.each<[string, unknown, RegExp]>([
    ['no statement', {}, /no Statement/],
    ['no effect', { Statement: { Action: 'iot:*', Resource: '*' } }, /Statement\[0\]\.Effect/],
    ['no resource', { Statement: [{ Effect: 'Allow', Action: 'iot:*' }] }, /Statement\[0\]\.Resource/],
    [
      'NotAction',
      { Statement: { Effect: 'Allow', NotAction: 'x', Resource: '*' } },
      /NotAction is not allowed/,
    ],
    [
      'an unknown operator',
      {
        Statement: {
          Effect: 'Allow',
          Action: 'iot:*',
          Resource: '*',
          Condition: { DateLessThan: { k: '2030' } },
        },
      },
      /DateLessThan is not implemented/,
    ],
    [
      'too long a document',
      {
        Statement: {
          Effect: 'Allow',
          Action: 'iot:*',
          Resource: Array(60).fill(arn('topic', 'x'.repeat(20))),
        },
      },
      /2048 are allowed/,
    ],
  ])('%s', (_what, document, message) => {
    expect(() => compilePolicy(document as PolicyDocument)).toThrow(message)
  })
})
