/** The template's wiring is the one that the code, its contracts and the other tests assume. */
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'
import { targetInput } from '../local/events/input.ts'
import { api, type OperationName, operations, routeKey } from '../src/contracts/api/index.ts'
import { eventContracts, forOperators, reviewsOpened } from '../src/contracts/events/index.ts'
import { uplinkKinds } from '../src/contracts/mqtt.ts'
import { commands } from '../src/domain/operators/commands.ts'
import { takers as takersOfDead } from '../src/domain/operators/dead-letters.ts'
import { questions } from '../src/domain/operators/questions.ts'
import { queueCommands, queueQuestions } from '../src/domain/operators/queues.ts'
import { checkTargets, queued, targets } from './loop/chain.ts'
import { codeOnly } from './source-text.ts'
import {
  at,
  functions,
  handlerName,
  list,
  ofType,
  policyStatements,
  properties,
  readTemplate,
  root,
  ruleTargets,
  target,
  text,
  topicRule,
} from './template-rules/template.ts'

const template = readTemplate()
const source = (file: string): string => readFileSync(new URL(file, root), 'utf8')

const takers = (queue: string): string[] =>
  ofType(template, 'AWS::Lambda::EventSourceMapping')
    .filter(([, m]) => target(m['EventSourceArn']) === queue)
    .map(([, m]) => handlerName(template, target(m['FunctionName'])))
const rules = ofType(template, 'AWS::Events::Rule').map(([id, rule]) => ({
  id,
  bus: target(rule['EventBusName']),
  pattern: rule['EventPattern'],
  schedule: rule['ScheduleExpression'],
  /** Of a target that is a queue: who takes from it. */
  handlers: ruleTargets(rule).flatMap(t => {
    const id = target(at(t, 'Arn'))
    const name = handlerName(template, id)
    return name === '' ? takers(id) : [name]
  }),
  queues: ruleTargets(rule)
    .map(t => target(at(t, 'Arn')))
    .filter(id => template.Resources[id]?.Type === 'AWS::SQS::Queue'),
}))
const sources = (rule: (typeof rules)[number]): string => list(at(rule.pattern, 'source')).join()
const types = (rule: (typeof rules)[number]): string[] => list(at(rule.pattern, 'detail-type')).map(String)

/** `[[key, handler], …]` as a map of sorted lists. */
const grouped = (pairs: readonly (readonly [string, string])[]): Record<string, string[]> =>
  Object.fromEntries(
    [...Map.groupBy(pairs, ([key]) => key)].map(([key, found]) => [key, found.map(([, h]) => h).sort()]),
  )
const sorted = (map: Readonly<Record<string, readonly string[]>>): Record<string, string[]> =>
  Object.fromEntries(Object.entries(map).map(([key, handlers]) => [key, [...handlers].sort()]))

describe('rules of the domain bus', () => {
  const all = rules.filter(r => sources(r) === 'edgeloop')
  // It only shows what others did.
  const watched = all.filter(r => r.handlers.join() === 'refresh-overview')
  const ours = all.filter(r => !watched.includes(r))
  const due = ours.filter(r => types(r).includes('CheckDue'))

  it('listen on the domain bus', () => {
    expect(ours.filter(r => r.bus !== 'DomainBus').map(r => r.id)).toEqual([])
  })
  it('bring every event type to the handlers that the loop’s tests bring it to', () => {
    const pairs = ours
      .filter(r => !due.includes(r))
      .flatMap(r => types(r).flatMap(type => r.handlers.map(h => [type, h] as const)))
    expect(grouped(pairs)).toEqual(sorted(targets))
  })
  it('bring them through a queue where the loop’s tests do', () => {
    const pairs = ours.flatMap(r => r.queues.flatMap(q => types(r).map(type => [type, q])))
    expect(Object.fromEntries(pairs)).toEqual(queued)
  })
  it('bring CheckDue by its kind', () => {
    const pairs = due.flatMap(r =>
      list(at(r.pattern, 'detail', 'data', 'kind')).flatMap(kind =>
        r.handlers.map(h => [String(kind), h] as const),
      ),
    )
    expect(grouped(pairs)).toEqual(sorted(checkTargets))
    expect(due.flatMap(types).every(type => type === 'CheckDue')).toBe(true)
  })
  it('every event has a consumer or is for operators, never both', () => {
    const consumed = new Set(ours.flatMap(types))
    expect([...consumed, ...forOperators].sort()).toEqual(eventContracts.map(c => c.type).sort())
  })
  it('make the overview anew on what changes it and is rare: not on each input, report or window', () => {
    const often = ['InputRejected', 'TrainingStarted', 'CompilationFailed']
    expect(watched).toHaveLength(1)
    expect(watched.flatMap(types)).toEqual(
      expect.arrayContaining(forOperators.filter(type => !often.includes(type))),
    )
    for (const type of [...often, 'DeviceReported', 'DeviceSilent', 'WindowClosed', 'CheckDue'])
      expect(watched.flatMap(types)).not.toContain(type)
  })
})

