/** `npx edgeloop rollouts plan` and `start`: a version that was rolled back, or an older one, goes out again. */
import { UsageError } from '../../lib/options.ts'
import { API_HELP, apiOptions, openApi } from '../api.ts'
import type { Command } from '../command.ts'
import { CONFIRM_HELP, confirmed, confirmOptions, reasonIn } from '../confirm.ts'
import { orderCommand } from './order.ts'

const TARGET = /^([a-z0-9-]+)@(\d{1,7})$/

export const planRollout: Command = {
  help: `Usage: npx edgeloop rollouts plan MODEL@VERSION --reason "…"

Plans a rollout of a version that was rolled back, or of an older one, and begins nothing: npx edgeloop rollouts show says
what each of its phases can prove, and npx edgeloop rollouts start lets it begin.

${CONFIRM_HELP}${API_HELP}
Needs the scope rollouts:write.
`,
  examples: ['cold-chain@1 --reason "the new one reads the door wrong"'],
  options: { ...apiOptions, ...confirmOptions },
  positionals: [{ name: 'MODEL@VERSION' }],
  run: (options, io) => requested(options, io, false),
}

export const startRollout: Command = {
  help: `Usage: npx edgeloop rollouts start ROLLOUT|MODEL@VERSION --reason "…"

Lets a rollout begin that was planned only; or, with a version, plans one and begins at once: of a version that was rolled
back, or of an older one. Newer versions need none: they begin by themselves. Where the model's policy asks for it,
somebody else has to approve.

${CONFIRM_HELP}${API_HELP}
Needs the scope rollouts:write.
`,
  examples: [
    'cold-chain@1 --reason "the new one reads the door wrong"',
    'cold-chain-v1-5f0c2a91 --reason "the plan is as it should be"',
  ],
  options: { ...apiOptions, ...confirmOptions },
  positionals: [{ name: 'ROLLOUT|MODEL@VERSION' }],
  run: (options, io) =>
    options.positionals[0]?.includes('@')
      ? requested(options, io, true)
      : orderCommand('start').run(options, io),
}

async function requested(
  options: Parameters<Command['run']>[0],
  io: Parameters<Command['run']>[1],
  start: boolean,
): ReturnType<Command['run']> {
  const [target = '', ...more] = options.positionals
  const [, model, number] = TARGET.exec(target) ?? []
  if (model === undefined || more.length > 0) throw new UsageError('name one MODEL@VERSION')
  const version = Number(number)
  const reason = reasonIn(options)
  const client = await openApi(options, io)
  if (!(await confirmed(`${start ? 'Roll' : 'Plan to roll'} ${target} out?`, options, io)))
    return { exit: 1, text: 'Nothing was done.', data: { result: 'declined', model, version } }
  const answer = await client.ask('planRollout', { body: { model, version, start, reason } })
  const { rollout, fleet } = answer
  const next = start
    ? `is asked for; npx edgeloop rollouts show ${rollout} follows it`
    : `is being planned; npx edgeloop rollouts show ${rollout} shows it, npx edgeloop rollouts start ${rollout} --reason "…" lets it begin`
  return {
    exit: 0,
    text: `${io.paint.good('✓')} ${rollout} to fleet ${fleet} ${next}`,
    data: { result: 'given', ...answer },
  }
}
