/** Who may sign with which key, in every state of the parameters that rotate them. */
import { conditionTable } from '../../local/cfn/conditions.ts'
import type { Json } from '../../local/cfn/template.ts'
import {
  allStatements,
  at,
  list,
  ofType,
  policyStatements,
  properties,
  type Rule,
  roleStatements,
  type Statement,
  type Template,
  target,
  text,
} from './template.ts'

const KEYS = {
  Model: { role: 'SignPackageRole', variable: 'MODEL_KEY_ID' },
  Deployment: { role: 'AdvanceRolloutRole', variable: 'DEPLOYMENT_KEY_ID' },
} as const
type Kind = keyof typeof KEYS
const KINDS = Object.keys(KEYS) as Kind[]

/** Value of ModelKeys or DeploymentKeys → slots that exist, the signing one first. */
const SLOTS: Readonly<Record<string, readonly string[]>> = {
  'only-A': ['A'],
  'both-A-signs': ['A', 'B'],
  'both-B-signs': ['B', 'A'],
  'only-B': ['B'],
}

interface State {
  readonly name: string
  readonly values: Readonly<Record<string, string>>
  /** What CloudFormation makes of the template with these values. */
  readonly template: Template
  /** Logical ids of the keys that exist, the signing one first. */
  readonly keys: Readonly<Record<Kind, readonly string[]>>
}

export function keyStates(template: Template): State[] {
  const parts = { ...template.Resources, ...template.Outputs }
  const choosing = new Set(Object.keys(parts).filter(id => JSON.stringify(parts[id]).includes('"Fn::If"')))
  return Object.keys(SLOTS).flatMap(model =>
    Object.keys(SLOTS).map(deployment => {
      const values = { ModelKeys: model, DeploymentKeys: deployment }
      const slots = (kind: Kind): string[] =>
        (SLOTS[values[`${kind}Keys`]] ?? []).map(slot => `${kind}Key${slot}`)
      const keys = { Model: slots('Model'), Deployment: slots('Deployment') }
      return { name: `${model}, ${deployment}`, values, template: inState(template, values, choosing), keys }
    }),
  )
}

/** @param choosing ids of what has an Fn::If in it; the rest is as it is in every state */
function inState(
  template: Template,
  values: Readonly<Record<string, string>>,
  choosing: ReadonlySet<string>,
): Template {
  const holds = conditionTable((template.Conditions ?? {}) as Json, condition => ({
    ref: name => values[name] ?? String(template.Parameters[name]?.['Default']),
    getAtt: () => undefined,
    condition,
    mappings: {},
  }))
  const kept = (part: { Condition?: string }): boolean =>
    part.Condition === undefined || holds(part.Condition, 'test')
  const taken = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(taken)
    if (value === null || typeof value !== 'object') return value
    const choice = at(value, 'Fn::If')
    if (Array.isArray(choice)) return taken(choice[holds(String(choice[0]), 'test') ? 1 : 2])
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, taken(inner)]))
  }
  const parts = <T extends object>(all: Record<string, T>): Record<string, T> =>
    Object.fromEntries(
      Object.entries(all)
        .filter(([, part]) => kept(part))
        .map(([id, part]) => [id, choosing.has(id) ? (taken(part) as T) : part]),
    )
  return { ...template, Resources: parts(template.Resources), Outputs: parts(template.Outputs) }
}

const matches = (pattern: string, action: string): boolean =>
  new RegExp(
    `^${pattern.replaceAll(/[.*+?]/g, c => (c === '*' ? '.*' : c === '?' ? '.' : `\\${c}`))}$`,
    'i',
  ).test(action)
const allows = (statement: Statement, action: string): boolean =>
  statement.effect === 'Allow' && statement.actions.some(pattern => matches(pattern, action))
/** Whether a statement's resource can be this key: by name, or by being open. */
const covers = ({ resources }: Statement, key: string): boolean =>
  resources.some(r => r.includes(`\${${key}.`) || r.includes(`\${${key}}`) || /(^|[/:])\*/.test(r))

