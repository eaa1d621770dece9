import type { RolloutCommand, RolloutRequest } from '../../contracts/commands.ts'
import { keys, type VersionRow } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { command } from '../rollout/commands.ts'
import { activeRollout, readCounts } from '../rollout/record.ts'
import type { Rollout } from '../rollout/types.ts'
import { sha256Hex } from '../training/plan.ts'
import { auditPut, type Commander, causeOf } from './audit.ts'

type Answer = Readonly<Record<string, unknown>>

/** Checks a command against the rollout as it is, and hands it to the engine, which alone may sign what follows. */
export async function commandRollout(
  core: Core,
  id: string,
  asked: RolloutCommand,
  commander: Commander,
): Promise<Answer> {
  const row = await core.store.get<Rollout>(keys.rollout(id))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no rollout "${id}"`)
  const { by, request } = commander
  const now = core.now()
  const { decision, phase } = command(row.data, asked, by, await readCounts(core.store, row.data), now)
  const { status, fleet } = row.data
  await core.store.commit(
    [
      auditPut(commander, now.toISOString(), {
        ...{
          action: 'COMMAND_ROLLOUT',
          subject: id,
          change: asked,
          before: { status, phase: row.data.phase },
        },
      }),
    ],
    [{ type: 'RolloutCommanded', data: { rollout: id, fleet, id: request, by, command: asked } }],
    causeOf(commander),
  )
  return { rollout: id, decision, phase, status }
}

/** A rollout that a person asks for, of a version that was rolled back, or of an older one: the loop never does. */
export async function requestRollout(
  core: Core,
  { model, version, reason }: RolloutRequest,
  commander: Commander,
): Promise<Answer> {
  const row = await core.store.get<VersionRow>(keys.version(model, version))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `model ${model} has no version ${version}`)
  if (row.data.status !== 'PACKAGED')
    throw new InputError(
      'NOT_PACKAGED',
      `${model}@${version} is ${row.data.status}; only a signed version can go out`,
      'version',
    )
  const { fleet, slot } = row.data.config
  const running = await activeRollout(core.store, fleet, slot)
  if (running?.data.model === model && running.data.version === version)
    throw new EdgeloopError('ILLEGAL_STATE', `rollout ${running.data.id} of this version is in flight`)
  const { by, request } = commander
  const at = core.now()
  // From the request, so that one that comes twice asks for one rollout.
  const rollout = `${model}-v${version}-${sha256Hex(request).slice(0, 8)}`
  await core.store.commit(
    [
      auditPut(commander, at.toISOString(), {
        ...{
          action: 'START_ROLLOUT',
          subject: `${model}@${version}`,
          change: { rollout, reason },
          before: null,
        },
      }),
    ],
    [{ type: 'RolloutRequested', data: { model, version, rollout, by, reason } }],
    causeOf({ by, request }),
  )
  return { rollout, model, version, fleet, slot }
}
