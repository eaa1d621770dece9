import {
  at,
  list,
  ofType,
  policyStatements,
  properties,
  type Rule,
  roleStatements,
  ruleTargets,
  type Template,
  target,
  text,
  topicRule,
} from './template.ts'

const mappings = (template: Template, source: string) =>
  ofType(template, 'AWS::Lambda::EventSourceMapping').filter(
    ([, m]) => template.Resources[target(m['EventSourceArn'])]?.Type === source,
  )
const dead = (queue: Record<string, unknown>): string =>
  target(at(queue, 'RedrivePolicy', 'deadLetterTargetArn'))
const retention = (queue: Record<string, unknown>): number =>
  Number(queue['MessageRetentionPeriod'] ?? 345_600)

/** Queues where failures land, with what sends them there. */
export function landings(template: Template): ReadonlyMap<string, readonly string[]> {
  const sources = [
    ...ofType(template, 'AWS::SQS::Queue').map(([id, q]) => [dead(q), id]),
    ...ofType(template, 'AWS::Lambda::EventInvokeConfig').map(([id, c]) => [
      target(at(c, 'DestinationConfig', 'OnFailure', 'Destination')),
      id,
    ]),
    ...ofType(template, 'AWS::Lambda::EventSourceMapping').map(([id, m]) => [
      target(at(m, 'DestinationConfig', 'OnFailure', 'Destination')),
      id,
    ]),
    ...ofType(template, 'AWS::Events::Rule').flatMap(([id, r]) =>
      ruleTargets(r).map(t => [target(at(t, 'DeadLetterConfig', 'Arn')), id]),
    ),
  ] as [string, string][]
  return new Map(
    [...Map.groupBy(sources, ([queue]) => queue)]
      .filter(([queue]) => queue !== '')
      .map(([queue, from]) => [queue, from.map(([, id]) => id)]),
  )
}