describe('the webhook', () => {
  const webhook = Object.entries(template.Resources).filter(([id]) => id.startsWith('ReviewWebhook'))
  const to = ruleTargets(properties(template, 'ReviewWebhookRule'))[0]
  it('is there with an address only, and no secret is in the template', () => {
    expect(webhook.map(([id, r]) => [id, r.Condition])).toEqual(
      ['Connection', 'Destination', 'Rule', 'Role'].map(part => [`ReviewWebhook${part}`, 'ReviewWebhook']),
    )
    expect(template.Conditions?.['ReviewWebhook']).toEqual({
      'Fn::Not': [{ 'Fn::Equals': [{ Ref: 'ReviewWebhookUrl' }, ''] }],
    })
    expect(template.Parameters['ReviewWebhookSecret']).toMatchObject({ NoEcho: true, Default: '' })
    const key = at(properties(template, 'ReviewWebhookConnection'), 'AuthParameters', 'ApiKeyAuthParameters')
    expect(at(key, 'ApiKeyValue')).toEqual({ Ref: 'ReviewWebhookSecret' })
  })
  it('takes https, and http to this machine only', () => {
    const pattern = new RegExp(`^(?:${String(template.Parameters['ReviewWebhookUrl']?.['AllowedPattern'])})$`)
    const urls = [
      'https://label.example.com/hooks/edgeloop?team=a',
      'http://127.0.0.1:8080/hook',
      'http://label.example.com/hook',
      'http://127.0.0.1.example.com/hook',
      'https://user:pass@label.example.com/hook',
      'https://label.example.com/*',
    ]
    expect(urls.map(url => pattern.test(url))).toEqual([true, true, false, false, false, false])
    expect(pattern.test('')).toBe(true)
  })
  it('says what docs/api.md says it does, and nothing of devices and samples', () => {
    const event = JSON.parse(source('events/40-request-labels-labels-requested.json')) as {
      readonly detail: { readonly metadata: object; readonly data: object }
    }
    const { metadata, data } = event.detail
    const opened = { ...event, detail: { metadata, data: { ...data, samples: 90 } } }
    const input = { Id: 'webhook', InputTransformer: at(to, 'InputTransformer') }
    const body = targetInput(input, opened, { ruleName: 'r', ruleArn: 'r', ingestionTime: '' })
    expect(JSON.parse(body)).toEqual({
      type: 'ReviewsOpened',
      ...{ id: at(metadata, 'id'), occurredAt: at(metadata, 'occurredAt') },
      ...{ ...data, samples: 90, reviews: `/v1/reviews?model=${at(data, 'model')}` },
    })
    const paths = Object.values(at(to, 'InputTransformer', 'InputPathsMap') as Record<string, string>)
    const fields = Object.keys(reviewsOpened.data.shape).map(field => `$.detail.data.${field}`)
    expect(paths.filter(path => path.startsWith('$.detail.data.')).sort()).toEqual(fields.sort())
  })
})

