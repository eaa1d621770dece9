/** `npx edgeloop status`: is anything wrong, and what do I do? */
import { UsageError, whole } from '../lib/options.ts'
import { type AnswerOf, API_HELP, apiOptions, type Client, openApi } from './api.ts'
import type { Command, Io, Outcome } from './command.ts'
import { overviewText } from './status/overview.ts'

export const status: Command = {
  help: `Usage: npx edgeloop status [--watch]

One screen: what wants a person, with the command for it; fleets; rollouts against their thresholds; drift and harm of the
champions; how fresh all this is. Exits with 1 when something is so urgent that it should page somebody.

  --watch         again and again until Ctrl-C; with --json one document per line
  --every N       seconds between two looks with --watch (default 5)
${API_HELP}
Needs the scope fleet:read.
`,
  examples: ['', '--watch --every 2'],
  options: { ...apiOptions, watch: { type: 'boolean' }, every: { type: 'string' } },
  async run(options, io) {
    if (options.string('every') !== undefined && !options.flag('watch'))
      throw new UsageError('--every goes with --watch')
    const every = whole('every', options.string('every'), 5, 1, 3_600)
    const client = await openApi(options, io)
    if (options.flag('watch')) return watch(client, every * 1_000, io)
    const overview = await client.ask('getOverview')
    return outcomeOf(overview, io)
  },
}

type Overview = AnswerOf<'getOverview'>

const outcomeOf = (overview: Overview, io: Io): Outcome => ({
  exit: overview.attention.some(({ severity }) => severity === 'page') ? 1 : 0,
  text: overviewText(overview, io),
  data: { ...overview },
})

/** Ends with the process: by Ctrl-C, or when the reader of its output goes away. */
async function watch(client: Client, pauseMs: number, io: Io): Promise<Outcome> {
  let shown: Overview | undefined
  for (;;) {
    const next = await client.changed('getOverview')
    if (next !== undefined) {
      shown = next
      io.frame(overviewText(shown, io), { ...shown })
    } else if (shown !== undefined && io.interactive) io.frame(overviewText(shown, io), undefined)
    await new Promise(resolve => setTimeout(resolve, pauseMs))
  }
}
