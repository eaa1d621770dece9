/** What a deployed stack consists of, by serverless.yml and infra/, from which it is deployed. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parse } from 'yaml'

const root = fileURLToPath(new URL('../../../', import.meta.url))

export interface Expected {
  /** Functions by their deployed name. */
  readonly functions: readonly string[]
  readonly rules: { readonly default: readonly string[]; readonly domain: readonly string[] }
  readonly topicRules: readonly string[]
  readonly queues: readonly string[]
  /** Where what could not be handled ends. */
  readonly deadQueues: readonly string[]
}
type Json = Readonly<Record<string, unknown>>

/** Tags such as !Ref leave their text behind, which is enough for names. */
const read = (file: string, stage: string): Json =>
  parse(
    readFileSync(join(root, file), 'utf8')
      .replaceAll(/\$\{self:service\}/g, 'edgeloop')
      .replaceAll(/\$\{sls:stage\}/g, stage),
    { logLevel: 'silent', merge: true },
  ) as Json

export function expectedOf(stage: string): Expected {
  const functions = Object.values(read('serverless.yml', stage)['functions'] as Record<string, Json>)
  const resources = globSync('infra/*.yml', { cwd: root }).flatMap(file =>
    Object.values((read(file, stage)['Resources'] ?? {}) as Record<string, Json>),
  )
  // What a condition makes is there only when somebody asked for it.
  const of = (type: string): Json[] =>
    resources
      .filter(r => r['Type'] === type && r['Condition'] === undefined)
      .map(r => r['Properties'] as Json)
  const rules = [...functions.flatMap(rulesOf), ...of('AWS::Events::Rule').map(ownRule)]
  const queues = of('AWS::SQS::Queue').map(q => String(q['QueueName']))
  return {
    functions: functions.map(f => String(f['name'])),
    rules: {
      default: rules.filter(r => !r.domain).map(r => r.name),
      domain: rules.filter(r => r.domain).map(r => r.name),
    },
    topicRules: of('AWS::IoT::TopicRule').map(r => String(r['RuleName'])),
    queues,
    deadQueues: queues.filter(name => /-(dead|undelivered|failures)$/.test(name)),
  }
}

/** As the framework names them: by the place of the event among the function's. */
function rulesOf({ name, events }: Json): { name: string; domain: boolean }[] {
  // Those of the API are in a file of their own, and are no rules.
  if (!Array.isArray(events)) return []
  return (events as Json[]).flatMap((event, i) => {
    const rule = event['eventBridge'] as Json | undefined
    return rule === undefined
      ? []
      : [{ name: `${String(name)}-rule-${i + 1}`, domain: rule['eventBus'] !== undefined }]
  })
}
const ownRule = ({ Name, EventBusName }: Json) => ({
  name: String(Name),
  domain: EventBusName !== undefined,
})
