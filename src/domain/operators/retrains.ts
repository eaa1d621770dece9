import type { AnswerOf } from '../../contracts/api/index.ts'
import type { RetrainRequest } from '../../contracts/commands.ts'
import { type RetrainPolicy, retrainPolicy } from '../../contracts/retrain-policy.ts'
import { keys, type ModelRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core } from '../ports.ts'
import type { BreakerRow } from '../retrain/breaker.ts'
import { put, type Row } from '../store.ts'
import { auditPut, type Commander, causeOf, commitOnce } from './audit.ts'

const APPROVE = 'models:approve'

/** A person asks for a retrain. decide-retrain looks at the guards, and records them, as for any other trigger. */
export async function requestRetrain(
  core: Core,
  model: string,
  { reason, force, override }: RetrainRequest,
  commander: Commander,
): Promise<AnswerOf<'requestRetrain'>> {
  const { triggers } = policyOf(await modelRow(core, model))
  if (!triggers.manual)
    throw new EdgeloopError('ILLEGAL_STATE', `retrain.triggers.manual of model ${model} is off`)
  if (override.length > 0 && !commander.scopes?.includes(APPROVE))
    throw new EdgeloopError(
      'FORBIDDEN',
      `override needs a token with the scope ${APPROVE}; leave it out to ask within the guards`,
    )
  const { by } = commander
  const change = { reason, force, override }
  await commitOnce(
    core.store,
    commander,
    auditPut(commander, core.now().toISOString(), {
      ...{ action: 'REQUEST_RETRAIN', subject: model, change, before: null },
    }),
    [{ type: 'RetrainRequested', data: { model, by, ...change } }],
  )
  return { model, ...change }
}

/** A person has looked at the rejected challengers: counting starts anew. */
export async function resetBreaker(
  core: Core,
  model: string,
  { reason }: { readonly reason: string },
  commander: Commander,
): Promise<AnswerOf<'resetBreaker'>> {
  await modelRow(core, model)
  const before = await core.store.get<BreakerRow>(keys.breaker(model))
  const resetAt = core.now().toISOString()
  const { by, request } = commander
  // The same command again must not reset what was rejected meanwhile.
  if (before?.data.request === request) return { model, ...before.data }
  const row: BreakerRow = { resetAt, by, request, reason }
  await core.store.commit(
    [
      put(keys.breaker(model), row, before),
      auditPut(commander, resetAt, {
        ...{ action: 'RESET_BREAKER', subject: model, change: { reason }, before: before?.data ?? null },
      }),
    ],
    [],
    causeOf(commander),
  )
  return { model, ...row }
}

async function modelRow(core: Core, model: string): Promise<Row<ModelRow>> {
  const row = await core.store.get<ModelRow>(keys.model(model))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no model "${model}"`)
  return row
}
const policyOf = ({ data }: Row<ModelRow>): RetrainPolicy => retrainPolicy.parse(data.config.retrain)
