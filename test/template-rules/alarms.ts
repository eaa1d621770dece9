import { existsSync, readFileSync } from 'node:fs'
import { counterNames, gaugeUnits } from '../../src/domain/ports.ts'
import {
  at,
  functions,
  list,
  ofType,
  properties,
  type Rule,
  root,
  type Template,
  target,
  text,
} from './template.ts'

/** CloudWatch's own bounds of an alarm on metric math, and CloudFormation's of a template. */
const MOST_METRICS = 10
const MOST_RESOURCES = 500

interface Metric {
  readonly id: string
  readonly namespace: string
  readonly name: string
  /** Name and text of the value: `FunctionName=${ReconcileLambdaFunction}`. */
  readonly dimensions: readonly string[]
  readonly stat: string
  readonly period: number
}
export interface Alarm {
  readonly id: string
  readonly name: string
  readonly properties: Record<string, unknown>
  readonly metrics: readonly Metric[]
  readonly expression: string | undefined
}

const dimensionsOf = (of: unknown): string[] =>
  list(at(of, 'Dimensions')).map(d => `${at(d, 'Name')}=${text(at(d, 'Value'))}`)

/** Every alarm on metrics, single or by math. */
export const alarms = (t: Template): Alarm[] =>
  ofType(t, 'AWS::CloudWatch::Alarm').map(([id, p]) => {
    const queries = list(p['Metrics'])
    const watched = queries.find(q => at(q, 'Expression') !== undefined)
    return {
      id,
      name: nameOf(t, p),
      properties: p,
      expression: watched === undefined ? undefined : text(at(watched, 'Expression')),
      metrics:
        queries.length === 0
          ? [
              {
                id: '',
                namespace: text(p['Namespace']),
                name: text(p['MetricName']),
                dimensions: dimensionsOf(p),
                stat: text(p['Statistic'] ?? p['ExtendedStatistic']),
                period: Number(p['Period']),
              },
            ]
          : queries.flatMap(q => {
              const stat = at(q, 'MetricStat')
              if (stat === undefined) return []
              return [
                {
                  id: text(at(q, 'Id')),
                  namespace: text(at(stat, 'Metric', 'Namespace')),
                  name: text(at(stat, 'Metric', 'MetricName')),
                  dimensions: dimensionsOf(at(stat, 'Metric')),
                  stat: text(at(stat, 'Stat')),
                  period: Number(at(stat, 'Period')),
                },
              ]
            }),
    }
  })

/** With the names of queues put in: `edgeloop-dev-reports-dead-not-empty`. */
const nameOf = (t: Template, p: Record<string, unknown>): string =>
  text(p['AlarmName']).replaceAll(/\$\{(\w+)\.QueueName\}/g, (_, queue: string) =>
    text(properties(t, queue)['QueueName']),
  )
/** As runbooks write it: without service and stage. */
export const shortName = (name: string): string => name.replace(/^edgeloop-dev-/, '')
const described = (p: Record<string, unknown>): string => text(p['AlarmDescription'] ?? '')
export const runbookOf = (p: Record<string, unknown>): string | undefined =>
  /Runbook: (docs\/runbooks\/[a-z0-9-]+\.md)$/.exec(described(p))?.[1]

const everyAlarm = (t: Template): { id: string; name: string; properties: Record<string, unknown> }[] => [
  ...alarms(t),
  ...ofType(t, 'AWS::CloudWatch::CompositeAlarm').map(([id, p]) => ({
    id,
    name: nameOf(t, p),
    properties: p,
  })),
]
const composite = (t: Template): string =>
  ofType(t, 'AWS::CloudWatch::CompositeAlarm')
    .map(([, p]) => text(p['AlarmRule']))
    .join()

const ofFunction = (id: string): string => `FunctionName=\${${id}}`

