/** Commands to a rollout: each says what will happen, asks, and tells who gave it. */
import { UsageError } from '../../lib/options.ts'
import { API_HELP, apiOptions, type Client, openApi } from '../api.ts'
import type { Command, OptionSpec } from '../command.ts'
import { CONFIRM_HELP, confirmed, confirmOptions, reasonIn } from '../confirm.ts'
import { ladderText } from '../status/overview.ts'

const ORDERS = {
  start: 'Lets a rollout begin that was planned only.',
  approve:
    'Lets a rollout that waits for a person begin, or its next phase; never one that you asked for yourself.',
  pause: 'Takes no further step until it is resumed. Devices keep what they have; harm still rolls it back.',
  resume: 'Goes on with a rollout that was paused or held.',
  promote:
    'Goes to the next phase, or completes it, without waiting for proof. What was missing is kept on record.',
  abort: 'Ends it. Devices that have the candidate go back, or keep it with --devices keep.',
  'roll-back': 'Ends it and takes every device back to what it ran before, by a new manifest.',
} as const
export type Order = keyof typeof ORDERS

export function orderCommand(order: Order): Command {
  const own: Readonly<Record<string, OptionSpec>> =
    order === 'abort' ? { devices: { type: 'string', choices: ['keep', 'revert'] } } : {}
  return {
    help: `Usage: npx edgeloop rollouts ${order} ROLLOUT --reason "…"

${ORDERS[order]}

${order === 'abort' ? '  --devices WHAT  keep, or revert (the default)\n' : ''}${CONFIRM_HELP}${API_HELP}
Needs the scope ${order === 'approve' ? 'rollouts:approve' : 'rollouts:write'}.
`,
    examples: [`cold-chain-v3 --reason "the depot is closed"${order === 'abort' ? ' --devices keep' : ''}`],
    options: { ...apiOptions, ...confirmOptions, ...own },
    positionals: [{ name: 'ROLLOUT' }],
    async run(options, io) {
      const [rollout, ...more] = options.positionals
      if (rollout === undefined || more.length > 0) throw new UsageError('name one rollout')
      const reason = reasonIn(options)
      const client = await openApi(options, io)
      const devices = order === 'abort' ? options.string('devices') : undefined
      if (!options.flag('yes') && io.interactive) await show(client, rollout, io)
      const word = order === 'roll-back' ? 'Roll back' : `${order[0]?.toUpperCase()}${order.slice(1)}`
      if (!(await confirmed(`${word} ${rollout}?`, options, io)))
        return { exit: 1, text: 'Nothing was done.', data: { result: 'declined', rollout } }
      const path = { rollout }
      const answer =
        order === 'approve'
          ? await client.ask('approveRollout', { path, body: { reason } })
          : await client.ask('commandRollout', {
              ...{
                path,
                body: {
                  command: order,
                  reason,
                  ...(devices === undefined ? {} : { devices: devices as 'keep' | 'revert' }),
                },
              },
            })
      return {
        exit: 0,
        text: `${io.paint.good('✓')} ${answer.rollout}: ${answer.decision} in phase ${answer.phase}; it was ${answer.status}. npx edgeloop rollouts show ${rollout} follows it`,
        data: { result: 'given', ...answer },
      }
    },
  }
}

/** What it is about, before somebody says yes. */
async function show(client: Client, rollout: string, io: Parameters<Command['run']>[1]): Promise<void> {
  const { model, version, fleet, status, phase, ladder } = await client.ask('getRollout', {
    path: { rollout },
  })
  io.note(`${model}@${version} to ${fleet}: ${status}${phase === null ? '' : ` in phase ${phase}`}`)
  io.note(ladderText(ladder, io.paint))
}
