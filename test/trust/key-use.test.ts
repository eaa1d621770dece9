/** The rules about key use (test/template-rules/keys.ts) bite: each change here lets somebody sign who should not. */
import { describe, expect, it } from 'vitest'
import { keyRules, keyStates } from '../template-rules/keys.ts'
import { at, properties, readTemplate, type Template } from '../template-rules/template.ts'

const template = readTemplate()
const problems = (t: Template): string[] => keyRules.flatMap(rule => rule.check(t))

type Statement = Record<string, unknown>
const statementsOf = (t: Template, role: string): Statement[] =>
  at(properties(t, role), 'Policies', 0, 'PolicyDocument', 'Statement') as Statement[]
const allow = (t: Template, role: string, Action: unknown, Resource: unknown) =>
  statementsOf(t, role).push({ Sid: 'Added', Effect: 'Allow', Action, Resource })
const arnOf = (key: string) => ({ 'Fn::GetAtt': [key, 'Arn'] })
/** The key policies of the slots of one kind share no object here, though they share an anchor in infra/keys.yml. */
const policyOf = (t: Template, key: string): Statement[] => {
  const policy = structuredClone(properties(t, key)['KeyPolicy']) as { Statement: Statement[] }
  properties(t, key)['KeyPolicy'] = policy
  return policy.Statement
}
const signIn = (t: Template, key: string): Statement =>
  policyOf(t, key).find(s => s['Sid'] === 'SignByOneRole') as Statement

const SPOILS: readonly (readonly [string, (t: Template) => void, RegExp])[] = [
  [
    'another role may sign',
    t => allow(t, 'PlanRolloutRole', 'kms:Sign', arnOf('ModelKeyA')),
    /only-A, only-A: ModelKeyA: signs for \[SignPackageRole,PlanRolloutRole\]/,
  ],
  [
    'another role may sign with whatever there is',
    t => allow(t, 'ReconcileRole', ['kms:Sign'], '*'),
    /DeploymentKeyA: signs for \[ReconcileRole,AdvanceRolloutRole\]|DeploymentKeyA: signs for \[AdvanceRolloutRole,ReconcileRole\]/,
  ],
  [
    'another role may do whatever there is with a key',
    t => allow(t, 'OpsQueryRole', 'kms:*', arnOf('DeploymentKeyB')),
    /both-B-signs: DeploymentKeyB: signs for/,
  ],
  [
    'another role may do whatever there is with everything',
    t => allow(t, 'OpsQueryRole', '*', '*'),
    /only-A, only-A: ModelKeyA: signs for/,
  ],
  [
    'another role may rewrite a key policy',
    t => allow(t, 'OpsQueryRole', 'kms:PutKeyPolicy', arnOf('ModelKeyA')),
    /OpsQueryRole Added: may kms:PutKeyPolicy/,
  ],
  [
    'one role has both keys',
    t => allow(t, 'SignPackageRole', 'kms:Sign', arnOf('DeploymentKeyA')),
    /SignPackageRole: may use ModelKeyA,DeploymentKeyA/,
  ],
  [
    'one function has both roles’ work',
    t => {
      properties(t, 'PlanRolloutLambdaFunction')['Role'] = arnOf('SignPackageRole')
    },
    /SignPackageRole: is the role of 2 functions/,
  ],
  [
    'the role of the next slot may sign before it is its turn',
    t => {
      const sign = statementsOf(t, 'AdvanceRolloutRole').find(s => s['Sid'] === 'Sign') as Statement
      sign['Resource'] = [arnOf('DeploymentKeyB')]
    },
    /only-A, both-A-signs: DeploymentKeyB: signs for \[AdvanceRolloutRole\]/,
  ],
  [
    'the condition of a key policy is gone',
    t => {
      delete signIn(t, 'DeploymentKeyA')['Condition']
    },
    /DeploymentKeyA: its policy lets \[.*:root undefined\] sign/,
  ],
  [
    'the condition names a pattern',
    t => {
      signIn(t, 'ModelKeyA')['Condition'] = { ArnLike: { 'aws:PrincipalArn': 'arn:aws:iam::*:role/*' } }
    },
    /ModelKeyA: its policy lets \[/,
  ],
  [
    'the condition names the other role',
    t => {
      signIn(t, 'ModelKeyB')['Condition'] = structuredClone(signIn(t, 'DeploymentKeyB')['Condition'])
    },
    /ModelKeyB: its policy lets \[.*advance-rollout\] sign/,
  ],
  [
    'a key policy lets a second principal sign',
    t => {
      policyOf(t, 'ModelKeyA').push({
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: 'kms:Sign',
        Resource: '*',
      })
    },
    /ModelKeyA: its policy lets \[.*,\* undefined\] sign/,
  ],
  [
    'the administrators may sign',
    t => {
      const administer = policyOf(t, 'DeploymentKeyB').find(s => s['Sid'] === 'Administer') as Statement
      administer['Action'] = ['kms:*']
    },
    /DeploymentKeyB: its policy lets/,
  ],
  [
    'grants may be made',
    t => {
      const administer = policyOf(t, 'ModelKeyB').find(s => s['Sid'] === 'Administer') as Statement
      ;(administer['Action'] as string[]).push('kms:CreateGrant')
    },
    /ModelKeyB: its policy lets grants be made/,
  ],
  [
    'a user may take the signing role on',
    t => {
      const trust = at(
        properties(t, 'AdvanceRolloutRole'),
        'AssumeRolePolicyDocument',
        'Statement',
      ) as Statement[]
      trust.push({ Effect: 'Allow', Principal: { AWS: '*' }, Action: 'sts:AssumeRole' })
    },
    /AdvanceRolloutRole: can be taken on by/,
  ],
  [
    'a function signs with a slot that is not the signing one',
    t => {
      const [, fn] = Object.entries(t.Resources).find(([id]) => id === 'SignPackageLambdaFunction') ?? []
      const variables = at(fn?.Properties, 'Environment', 'Variables') as Record<string, unknown>
      variables['MODEL_KEY_ID'] = { Ref: 'ModelKeyA' }
    },
    /both-B-signs, only-A: function follows ModelKeyA, not ModelKeyB/,
  ],
  [
    'a key goes with the stack',
    t => {
      delete (t.Resources['DeploymentKeyA'] as { DeletionPolicy?: string }).DeletionPolicy
    },
    /DeploymentKeyA: goes with the stack/,
  ],
]

describe('who may sign with which key', () => {
  it('is asked in every state of the two parameters', () => {
    expect(keyStates(template).map(s => s.name)).toHaveLength(16)
    const parameters = at(template, 'Parameters') as Record<
      string,
      { AllowedValues: string[]; Default: string }
    >
    for (const name of ['ModelKeys', 'DeploymentKeys']) {
      const allowed = parameters[name]?.AllowedValues ?? []
      const asked = new Set(keyStates(template).map(s => s.values[name]))
      expect([...asked].sort()).toEqual(allowed.toSorted())
      expect(parameters[name]?.Default).toBe('only-A')
    }
    expect(problems(template)).toEqual([])
  })

  it.each(SPOILS)('would be seen: %s', (_, spoil, message) => {
    const spoilt = structuredClone(template)
    spoil(spoilt)
    expect(problems(spoilt).join('\n')).toMatch(message)
  })
})