export const alarmRules: readonly Rule[] = [
  {
    name: 'every function: an alarm on more than 1 % errors of its own, if there are at least two',
    check: t =>
      functions(t).flatMap(([id]) => {
        const found = alarms(t).some(({ metrics, expression = '', properties: p }) => {
          const by = (name: string): string | undefined =>
            metrics.find(m => m.name === name && m.stat === 'Sum' && m.dimensions.join() === ofFunction(id))
              ?.id
          const [e, i] = [by('Errors'), by('Invocations')]
          return (
            e !== undefined &&
            i !== undefined &&
            expression.includes(`IF(FILL(${e},0) > 1, 100*${e}/${i}, 0)`) &&
            p['Threshold'] === 1
          )
        })
        return found ? [] : [`${id}: no alarm on its errors; add it to a group in infra/alarms.yml`]
      }),
    spoil: t => {
      delete t.Resources['ErrorsCoreAlarm']
    },
  },
  {
    name: 'every function: an alarm on a p99 of 80 % of its own timeout',
    check: t =>
      functions(t).flatMap(([id, f]) => {
        const own = alarms(t).find(({ metrics }) =>
          metrics.some(
            m => m.name === 'Duration' && m.stat === 'p99' && m.dimensions.join() === ofFunction(id),
          ),
        )
        const wanted = Number(f['Timeout']) * 800
        if (own === undefined) return [`${id}: no alarm on its duration; add it to infra/alarms.yml`]
        return own.properties['Threshold'] === wanted && own.expression === 'MAX(METRICS())'
          ? []
          : [`${id}: ${own.id} watches for ${own.properties['Threshold']} ms, not ${wanted}`]
      }),
    spoil: t => {
      properties(t, 'ReconcileLambdaFunction')['Timeout'] = 45
    },
  },
  {
    name: 'alarm on math: at most ten metrics, one of which is watched, all of which are used',
    check: t =>
      alarms(t).flatMap(({ id, metrics, expression, properties: p }) => {
        if (expression === undefined) return []
        const problems = []
        if (metrics.length > MOST_METRICS) problems.push(`${metrics.length} metrics`)
        if (list(p['Metrics']).filter(q => at(q, 'ReturnData') !== false).length !== 1)
          problems.push('not one watched')
        if (new Set(metrics.map(m => m.period)).size !== 1) problems.push('periods differ')
        if (!expression.includes('METRICS()'))
          for (const m of metrics)
            if (!new RegExp(`\\b${m.id}\\b`).test(expression)) problems.push(`${m.id} is not used`)
        if (/SEARCH\(/.test(expression)) problems.push('SEARCH')
        return problems.map(problem => `${id}: ${problem}`)
      }),
    spoil: t => {
      const metrics = at(properties(t, 'ErrorsCoreAlarm'), 'Metrics') as { Expression?: string }[]
      const [watched] = metrics
      if (watched) watched.Expression = 'MAX([e1])'
    },
  },
  {
    name: 'own metric: one that the code sends, with the dimension it sends',
    check: t => {
      const known: readonly string[] = [...counterNames, ...Object.keys(gaugeUnits)]
      return alarms(t).flatMap(({ id, metrics }) =>
        metrics
          .filter(m => m.namespace === 'Edgeloop')
          .filter(m => !known.includes(m.name) || m.dimensions.join() !== 'service=edgeloop-dev')
          .map(m => `${id}: ${m.name} ${m.dimensions}`),
      )
    },
    spoil: t => {
      properties(t, 'OutboxAlarm')['MetricName'] = 'OutboxAges'
    },
  },
  {
    name: 'alarm: severity, action and a runbook that names it',
    check: t =>
      everyAlarm(t).flatMap(({ id, name, properties: p }) => {
        const runbook = runbookOf(p)
        const problems = []
        if (!/^(Page|Ticket)\. [A-Z].*\. Do: .*\. Runbook: /.test(described(p)))
          problems.push(`its description is not "Page|Ticket. WHAT. Do: ACTION. Runbook: FILE"`)
        if (runbook === undefined || !existsSync(new URL(runbook, root)))
          problems.push(`${runbook} does not exist`)
        else if (!readFileSync(new URL(runbook, root), 'utf8').includes(shortName(name)))
          problems.push(`${runbook} does not mention ${shortName(name)}`)
        return problems.map(problem => `${id}: ${problem}`)
      }),
    spoil: t => {
      properties(t, 'ReconcilerAlarm')['AlarmName'] = 'edgeloop-dev-no-runbook-knows-this'
    },
  },
  {
    name: 'docs/operations.md names every alarm on the line of its level, and every metric of ours',
    check: t => {
      const lines = readFileSync(new URL('docs/operations.md', root), 'utf8').split('\n')
      const told = (name: string, level: string): boolean =>
        lines.some(line => line.includes(`\`${name}\``) && line.endsWith(`| ${level} |`))
      const level = (p: Record<string, unknown>): string => described(p).split('.')[0]?.toLowerCase() ?? ''
      return [
        ...alarms(t)
          .map(a => ({ name: shortName(a.name), level: level(a.properties) }))
          .filter(a => !told(a.name, a.level))
          .map(a => `${a.name} as a ${a.level}`),
        ...[...counterNames, ...Object.keys(gaugeUnits)].filter(
          name => !lines.some(line => line.startsWith('| `') && line.includes(`\`${name}\``)),
        ),
      ]
    },
    spoil: t => {
      properties(t, 'BacklogAlarm')['AlarmDescription'] =
        'Page. Late. Do: see. Runbook: docs/runbooks/queue-backlog.md'
    },
  },
  {
    name: 'what pages is in the composite alarm, and nothing else is; it alone tells the pager',
    check: t => {
      const rule = composite(t)
      const paging = alarms(t).filter(a => described(a.properties).startsWith('Page.'))
      const listed = [...rule.matchAll(/ALARM\("\$\{(\w+)\}"\)/g)].map(([, id]) => id ?? '')
      return [
        ...paging.filter(a => !listed.includes(a.id)).map(a => `${a.id}: pages and is not in it`),
        ...listed.filter(id => !paging.some(a => a.id === id)).map(id => `${id}: is in it and does not page`),
        ...everyAlarm(t)
          .filter(a => list(a.properties['AlarmActions']).map(target).includes('PageTopic'))
          .filter(a => t.Resources[a.id]?.Type !== 'AWS::CloudWatch::CompositeAlarm')
          .map(a => `${a.id}: tells the pager itself`),
      ]
    },
    spoil: t => {
      properties(t, 'OutboxAlarm')['AlarmDescription'] =
        'Ticket. Late. Do: see. Runbook: docs/runbooks/outbox.md'
    },
  },
  {
    name: 'the template has room: at most 500 resources',
    check: t => {
      const count = Object.keys(t.Resources).length
      return count > MOST_RESOURCES ? [`${count} resources`] : []
    },
    spoil: t => {
      for (let i = 0; i < MOST_RESOURCES; i++)
        t.Resources[`Spare${i}`] = { Type: 'AWS::SNS::Topic', Properties: {} }
    },
  },
]