describe('rules of AWS’s own events', () => {
  const theirs = rules.filter(r => sources(r) !== 'edgeloop')
  it('listen on the default bus', () => {
    expect(theirs.filter(r => r.bus !== '').map(r => r.id)).toEqual([])
  })
  it('one per area of the drop bucket', () => {
    const drops = theirs.filter(r => sources(r) === 'aws.s3')
    expect(
      drops.map(r =>
        list(at(r.pattern, 'detail', 'bucket', 'name'))
          .map(target)
          .join(),
      ),
    ).toEqual(drops.map(() => 'DropBucket'))
    const pairs = drops.flatMap(r =>
      list(at(r.pattern, 'detail', 'object', 'key')).flatMap(k =>
        r.handlers.map(h => [String(at(k, 'prefix')), h] as const),
      ),
    )
    expect(grouped(pairs)).toEqual({
      'models/': ['register-model'],
      'datasets/': ['register-dataset'],
      'imports/': ['import-model'],
      'labels/': ['ingest-labels'],
      'devices/': ['allow-devices'],
      'trust/': ['publish-trust'],
    })
  })
  it('training jobs of this stage, and the clock', () => {
    const jobs = theirs.filter(r => sources(r) === 'aws.sagemaker')
    expect(jobs.map(r => r.handlers)).toEqual([['track-training']])
    expect(at(jobs[0]?.pattern, 'detail', 'TrainingJobName')).toEqual([{ prefix: 'edgeloop-dev-' }])
    const clock = theirs.filter(r => r.schedule !== undefined)
    expect(clock.map(r => [r.schedule, r.handlers])).toEqual([
      ['rate(1 minute)', ['reconcile']],
      ['rate(1 minute)', ['refresh-overview']],
    ])
    expect(theirs).toHaveLength(9)
  })
})

describe('device messages', () => {
  const topicRules = ofType(template, 'AWS::IoT::TopicRule').map(([, rule]) => topicRule(rule))
  const to = Object.fromEntries(
    topicRules.flatMap(rule => {
      const kind = /FROM 'edgeloop\/v1\/\+\/up\/([a-z]+)'/.exec(String(rule['Sql']))?.[1]
      if (kind === undefined) return []
      const [action] = list(rule['Actions'])
      const fn = at(action, 'Lambda', 'FunctionArn')
      return [[kind, fn ? handlerName(template, target(fn)) : target(at(action, 'Sqs', 'QueueUrl'))]]
    }),
  )
  it('every kind has a rule: what the device waits for to a function, the rest to a queue', () => {
    expect(to).toEqual({
      ask: 'answer-device',
      blob: 'serve-blob',
      predict: 'predict-in-cloud',
      hello: 'ReportsQueue',
      report: 'ReportsQueue',
      metrics: 'MetricsQueue',
      samples: 'SamplesQueue',
    })
    expect(Object.keys(to).sort()).toEqual([...uplinkKinds].sort())
  })
  it('a device may publish exactly these kinds', () => {
    const policy = template.Resources['DevicePolicy']
    const kinds = (policy ? policyStatements('DevicePolicy', policy) : [])
      .filter(s => s.actions.includes('iot:Publish'))
      .flatMap(s => s.resources.map(r => /\/up\/([a-z]+)$/.exec(r)?.[1]))
    expect(kinds.sort()).toEqual([...uplinkKinds].sort())
  })
  it('each queue feeds one function', () => {
    const pairs = ofType(template, 'AWS::Lambda::EventSourceMapping').map(
      ([, m]) => [target(m['EventSourceArn']), handlerName(template, target(m['FunctionName']))] as const,
    )
    expect(grouped(pairs)).toEqual({
      CompilationPolls: ['track-compilation'],
      ReportsQueue: ['ingest-reports'],
      MetricsQueue: ['ingest-metrics'],
      SamplesQueue: ['ingest-samples'],
      DecisionsQueue: ['advance-rollout'],
      RefusalsQueue: ['record-refusal'],
      StateTable: ['publish-outbox'],
    })
  })
})

