/** `npx edgeloop rejected`: what was refused at the edge, and why. */
import { collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago } from './text.ts'

const CHANNELS = ['s3', 'mqtt', 'bus', 'api'] as const

export const rejected: Command = {
  help: `Usage: npx edgeloop rejected [filters]

Inputs that were refused, newest first, with the field and the reason. They are kept for 90 days.

  --channel C     ${CHANNELS.join(', ')}
  --code CODE     such as NOT_A_NUMBER; docs/inputs.md lists them
  --model M       only of this model
  --thing T       only of this device
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['', '--channel mqtt --thing containers-0007'],
  options: {
    ...listOptions,
    channel: { type: 'string', choices: CHANNELS },
    ...{ code: { type: 'string' }, model: { type: 'string' }, thing: { type: 'string' } },
  },
  async run(options, io) {
    const client = await openApi(options, io)
    const query = {
      ...{ channel: options.string('channel'), code: options.string('code') },
      ...{ model: options.string('model'), thing: options.string('thing') },
    }
    const { items, more } = await collect(client, options, 'listRejectedInputs', 'rejections', { query })
    const columns = [
      ...[{ title: 'WHEN' }, { title: 'CODE', keep: true }, { title: 'SUBJECT' }, { title: 'REASON' }],
    ]
    const rows = items.map(r => [ago(r.at, io.now()), r.code, `${r.channel} ${r.subject}`, r.reason])
    const text = items.length === 0 ? 'Nothing was refused.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { rejections: items, more },
    }
  },
}
