/** `npx edgeloop decisions`: why it did, or did not, retrain. */
import { UsageError } from '../lib/options.ts'
import { collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago } from './text.ts'

export const decisions: Command = {
  help: `Usage: npx edgeloop decisions [--model M] [--approved | --held-back]

Retrain decisions, newest first, with the guards that stood in the way. npx edgeloop why DECISION has all of one.

  --model M       only of this model
  --approved      only those that were approved
  --held-back     only those that were not
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['--model cold-chain', '--held-back --all --json'],
  options: {
    ...listOptions,
    ...{ model: { type: 'string' }, approved: { type: 'boolean' }, 'held-back': { type: 'boolean' } },
  },
  async run(options, io) {
    const [approved, held] = [options.flag('approved'), options.flag('held-back')]
    if (approved && held) throw new UsageError('give --approved or --held-back')
    const client = await openApi(options, io)
    const query = {
      model: options.string('model'),
      ...(approved || held ? { approved: approved ? 'true' : 'false' } : {}),
    }
    const { items, more } = await collect(client, options, 'listRetrainDecisions', 'decisions', { query })
    const columns = [
      ...[{ title: 'WHEN' }, { title: 'MODEL' }, { title: 'DECISION', keep: true }, { title: 'TRIGGER' }],
      ...[{ title: 'OUTCOME' }, { title: 'IN THE WAY' }],
    ]
    const rows = items.map(d => [
      ...[ago(d.at, io.now()), d.model, d.decision, d.trigger, d.approved ? 'approved' : 'held back'],
      d.guards
        .filter(g => !g.passed && g.waived === undefined)
        .map(g => `${g.guard}: ${g.detail}`)
        .join('; '),
    ])
    const text = items.length === 0 ? 'No decision fits.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { decisions: items, more },
    }
  },
}
