import { type LogLine, type LogReader, logReader } from '../lib/logs/read.ts'
import { clock, lasting, sinceTime } from '../lib/logs/time.ts'
import { UsageError } from '../lib/options.ts'
import { type DeviceSummary, devicesOf } from '../lib/trace/devices.ts'
import { chainPattern, reportsPattern, seedOf } from '../lib/trace/seed.ts'
import { type Emitted, type Step, type Tree, treeOf } from '../lib/trace/tree.ts'
import type { Command, Io } from './command.ts'
import type { Paint } from './paint.ts'
import { openStack, reach, STACK_HELP, stackOptions } from './stack.ts'
import { plain } from './text.ts'

/** More are not one story any more. */
const MOST_CHAINS = 8

export const trace: Command = {
  help: `Usage: npx edgeloop trace ID [options]

Prints the path of one drop through every function to the devices, from their logs, in the order of time. ID is what you
have in hand: the key of a dropped object (datasets/cold-chain/a.csv), a version (cold-chain@3), a rollout, a decision, or
the id of a chain, an event, a dataset, a bundle, a training job or a request.

  --since TIME    how far back to look: 30m, 24h, 7d or an ISO time (default 24h)
${STACK_HELP}
Needs logs:DescribeLogGroups and logs:FilterLogEvents on /aws/lambda/edgeloop-STAGE-*. Exits with 1 when the logs of that time
say nothing of it. Gaps are said, and are no failure: logs come seconds late.
`,
  examples: ['datasets/cold-chain/readings.csv', 'cold-chain@3 --since 7d'],
  options: { ...stackOptions, since: { type: 'string' } },
  positionals: [{ name: 'ID' }],
  async run(options, io) {
    const [id, ...more] = options.positionals
    if (id === undefined || more.length > 0)
      throw new UsageError(
        'name one id: the key of an object, MODEL@VERSION, a rollout, a decision or an event',
      )
    const seed = seedOf(id)
    const since = sinceTime(options.string('since') ?? '24h', Date.now())
    const { stage, config } = await openStack(options)
    const reader = logReader(config, stage)
    try {
      return await reach('the logs', async () => {
        const functions = await reader.functions()
        const first = await look(reader, io, 'looking for it', { functions, pattern: seed.pattern, since })
        const chains = chainsOf(first.lines)
        if (chains.length === 0) return nothing(id, since, functions.length)
        const named = chains.slice(0, MOST_CHAINS)
        const all = await look(reader, io, 'following it', { functions, pattern: chainPattern(named), since })
        const bundles = bundlesOf(all.lines)
        const reports =
          bundles.length === 0
            ? []
            : (
                await look(reader, io, 'asking the devices', {
                  functions: functions.filter(fn => fn === 'ingest-reports'),
                  pattern: reportsPattern(bundles),
                  since,
                })
              ).lines
        const tree = treeOf(all.lines)
        const devices = devicesOf(reports)
        const notes = [
          ...(chains.length > named.length
            ? [`${chains.length - named.length} more chains have to do with it`]
            : []),
          ...(first.complete && all.complete
            ? []
            : ['there are more lines than were read; give a shorter --since']),
        ]
        return {
          exit: 0,
          text: told(id, named, tree, devices, notes, io.paint),
          data: { id, chains: named, ...tree, devices: devices ?? null, notes },
        }
      })
    } finally {
      reader.close()
    }
  },
}

async function look(
  reader: LogReader,
  io: Io,
  what: string,
  query: { readonly functions: readonly string[]; readonly pattern: string; readonly since: number },
): ReturnType<LogReader['filter']> {
  const bar = io.progress(what, { total: query.functions.length })
  try {
    return await reader.filter({ ...query, progress: (done, _, lines) => bar.at(done, `${lines} lines`) })
  } finally {
    bar.end()
  }
}

/** In the order in which they began. */
const chainsOf = (lines: readonly LogLine[]): string[] => [
  ...new Set(lines.map(l => l.fields['correlationId']).filter(id => typeof id === 'string')),
]
const bundlesOf = (lines: readonly LogLine[]): string[] => [
  ...new Set(
    lines
      .filter(l => l.code === 'PACKAGE_MADE')
      .map(l => l.fields['bundle'])
      .filter(bundle => typeof bundle === 'string'),
  ),
]

