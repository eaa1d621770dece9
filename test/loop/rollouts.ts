/** A person's rollout of an older version: planned, started, paused, taken up again, ended; and a device falls silent. */
import type { Chain } from './chain.ts'
import { command } from './identity.ts'

const COMMANDS = 'POST /v1/rollouts/{rollout}/commands'

export async function tellRollouts(chain: Chain): Promise<void> {
  const give = async (label: string, event: unknown): Promise<Record<string, unknown>> => {
    const answer = (await chain.deliver('ops-command', event, label)) as { statusCode: number; body: string }
    if (answer.statusCode >= 300) throw new Error(`${label} was answered with ${answer.body}`)
    return JSON.parse(answer.body) as Record<string, unknown>
  }
  const asked = await give(
    'rollout',
    command('POST /v1/rollouts', { model: 'demo', version: 1, start: false, reason: 'v2 is odd' }),
  )
  await chain.pump()
  const path = { rollout: String(asked['rollout']) }
  let n = 0
  // Each is refused where it does not fit: `pause` if nothing was started.
  for (const name of ['start', 'pause', 'resume', 'pause']) {
    const event = command(COMMANDS, { command: name, reason: `${name} ${++n}` }, path) as {
      requestContext: { requestId: string }
    }
    event.requestContext.requestId += n
    await give(name, event)
    await chain.pump()
  }
  await give('abort', command(COMMANDS, { command: 'abort', devices: 'revert', reason: 'enough' }, path))
  await chain.pump()
}