it('a dead-letter queue’s messages are said to be of the function that takes from its source', () => {
  const pairs = ofType(template, 'AWS::SQS::Queue').flatMap(([id, queue]) => {
    const dead = target(at(queue, 'RedrivePolicy', 'deadLetterTargetArn'))
    const name = String(properties(template, dead)['QueueName']).replace('edgeloop-dev-', '')
    return dead === '' ? [] : [[name, takers(id).join()] as const]
  })
  expect(Object.fromEntries(pairs)).toEqual(takersOfDead)
})

describe('operators’ API', () => {
  it('has limits, of everybody together, that parameters set', () => {
    expect(at(properties(template, 'HttpApiStage'), 'DefaultRouteSettings')).toEqual({
      ThrottlingRateLimit: { Ref: 'ApiRequestsPerSecond' },
      ThrottlingBurstLimit: { Ref: 'ApiRequestBurst' },
    })
    const defaults = ['ApiRequestsPerSecond', 'ApiRequestBurst'].map(n => template.Parameters[n]?.['Default'])
    expect(defaults).toEqual([100, 200])
  })
  const declared = ofType(template, 'AWS::ApiGatewayV2::Route')
  it('has the routes that the code answers', () => {
    const answered = [questions, commands, queueQuestions, queueCommands]
      .flatMap(Object.keys)
      .map(name => routeKey(api[name as OperationName]))
    expect(declared.map(([, r]) => text(r['RouteKey'])).sort()).toEqual(answered.sort())
  })
  it.each(declared)('%s asks for a token with a scope', (_, route) => {
    expect(route['AuthorizationType']).toBe('JWT')
    expect(target(route['AuthorizerId'])).toBe('HttpApiAuthorizerOperators')
    const { scope } = operations.find(o => routeKey(o) === text(route['RouteKey']))!
    expect(list(route['AuthorizationScopes'])).toEqual([scope, `edgeloop/${scope}`])
  })
})

it('reading needs no right to change, and changing has a scope of its own', () => {
  for (const { method, scope, path } of operations)
    if (method === 'GET') expect(['fleet:read', 'labels:write', 'queues:write'], path).toContain(scope)
    else expect(scope, path).toMatch(/:(write|approve)$/)
  const approving = operations.filter(o => o.scope.endsWith(':approve')).map(o => o.id)
  expect(approving.sort()).toEqual(['approveRollout', 'resetBreaker'])
})

/** Variables that `src/runtime/lambda.ts` and the libraries read in every function. */
const COMMON = ['TABLE', 'POWERTOOLS_SERVICE_NAME', 'POWERTOOLS_METRICS_NAMESPACE', 'NODE_OPTIONS']

describe('functions', () => {
  const all = functions(template).map(([id, f]) => ({ id, f, name: handlerName(template, id) }))
  it.each(all)('$name gets exactly the variables that it parses', ({ name, f }) => {
    const code = codeOnly(source(`src/handlers/${name}.ts`))
    const shape = /\blambda\(\s*\{([^}]*)\}/.exec(code)?.[1]
    const parsed = [...(shape ?? 'no shape: ').matchAll(/(\w+)\s*:/g)].map(m => m[1] ?? '')
    const given = Object.keys(at(f, 'Environment', 'Variables') as object)
    expect(given.sort()).toEqual([...COMMON, ...parsed].sort())
  })

  const declared = (parse(source('serverless.yml'), { logLevel: 'silent' }) as { functions: object })
    .functions
  it('are declared with memory and timeout of their own, not the packager’s defaults', () => {
    const silent = Object.entries(declared).filter(
      ([, f]) => typeof f.memorySize !== 'number' || typeof f.timeout !== 'number',
    )
    expect(silent.map(([name]) => name)).toEqual([])
    expect(Object.keys(declared)).toHaveLength(all.length)
  })
})
