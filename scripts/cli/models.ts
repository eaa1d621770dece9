/** `npx edgeloop models`: all, or one with drift and harm of its champion. */
import { UsageError } from '../lib/options.ts'
import { type AnswerOf, collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command, Io } from './command.ts'
import { harmText } from './status/overview.ts'
import { table } from './table.ts'
import { ago, plural } from './text.ts'

export const models: Command = {
  help: `Usage: npx edgeloop models [MODEL]

Without a name every model with its champion; with one its settings, whether the champion drifts or harms, and by how much.

${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['', 'cold-chain'],
  options: listOptions,
  positionals: [{ name: 'MODEL' }],
  async run(options, io) {
    const [name, ...rest] = options.positionals
    if (rest.length > 0) throw new UsageError('name one model')
    const client = await openApi(options, io)
    if (name !== undefined) {
      const model = await client.ask('getModel', { path: { model: name } })
      return { exit: 0, text: detail(model, io), data: { ...model } }
    }
    const { items, more } = await collect(client, options, 'listModels', 'models')
    const columns = [
      ...[{ title: 'MODEL', keep: true }, { title: 'TASK' }, { title: 'FLEET' }, { title: 'SLOT' }],
      ...[{ title: 'CHAMPION', right: true }, { title: 'VERSIONS', right: true }, { title: 'LAST TRAINING' }],
    ]
    const rows = items.map(m => [
      ...[m.model, m.task, m.fleet, m.slot, String(m.champion ?? '-'), String(m.versions)],
      m.retraining === null
        ? ago(m.lastTrainingAt, io.now())
        : `retraining since ${ago(m.retraining.since, io.now())}`,
    ])
    const text =
      items.length === 0 ? 'There are no models: npx edgeloop init begins one.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { models: items, more },
    }
  },
}

function detail(model: AnswerOf<'getModel'>, io: Io): string {
  const { paint, now } = io
  const { monitoring, config } = model
  const columns = [
    ...[{ title: 'QUANTITY', keep: true }, { title: 'STATE' }, { title: 'DISTANCE', right: true }],
    ...[
      { title: 'AT LEAST', right: true },
      { title: 'LN E', right: true },
      { title: 'N', right: true },
      { title: 'WHERE' },
    ],
  ]
  const rows = (monitoring?.latest ?? []).map(q => [
    ...[q.name, q.reason === undefined ? q.state : `${q.state} (${q.reason})`],
    ...[q.distance.toFixed(2), q.lowerBound.toFixed(2), q.logE.toFixed(1)],
    ...[String(q.n), q.scope === 'none' ? '' : q.scope],
  ])
  return [
    `${paint.bold(model.model)}: ${model.task} for slot ${model.slot} of fleet ${model.fleet}, champion ${model.champion ?? 'none yet'}, ${plural(model.versions, 'version')}.`,
    `Features ${config.features.map(f => f.name).join(', ')}; gate ${config.evaluation.metric} ${config.evaluation.floor}.`,
    `Harm: ${harmText(model.harm)}. Last training ${ago(model.lastTrainingAt, now())}.`,
    ...(model.retraining === null
      ? []
      : [
          `Retraining since ${ago(model.retraining.since, now())}: npx edgeloop why ${model.retraining.decision} --model ${model.model}`,
        ]),
    ...(monitoring === null
      ? ['No window was judged yet.']
      : [
          monitoring.episode === null
            ? 'No open episode.'
            : paint.warn(`Open episode ${monitoring.episode}.`),
          ...(monitoring.problems.length === 0
            ? []
            : [`Devices that are off by themselves: ${monitoring.problems.map(p => p.thing).join(', ')}.`]),
          ...(rows.length === 0 ? [] : ['', table(columns, rows, io)]),
        ]),
  ].join('\n')
}
