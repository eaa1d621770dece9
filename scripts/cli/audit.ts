/** `npx edgeloop audit`: who did what, when. */

import { namer } from './api/names.ts'
import { collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago } from './text.ts'

export const audit: Command = {
  help: `Usage: npx edgeloop audit [filters]

Commands that people gave, newest first. --json has what was there before as well.

  --by WHO        only of this person (the token's sub)
  --action A      such as COMMAND_ROLLOUT
  --subject S     only about this rollout, device or model
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['', '--action REVOKE_DEVICE --json'],
  options: {
    ...listOptions,
    ...{ by: { type: 'string' }, action: { type: 'string' }, subject: { type: 'string' } },
  },
  async run(options, io) {
    const client = await openApi(options, io)
    const query = {
      ...{ by: options.string('by'), action: options.string('action'), subject: options.string('subject') },
    }
    const { items, more } = await collect(client, options, 'listAudit', 'audit', { query })
    const columns = [
      ...[
        { title: 'WHEN' },
        { title: 'BY' },
        { title: 'ACTION', keep: true },
        { title: 'SUBJECT' },
        { title: 'CHANGE' },
      ],
    ]
    const named = await namer(client)
    const rows = items.map(a => [
      ago(a.at, io.now()),
      named(a.by),
      a.action,
      a.subject,
      JSON.stringify(a.change) ?? '',
    ])
    const text = items.length === 0 ? 'Nothing is on record.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { audit: items, more },
    }
  },
}
