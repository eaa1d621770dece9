import type { AnswerOf } from '../../contracts/api/index.ts'
import type { RolloutCommand, RolloutRequest } from '../../contracts/commands.ts'
import { keys, type VersionRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { command } from '../rollout/commands.ts'
import { activeRollout, readCounts } from '../rollout/record.ts'
import type { Rollout } from '../rollout/types.ts'
import { sha256Hex } from '../training/plan.ts'
import { answeredBefore, auditPut, type Commander, commitOnce } from './audit.ts'

/** Checks a command against the rollout as it is, and hands it to the engine, which alone may sign what follows. */
export async function commandRollout(
  core: Core,
  id: string,
  asked: RolloutCommand,
  commander: Commander,
): Promise<AnswerOf<'commandRollout'>> {
  const what = { action: 'COMMAND_ROLLOUT', subject: id } as const
  // Given again after its answer was lost, it need not fit what it has led to.
  const known = await answeredBefore<AnswerOf<'commandRollout'>>(core.store, commander, what)
  if (known !== undefined) return known
  const row = await core.store.get<Rollout>(keys.rollout(id))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no rollout "${id}"`)
  const { by, request } = commander
  const now = core.now()
  const { decision, phase } = command(row.data, asked, by, await readCounts(core.store, row.data), now)
  const { status, fleet } = row.data
  const answer = { rollout: id, decision, phase, status }
  const before = { status, phase: row.data.phase }
  await commitOnce(
    core.store,
    commander,
    auditPut(commander, now.toISOString(), { ...what, change: asked, before, answer }),
    [{ type: 'RolloutCommanded', data: { rollout: id, fleet, id: request, by, command: asked } }],
  )
  return answer
}

/** A rollout that a person asks for, of a version that was rolled back, or of an older one: the loop never does. */
export async function requestRollout(
  core: Core,
  { model, version, start, reason }: RolloutRequest,
  commander: Commander,
): Promise<AnswerOf<'planRollout'>> {
  const row = await core.store.get<VersionRow>(keys.version(model, version))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `model ${model} has no version ${version}`)
  if (row.data.status !== 'PACKAGED')
    throw new EdgeloopError(
      'ILLEGAL_STATE',
      `${model}@${version} is ${row.data.status}; only a signed version can go out`,
    )
  const { fleet, slot } = row.data.config
  const { by, request } = commander
  const at = core.now()
  // From the request, so that one that comes twice asks for one rollout.
  const rollout = `${model}-v${version}-${sha256Hex(request).slice(0, 8)}`
  // Given again after its answer was lost, it finds itself.
  if ((await core.store.get(keys.rollout(rollout))) !== undefined)
    return { rollout, model, version, fleet, slot }
  const running = await activeRollout(core.store, fleet, slot)
  if (running?.data.model === model && running.data.version === version)
    throw new EdgeloopError('ILLEGAL_STATE', `rollout ${running.data.id} of this version is in flight`)
  await commitOnce(
    core.store,
    commander,
    auditPut(commander, at.toISOString(), {
      ...{
        action: start ? 'START_ROLLOUT' : 'PLAN_ROLLOUT',
        subject: `${model}@${version}`,
        change: { rollout, start, reason },
        before: null,
      },
    }),
    [{ type: 'RolloutRequested', data: { model, version, rollout, by, reason, start } }],
  )
  return { rollout, model, version, fleet, slot }
}
