import { type EpisodeRow, keys, type ModelRow, type VersionRow } from '../entities.ts'
import { activeRollout } from '../rollout/record.ts'
import { admissible, type WithQuarantine } from '../sampling/quarantine.ts'
import { commonFacts } from './common.ts'
import type { RetrainFacts } from './guards.ts'
import { errorSince } from './shift.ts'

/**
 * Everything that the guards of a retrain look at, but for who proposes it.
 * @param drift the episode that proposes, when it is one of drift
 */
export async function gatherFacts(
  deps: WithQuarantine,
  modelRow: ModelRow,
  drift?: EpisodeRow,
): Promise<Omit<RetrainFacts, 'trigger'>> {
  const { config, champion, retraining } = modelRow
  const model = config.name
  const versions = (await deps.store.query<VersionRow>(keys.model(model).pk, 'VERSION#')).map(r => r.data)
  const { admission } = await admissible(deps, config, versions)
  const lastAdmission =
    versions
      .map(v => v.field?.at ?? '')
      .sort()
      .at(-1) ?? ''
  const fresh = admission.admitted.filter(s => (s.labelledAt ?? '') > lastAdmission)
  const shift = drift && errorSince(admission.admitted, drift, config)
  const newest = versions.at(-1)
  const unplanned =
    newest?.status === 'PACKAGED' &&
    (await deps.store.get(keys.rollout(`${model}-v${newest.version}`))) === undefined
  return {
    ...(await commonFacts(deps, modelRow, versions.toReversed())),
    trainingInProgress:
      approvedLately(retraining, deps.now()) ||
      versions.some(v => v.status === 'REQUESTED' || v.status === 'TRAINING' || v.status === 'REGISTERED'),
    rolloutInFlight: unplanned || (await activeRollout(deps.store, config.fleet, config.slot)) !== undefined,
    newLabels: fresh.length,
    devices: new Set(fresh.map(s => s.thing)).size,
    fieldDevices: admission.devices,
    generation: versions.find(v => v.version === champion)?.generation ?? 0,
    ...(shift ? { shift } : {}),
  }
}

/** As long as the bus delivers its events; later nothing will come of it by itself, and it must not block for ever. */
const ON_ITS_WAY_MS = 86_400_000
const approvedLately = (retraining: ModelRow['retraining'], now: Date): boolean =>
  retraining !== undefined && now.getTime() - Date.parse(retraining.since) < ON_ITS_WAY_MS
