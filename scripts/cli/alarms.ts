import {
  CloudWatchClient,
  type CompositeAlarm,
  DescribeAlarmsCommand,
  type MetricAlarm,
} from '@aws-sdk/client-cloudwatch'
import { UsageError } from '../lib/options.ts'
import type { AwsConfig } from '../lib/stack.ts'
import type { Command } from './command.ts'
import type { Paint } from './paint.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'

interface Told {
  /** Without service and stage. */
  readonly alarm: string
  readonly state: string
  readonly since: string
  readonly severity: string
  readonly what: string
  readonly action: string
  readonly runbook: string
  readonly reason: string
  /** On other alarms. */
  readonly composite: boolean
}

export const alarms: Command = {
  help: `Usage: npx edgeloop alarms [NAME…] [options]

Shows the alarms that are up, those that page first, with what to do. NAME is an alarm's name without service and stage, such
as rollout-stuck.

  --all           also those that are not up
  --wait SECONDS  look again until none of them is up, for at most so long
${STACK_HELP}
Needs cloudwatch:DescribeAlarms. Exits with 1 when an alarm is up.
`,
  examples: ['', 'rollout-stuck --wait 60'],
  options: { ...stackOptions, all: { type: 'boolean' }, wait: { type: 'string' } },
  positionals: [{ name: 'NAME' }],
  async run(options, { paint }) {
    const wait = options.string('wait') ?? '0'
    if (!/^\d{1,4}$/.test(wait)) throw new UsageError(`--wait must be seconds, at most 9999, not "${wait}"`)
    const { stage, config } = await openStack(options)
    const until = Date.now() + Number(wait) * 1000
    const names = options.positionals
    for (;;) {
      const all = await reach('CloudWatch', () => read(config, `edgeloop-${stage}-`))
      const unknown = names.find(name => !all.some(a => a.alarm === name))
      if (unknown !== undefined)
        throw new UsageError(
          `stage ${stage} has no alarm ${unknown}; it has ${all.map(a => a.alarm).join(', ') || 'none'}`,
        )
      const asked = names.length === 0 ? all : all.filter(a => names.includes(a.alarm))
      const up = asked.filter(a => a.state === 'ALARM')
      if (up.length > 0 && Date.now() < until) {
        await new Promise(resolve => setTimeout(resolve, Math.min(1000, until - Date.now())))
        continue
      }
      const shown = options.flag('all') || names.length > 0 ? asked : up
      return {
        exit: up.length > 0 ? 1 : 0,
        text: [...shown.flatMap(a => lines(a, paint)), `${up.length} of ${asked.length} alarms up`].join(
          '\n',
        ),
        data: { alarms: shown, up: up.length },
      }
    }
  },
}

async function read(config: AwsConfig, prefix: string): Promise<Told[]> {
  const client = new CloudWatchClient({ ...config })
  try {
    const found: (MetricAlarm | CompositeAlarm)[] = []
    let NextToken: string | undefined
    do {
      const page = await client.send(
        new DescribeAlarmsCommand({
          AlarmNamePrefix: prefix,
          AlarmTypes: ['MetricAlarm', 'CompositeAlarm'],
          ...(NextToken === undefined ? {} : { NextToken }),
        }),
      )
      found.push(...(page.CompositeAlarms ?? []), ...(page.MetricAlarms ?? []))
      NextToken = page.NextToken
    } while (NextToken !== undefined)
    return found.map(alarm => toldOf(alarm, prefix)).sort(byUrgency)
  } finally {
    client.destroy()
  }
}

function toldOf(alarm: MetricAlarm | CompositeAlarm, prefix: string): Told {
  const {
    AlarmName = '',
    AlarmDescription = '',
    StateValue = '',
    StateReason = '',
    StateUpdatedTimestamp,
  } = alarm
  const [, severity = '', what = '', action = '', runbook = ''] =
    /^(Page|Ticket)\. (.*)\. Do: (.*)\. Runbook: (\S+)$/.exec(AlarmDescription) ?? []
  return {
    alarm: AlarmName.slice(prefix.length),
    state: StateValue,
    since: StateUpdatedTimestamp?.toISOString() ?? '',
    ...{ severity: severity.toLowerCase(), what, action, runbook, reason: StateReason },
    composite: 'AlarmRule' in alarm,
  }
}

const rank = ({ state, severity, composite }: Told): number =>
  (state === 'ALARM' ? 0 : state === 'OK' ? 8 : 4) + (severity === 'page' ? 0 : 2) + (composite ? 0 : 1)
const byUrgency = (a: Told, b: Told): number => rank(a) - rank(b) || (a.alarm < b.alarm ? -1 : 1)

function lines(
  { alarm, state, since, severity, what, action, runbook, reason }: Told,
  paint: Paint,
): string[] {
  if (state !== 'ALARM') return [`${paint.good('✓')} ${alarm}  ${state}`]
  return [
    `${paint.bad('✗')} ${paint.bold(alarm)}  ${severity}, since ${since}`,
    `    ${what}. ${reason}`,
    `    Do: ${action}. ${runbook}`,
  ]
}
