import { AwsError } from '../../core/types.ts'
import { roleNameOf } from '../arns.ts'
import { SqlParseError } from '../sql/ast.ts'
import { parseTemplate, type Template } from './template.ts'

/** One action of a rule. */
export type RuleAction =
  | { readonly kind: 'lambda'; readonly functionArn: Template }
  | {
      readonly kind: 'sqs'
      readonly queueUrl: Template
      readonly roleName: string
      readonly useBase64: boolean
    }
  | { readonly kind: 'republish'; readonly topic: Template; readonly roleName: string; readonly qos: 0 | 1 }

/** Copy with the first letter of every key in lower case: CloudFormation's spelling to the API's. */
export const camelKeys = (value: unknown): Readonly<Record<string, unknown>> => {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw invalid('TopicRulePayload must be an object')
  return camel(value) as Record<string, unknown>
}

const camel = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(camel)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [key.charAt(0).toLowerCase() + key.slice(1), camel(inner)]),
  )
}

/** Reads `{lambda|sqs|republish: {…}}`; throws InvalidRequestException naming what is wrong or not implemented. */
export const readAction = (given: unknown, where: string): RuleAction => {
  const entries = typeof given === 'object' && given !== null ? Object.entries(given) : []
  const [entry] = entries
  if (entries.length !== 1 || entry === undefined) throw invalid(`${where} must hold exactly one action`)
  const [kind, settings] = entry
  const at = `${where}.${kind}`
  if (typeof settings !== 'object' || settings === null) throw invalid(`${at} must be an object`)
  const config = settings as Readonly<Record<string, unknown>>
  switch (kind) {
    case 'lambda':
      only(config, ['functionArn'], at)
      return { kind, functionArn: template(config, 'functionArn', at) }
    case 'sqs': {
      only(config, ['queueUrl', 'roleArn', 'useBase64'], at)
      const queueUrl = template(config, 'queueUrl', at)
      if (queueUrl.source.endsWith('.fifo')) throw invalid(`${at}.queueUrl: rules cannot send to FIFO queues`)
      const useBase64 = config['useBase64'] === true || config['useBase64'] === 'true'
      return { kind, queueUrl, roleName: role(config, at), useBase64 }
    }
    case 'republish': {
      only(config, ['topic', 'roleArn', 'qos'], at)
      const qos = Number(config['qos'] ?? 0)
      if (qos !== 0 && qos !== 1)
        throw invalid(`${at}.qos must be 0 or 1; got ${JSON.stringify(config['qos'])}`)
      return { kind, topic: template(config, 'topic', at), roleName: role(config, at), qos }
    }
    default:
      throw invalid(
        `${where}: the action ${kind} is not implemented by the local cloud (lambda, sqs and republish are)`,
      )
  }
}

const only = (config: Readonly<Record<string, unknown>>, names: readonly string[], where: string): void => {
  for (const name of Object.keys(config))
    if (!names.includes(name)) throw invalid(`${where}.${name} is not implemented by the local cloud`)
}

const text = (config: Readonly<Record<string, unknown>>, name: string, where: string): string => {
  const value = config[name]
  if (typeof value !== 'string' || value === '') throw invalid(`${where}.${name} must be a string`)
  return value
}

const template = (config: Readonly<Record<string, unknown>>, name: string, where: string): Template => {
  try {
    return parseTemplate(text(config, name, where))
  } catch (error) {
    if (error instanceof SqlParseError) throw invalid(`${where}.${name}: ${error.message}`)
    throw error
  }
}

const role = (config: Readonly<Record<string, unknown>>, where: string): string => {
  const arn = text(config, 'roleArn', where)
  const name = roleNameOf(arn)
  if (name === undefined)
    throw invalid(`${where}.roleArn must be the ARN of an IAM role; got ${JSON.stringify(arn)}`)
  return name
}

const invalid = (message: string) => new AwsError('InvalidRequestException', message, 400)
