/** `npx edgeloop reviews`: samples that wait for a person's label. */
import { UsageError } from '../lib/options.ts'
import { namer } from './api/names.ts'
import { collect, LIST_HELP, listOptions, openApi } from './api.ts'
import type { Command } from './command.ts'
import { table } from './table.ts'
import { ago } from './text.ts'

export const reviews: Command = {
  help: `Usage: npx edgeloop reviews MODEL

The review queue of a model, oldest request first. npx edgeloop label MODEL answers them one by one.

${LIST_HELP}
Needs the scope labels:write.
`,
  examples: ['cold-chain'],
  options: listOptions,
  positionals: [{ name: 'MODEL' }],
  async run(options, io) {
    const [model, ...rest] = options.positionals
    if (model === undefined || rest.length > 0) throw new UsageError('name one model')
    const client = await openApi(options, io)
    const { items, more } = await collect(client, options, 'listReviews', 'reviews', { query: { model } })
    const columns = [
      ...[{ title: 'REVIEW', keep: true }, { title: 'STATUS' }, { title: 'DEVICE' }, { title: 'CAPTURED' }],
      ...[{ title: 'CLAIMED BY' }, { title: 'ANSWERS', right: true }, { title: 'SKIPPED', right: true }],
    ]
    const named = await namer(client)
    const rows = items.map(r => [
      ...[r.review, r.status, r.thing, ago(r.capturedAt, io.now())],
      ...[
        r.claim === null ? '' : `${named(r.claim.by)} until ${ago(r.claim.until, io.now())}`,
        String(r.answers),
        String(r.skipped),
      ],
    ])
    const text = items.length === 0 ? 'Nothing waits for a label.' : table(columns, rows, io)
    return {
      exit: 0,
      text: more ? `${text}\nThere are more: --limit, --all` : text,
      data: { model, reviews: items, more },
    }
  },
}