const roles = (t: Template) => ofType(t, 'AWS::IAM::Role')
const rolesThatMay = (t: Template, action: string, key: string): string[] =>
  roles(t).flatMap(([id, role]) =>
    roleStatements(id, role).some(s => allows(s, action) && covers(s, key)) ? [id] : [],
  )
const everywhere = (t: Template, problems: (state: State) => string[]): string[] =>
  keyStates(t).flatMap(state => problems(state).map(problem => `${state.name}: ${problem}`))
const signStatement = (t: Template, role: string): Record<string, unknown> =>
  list(at(properties(t, role), 'Policies', 0, 'PolicyDocument', 'Statement')).find(
    s => at(s, 'Sid') === 'Sign',
  ) as Record<string, unknown>

export const keyRules: readonly Rule[] = [
  {
    name: 'the key that signs does so for one role, a key that waits for nobody, in every state',
    check: t =>
      everywhere(t, ({ template, keys }) =>
        KINDS.flatMap(kind =>
          keys[kind].flatMap((key, i) => {
            const found = String(rolesThatMay(template, 'kms:Sign', key))
            const wanted = i === 0 ? KEYS[kind].role : ''
            return found === wanted ? [] : [`${key}: signs for [${found}], not [${wanted}]`]
          }),
        ),
      ),
    spoil: t => {
      // Both slots, in the states that have both.
      signStatement(t, 'SignPackageRole')['Resource'] = [
        { 'Fn::GetAtt': ['ModelKeyA', 'Arn'] },
        { 'Fn::GetAtt': ['ModelKeyB', 'Arn'] },
      ]
    },
  },
  {
    name: 'no role has a second key in hand, and each signing role belongs to one function',
    check: t =>
      everywhere(t, ({ template, keys }) => {
        const all = KINDS.flatMap(kind => keys[kind])
        const two = roles(template).flatMap(([id, role]) => {
          const used = all.filter(key => roleStatements(id, role).some(s => usesKms(s) && covers(s, key)))
          return used.length > 1 ? [`${id}: may use ${used}`] : []
        })
        const shared = KINDS.flatMap(kind => {
          const users = ofType(template, 'AWS::Lambda::Function').filter(
            ([, f]) => target(f['Role']) === KEYS[kind].role,
          )
          return users.length === 1 ? [] : [`${KEYS[kind].role}: is the role of ${users.length} functions`]
        })
        return [...two, ...shared]
      }),
    spoil: t => {
      const statements = at(
        properties(t, 'AdvanceRolloutRole'),
        'Policies',
        0,
        'PolicyDocument',
        'Statement',
      ) as unknown[]
      statements.push({
        Effect: 'Allow',
        Action: 'kms:GetPublicKey',
        Resource: { 'Fn::If': ['ModelKeyBSigns', arn('ModelKeyB'), arn('ModelKeyA')] },
      })
    },
  },
  {
    name: 'a role does nothing with a key but sign and read its public half, and only Lambda takes a signing role on',
    check: t =>
      everywhere(t, ({ template }) => [
        ...allStatements(template)
          .filter(s => s.principal === undefined && s.effect === 'Allow' && usesKms(s))
          .flatMap(s => s.actions.filter(a => !USES.includes(a)).map(a => `${s.where}: may ${a}`)),
        ...KINDS.flatMap(kind => {
          const { role } = KEYS[kind]
          const trust = list(at(properties(template, role), 'AssumeRolePolicyDocument', 'Statement'))
          const by = trust.map(s => JSON.stringify([at(s, 'Effect'), at(s, 'Principal'), at(s, 'Action')]))
          return String(by) === '["Allow",{"Service":"lambda.amazonaws.com"},"sts:AssumeRole"]'
            ? []
            : [`${role}: can be taken on by ${by}`]
        }),
      ]),
    spoil: t => {
      list(at(properties(t, 'SignPackageRole'), 'AssumeRolePolicyDocument', 'Statement')).push({
        Effect: 'Allow',
        Principal: { AWS: '123456789012' },
        Action: 'sts:AssumeRole',
      })
    },
  },
  {
    name: 'a key policy lets one role sign, by name, and hands out no grants',
    check: t =>
      everywhere(t, ({ template, keys }) =>
        KINDS.flatMap(kind =>
          keys[kind].flatMap(key => {
            const statements = policyStatements(key, template.Resources[key] as Template['Resources'][string])
            const sign = statements.filter(s => allows(s, 'kms:Sign'))
            const name = properties(template, KEYS[kind].role)['RoleName']
            const allowed = sign.map(
              s =>
                `${text(at(s.principal, 'AWS'))} ${text(at(s.condition, 'ArnEquals', 'aws:PrincipalArn'))}`,
            )
            const account = `arn:\${AWS::Partition}:iam::\${AWS::AccountId}`
            const problems = statements.some(s => allows(s, 'kms:CreateGrant'))
              ? [`${key}: its policy lets grants be made`]
              : []
            if (String(allowed) !== `${account}:root ${account}:role/${name}`)
              problems.push(`${key}: its policy lets [${allowed}] sign`)
            return problems
          }),
        ),
      ),
    spoil: t => {
      const policy = structuredClone(properties(t, 'ModelKeyB')['KeyPolicy'])
      const statements = at(policy, 'Statement') as { Sid: string; Condition?: unknown }[]
      for (const statement of statements) if (statement.Sid === 'SignByOneRole') delete statement.Condition
      properties(t, 'ModelKeyB')['KeyPolicy'] = policy
    },
  },
  {
    name: 'function, alias and output follow the key that signs, and each slot has an alias of its own',
    check: t =>
      everywhere(t, ({ template, keys }) =>
        KINDS.flatMap(kind => {
          const [signing] = keys[kind]
          const fn = ofType(template, 'AWS::Lambda::Function').find(
            ([, f]) => target(f['Role']) === KEYS[kind].role,
          )
          const following = {
            function: at(fn?.[1], 'Environment', 'Variables', KEYS[kind].variable),
            alias: properties(template, `${kind}KeyAlias`)['TargetKeyId'],
            output: template.Outputs[`${kind}KeyArn`]?.['Value'],
          }
          const slots = keys[kind].filter(
            key => target(properties(template, `${key}Alias`)['TargetKeyId']) !== key,
          )
          return [
            ...Object.entries(following).flatMap(([what, value]) =>
              target(value) === signing ? [] : [`${what} follows ${target(value)}, not ${signing}`],
            ),
            ...slots.map(key => `${key}: has no alias of its own`),
          ]
        }),
      ),
    spoil: t => {
      properties(t, 'DeploymentKeyAlias')['TargetKeyId'] = { Ref: 'DeploymentKeyA' }
    },
  },
  {
    name: 'a slot exists exactly when the parameter says so, is kept on deletion, and nothing refers to one that is not there',
    check: t =>
      everywhere(t, ({ template, keys }) => {
        const there = ofType(template, 'AWS::KMS::Key').map(([id]) => id)
        const wanted = KINDS.flatMap(kind => keys[kind])
        const all = JSON.stringify([template.Resources, template.Outputs])
        return [
          ...(String(there.sort()) === String(wanted.toSorted()) ? [] : [`keys are ${there}, not ${wanted}`]),
          ...there.flatMap(key =>
            template.Resources[key]?.DeletionPolicy === 'Retain' ? [] : [`${key}: goes with the stack`],
          ),
          ...['ModelKeyA', 'ModelKeyB', 'DeploymentKeyA', 'DeploymentKeyB']
            .filter(key => !there.includes(key))
            .filter(key => new RegExp(`"${key}"|\\{${key}[.}]`).test(all))
            .map(key => `${key}: is referred to and does not exist`),
        ]
      }),
    spoil: t => {
      delete (t.Resources['ModelKeyB'] as { Condition?: string }).Condition
    },
  },
]

const arn = (key: string) => ({ 'Fn::GetAtt': [key, 'Arn'] })
const USES: readonly string[] = ['kms:Sign', 'kms:GetPublicKey']
const usesKms = (s: Statement): boolean => s.actions.some(a => a === '*' || /^kms:/i.test(a))
