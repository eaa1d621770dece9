/** `npx edgeloop rollouts show`: plan, evidence, decisions, devices. */
import { UsageError } from '../../lib/options.ts'
import { namer } from '../api/names.ts'
import { collect, LIST_HELP, listOptions, openApi } from '../api.ts'
import type { Command } from '../command.ts'
import { table } from '../table.ts'
import { historyText, phasesText, proofLines, rolloutStory } from '../why/rollout.ts'

const OUTCOMES = ['RETRYABLE', 'COMMITTED', 'FAILED', 'REFUSED', 'NONE', 'UNSUCCESSFUL', 'UNDER_WAY'] as const

export const showRollout: Command = {
  help: `Usage: npx edgeloop rollouts show ROLLOUT [--devices]

What it is decided by: phases, canaries against what stops it, tests, every decision, and what may be done now.

  --devices       what its devices reported, too
  --outcome O     of these only ${OUTCOMES.join(', ')}
${LIST_HELP}
Needs the scope fleet:read.
`,
  examples: ['cold-chain-v3', 'cold-chain-v3 --devices --outcome REFUSED'],
  options: {
    ...listOptions,
    devices: { type: 'boolean' },
    outcome: { type: 'string', choices: OUTCOMES },
  },
  positionals: [{ name: 'ROLLOUT' }],
  async run(options, io) {
    const [rollout, ...rest] = options.positionals
    if (rollout === undefined || rest.length > 0) throw new UsageError('name one rollout')
    const client = await openApi(options, io)
    const found = await client.ask('getRollout', { path: { rollout } })
    const named = await namer(client)
    const outcome = options.string('outcome')
    const wanted = options.flag('devices') || outcome !== undefined
    const devices = wanted
      ? await collect(client, options, 'listRolloutDevices', 'devices', {
          path: { rollout },
          query: { outcome },
        })
      : undefined
    const columns = [
      { title: 'THING', keep: true },
      { title: 'BEGUN' },
      { title: 'OUTCOME' },
      { title: 'ARMS' },
    ]
    const rows = (devices?.items ?? []).map(d => [
      ...[d.thing, d.started ? 'yes' : 'no', [d.outcome ?? '', d.code ?? ''].filter(Boolean).join(' ')],
      Object.entries(d.phases)
        .map(([phase, { arm }]) => `${phase}: ${arm}`)
        .join(', '),
    ])
    return {
      exit: 0,
      text: [
        ...rolloutStory(found, io).map(named),
        '',
        phasesText(found, io),
        ...proofLines(found).map(line => io.paint.dim(line)),
        '',
        historyText({ ...found, history: found.history.map(d => ({ ...d, by: named(d.by) })) }, io),
        ...(devices === undefined
          ? []
          : ['', rows.length === 0 ? 'No device fits.' : table(columns, rows, io)]),
        ...(devices?.more ? ['There are more: --limit, --all'] : []),
      ].join('\n'),
      data: { ...found, ...(devices === undefined ? {} : { devices: devices.items, more: devices.more }) },
    }
  },
}
