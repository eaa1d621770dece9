import type { AnswerOf } from '../../contracts/api/index.ts'
import type { Bar } from '../../contracts/commands.ts'
import { type BundleRow, keys, type ModelRow } from '../entities.ts'
import { EdgeloopError, InputError } from '../errors.ts'
import type { Core } from '../ports.ts'
import { auditPut, type Commander, commitOnce } from './audit.ts'

/** Bars releases of a model. What follows from it, the fleets' manifests, is the event's consumer's affair. */
export async function barRelease(
  core: Core,
  model: string,
  { minimumRelease, revokedBundle, reason }: Bar,
  commander: Commander,
): Promise<AnswerOf<'barRelease'>> {
  const row = await core.store.get<ModelRow>(keys.model(model))
  if (row === undefined) throw new EdgeloopError('NOT_FOUND', `there is no model "${model}"`)
  const newest = row.data.nextVersion - 1
  if (minimumRelease !== undefined && minimumRelease > newest)
    throw new InputError('NO_SUCH_VERSION', `model ${model} has versions up to ${newest}`, 'minimumRelease')
  if (revokedBundle !== undefined) {
    const bundle = await core.store.get<BundleRow>(keys.bundle(revokedBundle))
    if (bundle?.data.model !== model)
      throw new InputError('UNKNOWN_BUNDLE', `no package of model ${model} has this bundle`, 'revokedBundle')
  }
  const bars = {
    ...(minimumRelease === undefined ? {} : { minimumRelease }),
    ...(revokedBundle === undefined ? {} : { bundle: revokedBundle }),
    reason,
  }
  await commitOnce(
    core.store,
    commander,
    auditPut(commander, core.now().toISOString(), {
      ...{ action: 'BAR_RELEASE', subject: model, change: bars, before: null },
    }),
    [{ type: 'ReleaseBarred', data: { model, ...bars, by: commander.by } }],
  )
  return { model, ...bars }
}