export const deliveryRules: readonly Rule[] = [
  {
    name: 'SQS mapping: partial failures, visibility of at least six timeouts, a redrive policy',
    check: t =>
      mappings(t, 'AWS::SQS::Queue').flatMap(([id, mapping]) => {
        const queue = properties(t, target(mapping['EventSourceArn']))
        const timeout = Number(properties(t, target(mapping['FunctionName']))['Timeout'])
        const problems = []
        if (!list(mapping['FunctionResponseTypes']).includes('ReportBatchItemFailures'))
          problems.push('one bad record fails its whole batch')
        if (!(Number(queue['VisibilityTimeout']) >= 6 * timeout))
          problems.push(`visibility ${queue['VisibilityTimeout']} s is under 6 × ${timeout} s`)
        if (dead(queue) === '') problems.push('its queue has no redrive policy')
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      properties(t, 'SamplesQueue')['VisibilityTimeout'] = 30
    },
  },
  {
    name: 'stream mapping: on-failure destination, bisection, bounded retries, partial failures',
    check: t =>
      mappings(t, 'AWS::DynamoDB::Table').flatMap(([id, m]) => {
        const problems = []
        if (target(at(m, 'DestinationConfig', 'OnFailure', 'Destination')) === '')
          problems.push('no on-failure destination')
        if (m['BisectBatchOnFunctionError'] !== true) problems.push('no bisection')
        if (!(Number(m['MaximumRetryAttempts']) >= 0)) problems.push('retries for ever')
        if (!list(m['FunctionResponseTypes']).includes('ReportBatchItemFailures'))
          problems.push('no partial failures')
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      delete properties(t, 'PublishOutboxEventSourceMappingDynamodbStateTable')['MaximumRetryAttempts']
    },
  },
  {
    name: 'rule target: dead-letter queue that EventBridge may write to, explicit retries, right to invoke or to send',
    check: t =>
      ofType(t, 'AWS::Events::Rule').flatMap(([id, rule]) =>
        ruleTargets(rule).flatMap(to => {
          const problems = []
          const arn = at(to, 'DeadLetterConfig', 'Arn')
          if (arn === undefined) problems.push('no DeadLetterConfig')
          else if (!eventBridgeMayWrite(t, target(arn)))
            problems.push(`no queue policy lets events.amazonaws.com write to ${target(arn)}`)
          for (const key of ['MaximumRetryAttempts', 'MaximumEventAgeInSeconds'])
            if (typeof at(to, 'RetryPolicy', key) !== 'number') problems.push(`RetryPolicy.${key} is not set`)
          const queue = target(at(to, 'Arn'))
          const type = t.Resources[queue]?.Type
          const allowed =
            type === 'AWS::SQS::Queue'
              ? eventBridgeMayWrite(t, queue, id)
              : type === 'AWS::Events::ApiDestination'
                ? roleMayCall(t, target(at(to, 'RoleArn')), queue)
                : ofType(t, 'AWS::Lambda::Permission').some(
                    ([, p]) =>
                      p['Principal'] === 'events.amazonaws.com' &&
                      text(p['FunctionName']) === text(at(to, 'Arn')) &&
                      text(p['SourceArn']).endsWith(`/${rule['Name']}`),
                  )
          if (!allowed) problems.push('it may not reach its target')
          return problems.map(p => `${id}: ${p}`)
        }),
      ),
    spoil: t => {
      delete t.Resources['UndeliveredQueuePolicy']
    },
  },
  {
    name: 'queue: a redrive policy, or failures land in it and stay for 14 days; encrypted',
    check: t => {
      const landing = landings(t)
      return ofType(t, 'AWS::SQS::Queue').flatMap(([id, queue]) => {
        const problems = []
        if (queue['SqsManagedSseEnabled'] !== true && queue['KmsMasterKeyId'] === undefined)
          problems.push('not encrypted')
        if (landing.has(id)) {
          if (retention(queue) !== 1_209_600) problems.push('failures are kept for less than 14 days')
        } else if (dead(queue) === '') problems.push('no redrive policy, and nothing fails into it')
        else if (retention(properties(t, dead(queue))) < retention(queue))
          problems.push('its dead letters expire before its messages')
        return problems.map(p => `${id}: ${p}`)
      })
    },
    spoil: t => {
      delete properties(t, 'ReportsQueue')['RedrivePolicy']
    },
  },
  {
    name: 'every place where failures land has a depth alarm',
    check: t =>
      [...landings(t).keys()].flatMap(queue => {
        const alarm = ofType(t, 'AWS::CloudWatch::Alarm').find(
          ([, a]) =>
            a['MetricName'] === 'ApproximateNumberOfMessagesVisible' &&
            a['Namespace'] === 'AWS/SQS' &&
            list(a['Dimensions']).some(d => target(at(d, 'Value')) === queue) &&
            a['ComparisonOperator'] === 'GreaterThanThreshold' &&
            a['Threshold'] === 0,
        )
        return alarm === undefined ? [`${queue}: no alarm on its depth`] : []
      }),
    spoil: t => {
      delete t.Resources['MetricsQueueDeadAlarm']
    },
  },
  {
    name: 'every place where failures land is one that operators can look into and redrive',
    check: t => {
      const queues = at(properties(t, 'OpsQueuesLambdaFunction'), 'Environment', 'Variables', 'QUEUES')
      const known = text(queues).split(',').map(target)
      return [...landings(t).keys()].filter(id => !known.includes(id)).map(id => `${id}: not in QUEUES`)
    },
    spoil: t => {
      const environment = at(properties(t, 'OpsQueuesLambdaFunction'), 'Environment', 'Variables')
      const queues = environment as { QUEUES: unknown }
      queues.QUEUES = { 'Fn::Join': [',', [{ Ref: 'FailuresQueue' }, { Ref: 'ReportsQueueDead' }]] }
    },
  },
  {
    name: 'alarm: an action',
    check: t =>
      ofType(t, 'AWS::CloudWatch::Alarm').flatMap(([id, alarm]) => {
        const problems = []
        const actions = list(alarm['AlarmActions']).map(target)
        if (!actions.some(a => t.Resources[a]?.Type === 'AWS::SNS::Topic')) problems.push('tells nobody')
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      properties(t, 'FailuresQueueAlarm')['AlarmActions'] = []
    },
  },
  {
    name: 'IoT rule: an error action, rights of its role on every queue, right to invoke its functions',
    check: t =>
      ofType(t, 'AWS::IoT::TopicRule').flatMap(([id, rule]) => {
        const { Actions, ErrorAction } = topicRule(rule)
        const problems = []
        if (ErrorAction === undefined) problems.push('no ErrorAction')
        for (const action of [...list(Actions), ...list(ErrorAction)]) {
          const sqs = at(action, 'Sqs')
          const lambda = at(action, 'Lambda', 'FunctionArn')
          if (sqs !== undefined && !roleMaySend(t, target(at(sqs, 'RoleArn')), target(at(sqs, 'QueueUrl'))))
            problems.push(`${target(at(sqs, 'RoleArn'))} may not send to ${target(at(sqs, 'QueueUrl'))}`)
          if (lambda !== undefined && !iotMayInvoke(t, id, text(lambda)))
            problems.push(`it may not invoke ${target(lambda)}`)
          if (sqs === undefined && lambda === undefined) problems.push('an action that no rule here knows')
        }
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      delete topicRule(properties(t, 'BlobRule'))['ErrorAction']
    },
  },
]

/** By any rule, or by this one alone. */
const eventBridgeMayWrite = (t: Template, queue: string, rule?: string): boolean =>
  Object.entries(t.Resources)
    .filter(
      ([, r]) =>
        r.Type === 'AWS::SQS::QueuePolicy' && list(r.Properties['Queues']).map(target).includes(queue),
    )
    .flatMap(([id, r]) => policyStatements(id, r))
    .some(
      s =>
        s.effect === 'Allow' &&
        at(s.principal, 'Service') === 'events.amazonaws.com' &&
        s.actions.includes('sqs:SendMessage') &&
        s.resources.includes(`\${${queue}.Arn}`) &&
        (rule === undefined
          ? text(at(s.condition, 'ArnLike', 'aws:SourceArn')).endsWith(':rule/*')
          : target(at(s.condition, 'ArnEquals', 'aws:SourceArn')) === rule),
    )

const roleMaySend = (t: Template, role: string, queue: string): boolean =>
  roleStatements(role, properties(t, role)).some(
    s => s.actions.includes('sqs:SendMessage') && s.resources.includes(`\${${queue}.Arn}`),
  )

/** This destination and nothing else, as EventBridge and nobody else. */
const roleMayCall = (t: Template, role: string, destination: string): boolean => {
  const granted = roleStatements(role, properties(t, role))
  const trust = list(at(properties(t, role), 'AssumeRolePolicyDocument', 'Statement'))
  return (
    granted.length === 1 &&
    String(granted[0]?.actions) === 'events:InvokeApiDestination' &&
    String(granted[0]?.resources) === `\${${destination}.Arn}` &&
    trust.length === 1 &&
    at(trust[0], 'Principal', 'Service') === 'events.amazonaws.com'
  )
}

const iotMayInvoke = (t: Template, rule: string, functionArn: string): boolean =>
  ofType(t, 'AWS::Lambda::Permission').some(
    ([, p]) =>
      p['Principal'] === 'iot.amazonaws.com' &&
      text(p['FunctionName']) === functionArn &&
      text(p['SourceArn']) === `\${${rule}.Arn}` &&
      at(p['SourceAccount'], 'Ref') === 'AWS::AccountId',
  )
