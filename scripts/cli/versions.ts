/** `npx edgeloop versions`: versions of a model, or one with its gate. */
import { UsageError } from '../lib/options.ts'
import { type AnswerOf, collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command, Io } from './command.ts'
import { table } from './table.ts'
import { ago, plain, plural } from './text.ts'

const STATUSES = ['REQUESTED', 'TRAINING', 'FAILED', 'REJECTED', 'REGISTERED', 'PACKAGED'] as const

export const versions: Command = {
  help: `Usage: npx edgeloop versions MODEL [--status S]
       npx edgeloop versions MODEL@VERSION

Versions of a model, newest first, with what they measured; or one with every line of its gate and its targets.

  --status S      ${STATUSES.join(', ')}
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['cold-chain', 'cold-chain@2'],
  options: { ...listOptions, status: { type: 'string', choices: STATUSES } },
  positionals: [{ name: 'MODEL' }],
  async run(options, io) {
    const [target = '', ...rest] = options.positionals
    const [, model, version] = /^([a-z0-9-]+)(?:@(\d{1,7}))?$/.exec(target) ?? []
    if (model === undefined || rest.length > 0) throw new UsageError('name one MODEL or MODEL@VERSION')
    const client = await openApi(options, io)
    if (version !== undefined) {
      const found = await client.ask('getVersion', { path: { model, version } })
      return { exit: 0, text: detail(found, io), data: { ...found } }
    }
    const query = { status: options.string('status') }
    const { items, more } = await collect(client, options, 'listVersions', 'versions', {
      path: { model },
      query,
    })
    const columns = [
      ...[{ title: 'VERSION', right: true }, { title: 'STATUS' }, { title: 'ORIGIN' }, { title: 'ASKED' }],
      ...[{ title: 'METRICS' }, { title: 'WHY' }],
    ]
    const rows = items.map(v => [
      ...[String(v.version), v.status, v.origin, ago(v.requestedAt, io.now()), metricsText(v.metrics)],
      (v.reason ?? v.reasons?.join('; ') ?? v.decision) || 'dropped by a person',
    ])
    const text = items.length === 0 ? 'No version fits.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { model, versions: items, more },
    }
  },
}

/** Of the challenger; the champion's are in the version itself. */
const metricsText = (metrics: Readonly<Record<string, number>> = {}): string =>
  Object.entries(metrics)
    .filter(([name]) => !name.startsWith('champion_'))
    .map(([name, value]) => `${name} ${value.toFixed(4)}`)
    .join(', ')

function detail(version: AnswerOf<'getVersion'>, io: Io): string {
  const {
    status,
    origin,
    decision,
    reason,
    reasons = [],
    sources = [],
    fieldSamples,
    targets,
    gate = [],
  } = version
  const rows = sources.reduce((sum, s) => sum + s.rows, 0)
  const number = (n: number | null | undefined): string => (n === null || n === undefined ? '' : n.toFixed(4))
  const gateTable = table(
    [
      ...[{ title: 'SET' }, { title: 'SLICE' }, { title: 'ROWS', right: true }, { title: 'METRIC' }],
      ...[{ title: 'CHALLENGER', right: true }, { title: 'CHAMPION', right: true }, { title: 'VERDICT' }],
    ],
    gate.map(g => [
      ...[g.set, g.slice ?? '', String(g.rows), g.metric, number(g.challenger), number(g.champion)],
      `${g.verdict ?? ''}${g.blocks ? ' blocks' : ''}`.trim(),
    ]),
    io,
  )
  return [
    `${io.paint.bold(`${version.model}@${version.version}`)} is ${status}: ${origin}, asked for ${ago(version.requestedAt, io.now())} by ${decision ?? 'a person’s drop'}.`,
    ...(reason === undefined ? [] : [io.paint.bad(plain(reason))]),
    ...reasons.map(r => io.paint.bad(plain(r))),
    `From ${plural(sources.length, 'dataset')} with ${plural(rows, 'row')} and ${plural(fieldSamples, 'field sample')}.`,
    ...targets.map(
      t =>
        `  ${t.hardware} by ${t.strategy}: ${t.status}${t.bytes === undefined ? '' : `, ${t.bytes} bytes`}${t.reason === undefined ? '' : `, ${plain(t.reason)}`}`,
    ),
    ...(gate.length === 0 ? [] : ['', gateTable]),
  ].join('\n')
}
