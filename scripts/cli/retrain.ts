/** `npx edgeloop retrain`: asks for a retrain; guards decide. */
import { OVERRIDABLE } from '../../src/contracts/retrain-policy.ts'
import { UsageError } from '../lib/options.ts'
import { API_HELP, apiOptions, openApi } from './api.ts'
import { type Command, oneOf } from './command.ts'
import { CONFIRM_HELP, confirmed, confirmOptions, reasonIn } from './confirm.ts'

export const retrain: Command = {
  help: `Usage: npx edgeloop retrain MODEL --reason "…" [--force] [--override GUARD …]
       npx edgeloop retrain MODEL --reset-breaker --reason "…"

Asks for a retrain. The guards decide, and the decision is on record either way: npx edgeloop why says what they said.

  --force           does not wait for labels, devices or the cool-down
  --override GUARD  sets a guard aside: ${OVERRIDABLE.join(', ')} (repeat); needs models:approve as well
  --reset-breaker   counts rejected challengers anew; needs models:approve
${CONFIRM_HELP}${API_HELP}
Needs the scope models:write. Only --force, --override and --reset-breaker ask first.
`,
  examples: [
    'cold-chain --reason "new season"',
    'cold-chain --reset-breaker --reason "the labels are mended" --yes',
  ],
  options: {
    ...apiOptions,
    ...confirmOptions,
    force: { type: 'boolean' },
    override: { type: 'string', multiple: true, choices: OVERRIDABLE },
    'reset-breaker': { type: 'boolean' },
  },
  positionals: [{ name: 'MODEL' }],
  async run(options, io) {
    const [model, ...more] = options.positionals
    if (model === undefined || more.length > 0) throw new UsageError('name one model')
    const reason = reasonIn(options)
    const [force, reset] = [options.flag('force'), options.flag('reset-breaker')]
    const override = options.strings('override').map(guard => oneOf('--override', guard, OVERRIDABLE))
    if (reset && (force || override.length > 0))
      throw new UsageError('--reset-breaker goes without --force and --override')
    const client = await openApi(options, io)
    const aside = [...(force ? ['what waits for evidence'] : []), ...override]
    const question = reset
      ? `Count the rejected challengers of ${model} anew?`
      : `Retrain ${model} and set ${aside.join(', ')} aside?`
    if ((reset || aside.length > 0) && !(await confirmed(question, options, io)))
      return { exit: 1, text: 'Nothing was done.', data: { result: 'declined', model } }
    const path = { model }
    if (reset) {
      const answer = await client.ask('resetBreaker', { path, body: { reason } })
      return {
        exit: 0,
        text: `${io.paint.good('✓')} counted anew from ${answer.resetAt} on`,
        data: { ...answer },
      }
    }
    const answer = await client.ask('requestRetrain', { path, body: { reason, force, override } })
    return {
      exit: 0,
      text: `${io.paint.good('✓')} asked for. The guards decide: npx edgeloop decisions --model ${model}`,
      data: { ...answer },
    }
  },
}
