/** `npx edgeloop rollouts list`. */
import { rolloutStatus } from '../../../src/contracts/api/rollouts.ts'
import { collect, LIST_HELP, listOptions, openApi } from '../api.ts'
import type { Command } from '../command.ts'
import { table } from '../table.ts'
import { ago } from '../text.ts'

export const listRollouts: Command = {
  help: `Usage: npx edgeloop rollouts list [--model M] [--fleet F] [--status S]

Rollouts, newest first, with their last decision.

  --model M       only of this model
  --fleet F       only to this fleet
  --status S      ${rolloutStatus.options.join(', ')}
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['', '--fleet containers --status RUNNING'],
  options: {
    ...listOptions,
    ...{ model: { type: 'string' }, fleet: { type: 'string' } },
    status: { type: 'string', choices: rolloutStatus.options },
  },
  async run(options, io) {
    const client = await openApi(options, io)
    const query = {
      ...{ model: options.string('model'), fleet: options.string('fleet'), status: options.string('status') },
    }
    const { items, more } = await collect(client, options, 'listRollouts', 'rollouts', { query })
    const columns = [
      ...[{ title: 'ROLLOUT', keep: true }, { title: 'FLEET' }, { title: 'STATUS' }, { title: 'PHASE' }],
      ...[{ title: 'SINCE' }, { title: 'LAST DECISION' }],
    ]
    const rows = items.map(r => [
      ...[r.rollout, r.fleet, r.status, r.phase ?? '', ago(r.phaseSince, io.now())],
      r.last === null ? '' : `${r.last.decision}: ${r.last.reason}`,
    ])
    const text = items.length === 0 ? 'No rollout fits.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { rollouts: items, more },
    }
  },
}
