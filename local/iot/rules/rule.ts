import { AwsError, type Realm } from '../../core/types.ts'
import { iotArn } from '../arns.ts'
import { SqlParseError, type Statement } from '../sql/ast.ts'
import { parseStatement } from '../sql/parser.ts'
import { compileTopicFilter } from '../topics.ts'
import { camelKeys, type RuleAction, readAction } from './action-config.ts'

/** A topic rule, checked and compiled. */
export interface TopicRule {
  readonly name: string
  readonly arn: string
  readonly disabled: boolean
  readonly statement: Statement
  /** Whether a topic of the message broker triggers it; never true for a rule without FROM. */
  readonly matches: (topic: string) => boolean
  readonly actions: readonly RuleAction[]
  readonly errorAction?: RuleAction
  readonly createdAt: number
  /** `rule` of GetTopicRule, in the API's own spelling. */
  readonly description: Readonly<Record<string, unknown>>
}

const NAME = /^[a-zA-Z0-9_]{1,128}$/
const MAX_ACTIONS = 10

/**
 * Compiles the properties of AWS::IoT::TopicRule. Throws SqlParseException for a statement that AWS or the local
 * cloud does not know, InvalidRequestException for anything else, each naming the property.
 */
export const compileRule = (
  realm: Realm,
  properties: { readonly RuleName: string; readonly TopicRulePayload: Readonly<Record<string, unknown>> },
): TopicRule => {
  const name = properties.RuleName
  if (typeof name !== 'string' || !NAME.test(name))
    throw invalid(`RuleName must match ${NAME.source}; got ${JSON.stringify(name)}`)
  const payload = camelKeys(properties.TopicRulePayload)
  const sql = payload['sql']
  if (typeof sql !== 'string') throw invalid(`rule ${name}: TopicRulePayload.Sql is required`)
  checkVersion(name, payload['awsIotSqlVersion'])
  const { actions: given } = payload
  if (!Array.isArray(given) || given.length === 0 || given.length > MAX_ACTIONS)
    throw invalid(`rule ${name}: TopicRulePayload.Actions must be a list of 1 to ${MAX_ACTIONS} actions`)
  return withSqlErrors(name, () => {
    const statement = parseStatement(sql)
    if (statement.from?.startsWith('$aws/rules/'))
      throw new SqlParseError('a rule cannot select from Basic Ingest topics ($aws/rules/…)', 0)
    const errorAction = payload['errorAction']
    const createdAt = realm.now().getTime()
    const disabled = isTrue(payload['ruleDisabled'])
    return {
      name,
      arn: iotArn(realm, 'rule', name),
      disabled,
      statement,
      matches: statement.from === undefined ? () => false : compileTopicFilter(statement.from),
      actions: given.map((action, at) => readAction(action, `rule ${name}: Actions[${at}]`)),
      ...(errorAction === undefined || errorAction === null
        ? {}
        : { errorAction: readAction(errorAction, `rule ${name}: ErrorAction`) }),
      createdAt,
      description: { ...payload, ruleName: name, ruleDisabled: disabled, createdAt: createdAt / 1000 },
    }
  })
}

// AWS takes 2015-10-08 when a rule names no version, and that one treats arrays, binary payloads and numbers
// otherwise: better refused here than found out after the deployment.
const checkVersion = (name: string, version: unknown): void => {
  if (version === '2016-03-23') return
  const given = version === undefined ? 'none, which AWS takes as 2015-10-08' : JSON.stringify(version)
  throw new AwsError(
    'SqlParseException',
    `rule ${name}: AwsIotSqlVersion must be "2016-03-23", the version that the local cloud implements; got ${given}`,
    400,
  )
}

const withSqlErrors = <T>(name: string, compile: () => T): T => {
  try {
    return compile()
  } catch (error) {
    if (error instanceof SqlParseError)
      throw new AwsError('SqlParseException', `rule ${name}: ${error.message}`, 400)
    throw error
  }
}

const isTrue = (value: unknown): boolean => value === true || value === 'true'
const invalid = (message: string) => new AwsError('InvalidRequestException', message, 400)