function nothing(id: string, since: number, functions: number) {
  const from = new Date(since).toISOString()
  return {
    exit: 1 as const,
    text: `No line of ${functions} functions since ${from} speaks of ${id}. Look further back with --since.`,
    data: { id, chains: [], since: from },
  }
}

function told(
  id: string,
  chains: readonly string[],
  tree: Tree,
  devices: DeviceSummary | undefined,
  notes: readonly string[],
  paint: Paint,
): string {
  const day = tree.from
  const spent = lasting(Math.max(tree.to, devices?.last ?? 0) - tree.from)
  return [
    paint.bold(`Trace of ${id}`),
    `  ${new Date(tree.from).toISOString()}, ${spent}; chain ${plain(chains.join(', '))}`,
    '',
    ...tree.roots.flatMap(step => stepLines(step, '', day, paint)),
    ...(devices === undefined ? [] : ['', ...deviceLines(devices, day, paint)]),
    ...(tree.gaps.length + notes.length === 0
      ? []
      : ['', ...[...tree.gaps, ...notes].map(gap => `${paint.warn('!')} ${plain(gap)}`)]),
  ].join('\n')
}

const MARK = { done: '✓', refused: '✗', failed: '✗', unknown: '·' } as const

export function stepLines(step: Step, indent: string, day: number, paint: Paint): string[] {
  const { outcome, durationMs } = step
  const mark =
    outcome === 'done'
      ? paint.good(MARK.done)
      : outcome === 'unknown'
        ? MARK.unknown
        : paint.bad(MARK[outcome])
  const facts = [
    ...(outcome === 'done' || outcome === 'unknown' ? [] : [outcome]),
    ...(durationMs === undefined ? [] : [lasting(durationMs)]),
    ...(step.rows === 0
      ? []
      : [
          `wrote ${step.rows} row${step.rows === 1 ? '' : 's'}: ${plain(step.wrote.slice(0, 3).join(', '))}${step.rows > 3 ? ' …' : ''}`,
        ]),
  ]
  return [
    `${clock(step.at, day)}  ${indent}${mark} ${paint.bold(step.fn)}  ${plain(step.what)}${facts.length === 0 ? '' : paint.dim(`  ${facts.join('; ')}`)}`,
    ...(step.error === undefined ? [] : [`${' '.repeat(14)}${indent}  ${paint.bad(plain(step.error))}`]),
    ...step.said.map(
      ({ at, code, level }) =>
        `${clock(at, day)}  ${indent}  ${plain(level === 'INFO' ? code : `${level} ${code}`)}`,
    ),
    ...step.emitted.flatMap(emitted => emittedLines(emitted, `${indent}  `, day, paint)),
  ]
}

function emittedLines(
  { type, at, about, waitedMs, handled }: Emitted,
  indent: string,
  day: number,
  paint: Paint,
): string[] {
  const facts = Object.entries(about).map(
    ([name, value]) => `${plain(name)} ${plain(shortened(String(value)))}`,
  )
  const out = waitedMs === undefined ? 'not published' : `published after ${lasting(waitedMs)}`
  return [
    `${clock(at, day)}  ${indent}→ ${plain(type)}  ${paint.dim([...facts, out].join(', '))}`,
    ...handled.flatMap(step => stepLines(step, `${indent}  `, day, paint)),
  ]
}
const shortened = (value: string): string => (/^[0-9a-f]{32,}$/.test(value) ? value.slice(0, 12) : value)

function deviceLines(
  { outcomes, devices, first, median, last }: DeviceSummary,
  day: number,
  paint: Paint,
): string[] {
  const shares = Object.entries(outcomes).map(([outcome, n]) => `${n} ${plain(outcome)}`)
  return [
    `${paint.bold('Devices')}: ${devices} reported: ${shares.join(', ')}`,
    `  first ${clock(first, day)}, half of them by ${clock(median, day)}, last ${clock(last, day)}`,
  ]
}
