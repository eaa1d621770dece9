import {
  at,
  functions,
  handlerName,
  list,
  ofType,
  properties,
  type Rule,
  roleStatements,
  ruleTargets,
  type Template,
  target,
  text,
  topicRule,
} from './template.ts'

/** Functions that EventBridge or an IoT rule invokes: asynchronously, so that nobody waits for their outcome. */
export const asyncInvoked = (template: Template): ReadonlySet<string> =>
  new Set([
    ...ofType(template, 'AWS::Events::Rule').flatMap(([, rule]) =>
      ruleTargets(rule)
        .map(t => target(at(t, 'Arn')))
        .filter(id => template.Resources[id]?.Type === 'AWS::Lambda::Function'),
    ),
    ...ofType(template, 'AWS::IoT::TopicRule').flatMap(([, rule]) =>
      list(topicRule(rule)['Actions']).flatMap(a => {
        const arn = at(a, 'Lambda', 'FunctionArn')
        return arn === undefined ? [] : [target(arn)]
      }),
    ),
  ])

const perFunction =
  (complain: (f: Record<string, unknown>, id: string, template: Template) => string | false | undefined) =>
  (template: Template): string[] =>
    functions(template).flatMap(([id, f]) => {
      const complaint = complain(f, id, template)
      return complaint ? [`${id}: ${complaint}`] : []
    })
const some = (template: Template): Record<string, unknown> =>
  properties(template, 'RegisterModelLambdaFunction')

export const functionRules: readonly Rule[] = [
  {
    name: 'runs on nodejs24.x, arm64',
    check: perFunction(
      f =>
        (f['Runtime'] !== 'nodejs24.x' || text(list(f['Architectures'])) !== '["arm64"]') &&
        `${f['Runtime']} ${text(f['Architectures'])}`,
    ),
    spoil: t => {
      some(t)['Architectures'] = ['x86_64']
    },
  },
  {
    name: 'memory and timeout are set',
    check: perFunction(
      f =>
        !(Number(f['MemorySize']) >= 128 && Number(f['Timeout']) >= 1) &&
        `memory ${f['MemorySize']}, timeout ${f['Timeout']}`,
    ),
    spoil: t => {
      delete some(t)['Timeout']
    },
  },
  {
    name: 'tracing is active',
    check: perFunction(f => at(f, 'TracingConfig', 'Mode') !== 'Active' && 'no active tracing'),
    spoil: t => {
      some(t)['TracingConfig'] = { Mode: 'PassThrough' }
    },
  },
  {
    name: 'its own log group, with retention, made before it',
    check: perFunction((f, id, t) => {
      const groups = ofType(t, 'AWS::Logs::LogGroup')
      const group = groups.find(([, g]) => g['LogGroupName'] === `/aws/lambda/${f['FunctionName']}`)
      if (group === undefined) return 'no log group'
      if (!(Number(group[1]['RetentionInDays']) > 0)) return 'its log group keeps everything for ever'
      return !list(t.Resources[id]?.DependsOn).includes(group[0]) && 'does not depend on its log group'
    }),
    spoil: t => {
      delete properties(t, 'RegisterModelLogGroup')['RetentionInDays']
    },
  },
  {
    name: 'logs are JSON',
    check: perFunction(f => at(f, 'LoggingConfig', 'LogFormat') !== 'JSON' && 'LoggingConfig is not JSON'),
    spoil: t => {
      delete some(t)['LoggingConfig']
    },
  },
  {
    name: 'a role of its own that only Lambda may assume',
    check: perFunction((f, id, t) => {
      const role = target(f['Role'])
      if (t.Resources[role]?.Type !== 'AWS::IAM::Role')
        return `role ${text(f['Role'])} is not in the template`
      const others = functions(t).filter(([other, o]) => other !== id && target(o['Role']) === role)
      if (others.length > 0) return `shares ${role} with ${others.map(([other]) => other).join(', ')}`
      const trusted = list(at(properties(t, role), 'AssumeRolePolicyDocument', 'Statement')).map(s =>
        text(at(s, 'Principal')),
      )
      return String(trusted) !== '{"Service":"lambda.amazonaws.com"}' && `${role} trusts ${trusted}`
    }),
    spoil: t => {
      some(t)['Role'] = { 'Fn::GetAtt': ['ReconcileRole', 'Arn'] }
    },
  },
  {
    name: 'invoked asynchronously: an on-failure destination that its role may write to, age and retries explicit',
    check: template =>
      [...asyncInvoked(template)].flatMap(id => {
        const config = ofType(template, 'AWS::Lambda::EventInvokeConfig').find(
          ([, c]) => target(c['FunctionName']) === id,
        )?.[1]
        if (config === undefined) return [`${id}: no EventInvokeConfig`]
        const destination = at(config, 'DestinationConfig', 'OnFailure', 'Destination')
        const queue = target(destination)
        const problems = []
        if (template.Resources[queue]?.Type !== 'AWS::SQS::Queue') problems.push('no OnFailure destination')
        if (config['Qualifier'] !== '$LATEST') problems.push('the configuration is not of $LATEST')
        for (const key of ['MaximumRetryAttempts', 'MaximumEventAgeInSeconds'])
          if (typeof config[key] !== 'number') problems.push(`${key} is not set`)
        const role = target(properties(template, id)['Role'])
        const may = roleStatements(role, properties(template, role)).some(
          s => s.actions.includes('sqs:SendMessage') && s.resources.includes(text(destination)),
        )
        if (!may) problems.push(`${role} may not send to ${queue}`)
        return problems.map(p => `${id}: ${p}`)
      }),
    spoil: t => {
      delete properties(t, 'RegisterModelLambdaEvConf')['MaximumRetryAttempts']
    },
  },
  {
    name: 'redriving may invoke exactly the functions that are invoked asynchronously',
    check: t => {
      const role = target(functions(t).find(([id]) => handlerName(t, id) === 'ops-queues')?.[1]['Role'])
      const may = roleStatements(role, properties(t, role))
        .filter(s => s.actions.includes('lambda:InvokeFunction'))
        .flatMap(s => s.resources.map(target))
      const wanted = asyncInvoked(t)
      return [
        ...may.filter(id => !wanted.has(id)).map(id => `${role}: may invoke ${id}`),
        ...[...wanted].filter(id => !may.includes(id)).map(id => `${role}: may not invoke ${id}`),
      ]
    },
    spoil: t => {
      const { Policies } = properties(t, 'OpsQueuesRole')
      const statements = at(Policies, 0, 'PolicyDocument', 'Statement') as unknown[]
      const Resource = { 'Fn::GetAtt': ['OpsCommandLambdaFunction', 'Arn'] }
      statements.push({ Effect: 'Allow', Action: 'lambda:InvokeFunction', Resource })
    },
  },
]
