/** Reads the packaged CloudFormation template the way its rules ask about it. */
import { readFileSync } from 'node:fs'

export interface Resource {
  readonly Type: string
  readonly DependsOn?: string | readonly string[]
  readonly DeletionPolicy?: string
  readonly Condition?: string
  Properties: Record<string, unknown>
}
export interface Template {
  readonly Conditions?: Record<string, unknown>
  readonly Parameters: Record<string, Record<string, unknown>>
  readonly Resources: Record<string, Resource>
  readonly Outputs: Record<string, Record<string, unknown>>
}
/** `check` names every resource that breaks the rule; `spoil` changes a copy of the template so that one does. */
export interface Rule {
  readonly name: string
  readonly check: (template: Template) => string[]
  readonly spoil: (template: Template) => void
}

export const root = new URL('../../', import.meta.url)
export const readTemplate = (): Template =>
  JSON.parse(readFileSync(new URL('.serverless/cloudformation-template-update-stack.json', root), 'utf8'))

/** The value at a path through objects and arrays; undefined where it ends early. */
export function at(value: unknown, ...path: readonly (string | number)[]): unknown {
  let here = value
  for (const step of path) {
    if (here === null || typeof here !== 'object') return undefined
    here = (here as Record<string | number, unknown>)[step]
  }
  return here
}
export const list = (value: unknown): unknown[] =>
  value === undefined ? [] : Array.isArray(value) ? value : [value]

/** Text of a value with its intrinsics in `Fn::Sub` notation: `${Queue.Arn}`, `arn:${AWS::Partition}:…`. */
export function text(value: unknown): string {
  if (typeof value !== 'object' || value === null) return String(value)
  const ref = at(value, 'Ref')
  if (ref !== undefined) return `\${${ref}}`
  const get = at(value, 'Fn::GetAtt')
  if (get !== undefined) return `\${${list(get).join('.')}}`
  const sub = at(value, 'Fn::Sub')
  if (sub !== undefined) return text(Array.isArray(sub) ? sub[0] : sub)
  const join = at(value, 'Fn::Join')
  if (Array.isArray(join)) return list(join[1]).map(text).join(String(join[0]))
  return JSON.stringify(value)
}
/** Logical id that a value is a Ref to, or an attribute of. */
export const target = (value: unknown): string =>
  /^\$\{([A-Za-z0-9]+)(\.\w+)?\}$/.exec(text(value))?.[1] ?? ''

export const ofType = (template: Template, type: string): [string, Record<string, unknown>][] =>
  Object.entries(template.Resources)
    .filter(([, resource]) => resource.Type === type)
    .map(([id, resource]) => [id, resource.Properties])
export const properties = (template: Template, id: string): Record<string, unknown> =>
  template.Resources[id]?.Properties ?? {}

export const functions = (template: Template) => ofType(template, 'AWS::Lambda::Function')
/** File name of a function's handler: `dist/NAME.handler`. */
export const handlerName = (template: Template, id: string): string =>
  /^dist\/([a-z-]+)\.handler$/.exec(String(properties(template, id)['Handler']))?.[1] ?? ''
export const ruleTargets = (rule: Record<string, unknown>): unknown[] => list(rule['Targets'])
export const topicRule = (rule: Record<string, unknown>) =>
  rule['TopicRulePayload'] as Record<string, unknown>

export interface Statement {
  readonly where: string
  readonly effect: string
  readonly actions: readonly string[]
  readonly resources: readonly string[]
  readonly condition: unknown
  readonly principal: unknown
}
const statements = (where: string, document: unknown): Statement[] =>
  list(at(document, 'Statement')).map((statement, i) => ({
    where: `${where} ${at(statement, 'Sid') ?? `#${i}`}`,
    effect: String(at(statement, 'Effect')),
    actions: list(at(statement, 'Action') ?? '*').map(String),
    resources: list(at(statement, 'Resource') ?? '*').map(text),
    condition: at(statement, 'Condition'),
    principal: at(statement, 'Principal'),
  }))

export const roleStatements = (role: string, of: Record<string, unknown>): Statement[] =>
  list(of['Policies']).flatMap(policy => statements(role, at(policy, 'PolicyDocument')))
const DOCUMENTS: Readonly<Record<string, string>> = {
  'AWS::S3::BucketPolicy': 'PolicyDocument',
  'AWS::SQS::QueuePolicy': 'PolicyDocument',
  'AWS::IoT::Policy': 'PolicyDocument',
  'AWS::KMS::Key': 'KeyPolicy',
  'AWS::IAM::ManagedPolicy': 'PolicyDocument',
  'AWS::IAM::Policy': 'PolicyDocument',
  'AWS::SNS::TopicPolicy': 'PolicyDocument',
  'AWS::Events::EventBusPolicy': 'Statement',
}
export const policyStatements = (id: string, { Type, Properties }: Resource): Statement[] => {
  const document = DOCUMENTS[Type]
  return document === undefined ? [] : statements(id, Properties[document])
}
/** Every statement of every role and policy. */
export const allStatements = (template: Template): Statement[] =>
  Object.entries(template.Resources).flatMap(([id, resource]) => [
    ...policyStatements(id, resource),
    ...(resource.Type === 'AWS::IAM::Role' ? roleStatements(id, resource.Properties) : []),
  ])
