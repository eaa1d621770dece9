/** What the loop runs on: bus, rules, functions, queues, the training image. */
import { EventBridgeClient, ListEventBusesCommand, ListRulesCommand } from '@aws-sdk/client-eventbridge'
import { type FunctionConfiguration, LambdaClient, paginateListFunctions } from '@aws-sdk/client-lambda'
import { GetQueueAttributesCommand, GetQueueUrlCommand, SQSClient } from '@aws-sdk/client-sqs'
import { type Check, deployFix, fail, few, ifThere, type Look, ok, warn } from './check.ts'

const rulesRunbook = (names: readonly string[], bus: string): string =>
  names.map(
    name => `aws events enable-rule --name ${name}${bus === 'default' ? '' : ` --event-bus-name ${bus}`}`,
  )[0] ?? ''

async function functionsOf({ config, expected }: Look): Promise<ReadonlyMap<string, FunctionConfiguration>> {
  const client = new LambdaClient({ ...config })
  try {
    const found = new Map<string, FunctionConfiguration>()
    for await (const { Functions = [] } of paginateListFunctions({ client }, {}))
      for (const each of Functions)
        if (each.FunctionName !== undefined && expected.functions.includes(each.FunctionName))
          found.set(each.FunctionName, each)
    return found
  } finally {
    client.destroy()
  }
}

async function bus(look: Look) {
  const client = new EventBridgeClient({ ...look.config })
  const name = `edgeloop-${look.stage}`
  try {
    const { EventBuses = [] } = await client.send(new ListEventBusesCommand({ NamePrefix: name }))
    return EventBuses.some(b => b.Name === name)
      ? ok(`bus ${name}`)
      : fail(`there is no event bus ${name}: no step of the loop hears of the one before it`, deployFix(look))
  } finally {
    client.destroy()
  }
}

async function rulesOn(client: EventBridgeClient, EventBusName: string, NamePrefix: string) {
  const states = new Map<string, string>()
  let NextToken: string | undefined
  do {
    const page = await client.send(new ListRulesCommand({ EventBusName, NamePrefix, NextToken }))
    for (const { Name = '', State = '' } of page.Rules ?? []) states.set(Name, State)
    NextToken = page.NextToken
  } while (NextToken !== undefined)
  return states
}

async function rules(look: Look) {
  const client = new EventBridgeClient({ ...look.config })
  const domain = `edgeloop-${look.stage}`
  try {
    for (const [EventBusName, wanted] of [
      ['default', look.expected.rules.default],
      [domain, look.expected.rules.domain],
    ] as const) {
      const states = await rulesOn(client, EventBusName, domain)
      const missing = wanted.filter(name => !states.has(name))
      if (missing.length > 0)
        return fail(`rules are missing on the bus ${EventBusName}: ${few(missing)}`, deployFix(look))
      const off = wanted.filter(name => states.get(name) !== 'ENABLED')
      if (off.length > 0)
        return fail(
          `rules are switched off on the bus ${EventBusName}: ${few(off)}; what they start stands still`,
          rulesRunbook(off, EventBusName),
        )
    }
    const { default: own, domain: other } = look.expected.rules
    return ok(`${own.length + other.length} rules, all on`)
  } finally {
    client.destroy()
  }
}

async function functions(look: Look) {
  const found = await functionsOf(look)
  const missing = look.expected.functions.filter(name => !found.has(name))
  if (missing.length > 0) return fail(`functions are missing: ${few(missing)}`, deployFix(look))
  const bad = [...found.values()].filter(
    f => f.State !== undefined && !['Active', 'Inactive'].includes(f.State),
  )
  if (bad.length > 0)
    return fail(
      `functions do not run: ${few(bad.map(f => `${f.FunctionName} is ${f.State}${f.StateReason ? ` (${f.StateReason})` : ''}`))}`,
      deployFix(look),
    )
  return ok(`${found.size} functions`)
}

async function trainingImage(look: Look) {
  const name = `edgeloop-${look.stage}-start-training`
  const image = (await functionsOf(look)).get(name)?.Environment?.Variables?.['TRAINING_IMAGE']
  return image
    ? ok(`training image ${image}`)
    : fail(
        'no training image is set: nothing can be trained',
        'push trainer/Dockerfile to ECR and deploy with --param trainingImage=URI (docs/deploy.md)',
      )
}

async function queues(look: Look) {
  const client = new SQSClient({ ...look.config, useQueueUrlAsEndpoint: false })
  try {
    const depths = await Promise.all(
      look.expected.queues.map(async QueueName => {
        const found = await ifThere(() => client.send(new GetQueueUrlCommand({ QueueName })))
        if (found?.QueueUrl === undefined) return { QueueName, waiting: undefined }
        const { Attributes = {} } = await client.send(
          new GetQueueAttributesCommand({
            QueueUrl: found.QueueUrl,
            AttributeNames: ['ApproximateNumberOfMessages'],
          }),
        )
        return { QueueName, waiting: Number(Attributes['ApproximateNumberOfMessages'] ?? 0) }
      }),
    )
    const missing = depths.filter(d => d.waiting === undefined).map(d => d.QueueName)
    if (missing.length > 0) return fail(`queues are missing: ${few(missing)}`, deployFix(look))
    const dead = depths.filter(d => look.expected.deadQueues.includes(d.QueueName) && (d.waiting ?? 0) > 0)
    if (dead.length > 0)
      return warn(
        `failures wait to be looked at: ${few(dead.map(d => `${d.waiting} in ${d.QueueName}`))}`,
        'docs/runbooks/dead-letters.md',
      )
    return ok(`${depths.length} queues, and nothing in those for failures`)
  } finally {
    client.destroy()
  }
}

export const flowChecks: readonly Check[] = [
  { id: 'bus', needs: ['drop bucket'], run: bus },
  { id: 'rules', needs: ['bus'], run: rules },
  { id: 'functions', needs: ['drop bucket'], run: functions },
  { id: 'training image', needs: ['functions'], run: trainingImage },
  { id: 'queues', needs: ['drop bucket'], run: queues },
]
