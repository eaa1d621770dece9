/** A person asks for a retrain and resets the circuit breaker; a second drop is trained on. */
import type { Chain } from './chain.ts'
import { command } from './identity.ts'

export const RETRAINS = 'POST /v1/models/{model}/retrains'
export const RESETS = 'POST /v1/models/{model}/breaker-resets'

export async function tellRetrains(chain: Chain): Promise<void> {
  const give = async (label: string, event: unknown): Promise<void> => {
    const answer = (await chain.deliver('ops-command', event, label)) as { statusCode: number; body: string }
    if (answer.statusCode >= 300) throw new Error(`${label} was answered with ${answer.body}`)
    await chain.pump()
  }
  await give('reset', command(RESETS, { reason: 'the labels were wrong' }, { model: 'demo' }))
  await give('retrain', command(RETRAINS, { reason: 'new season', force: true }, { model: 'demo' }))
}
