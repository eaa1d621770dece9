import type { AnswerOf } from '../../contracts/api/index.ts'
import { keys, type ModelRow, type VersionRow } from '../entities.ts'
import { EdgeloopError } from '../errors.ts'
import { readBaseline } from '../package/read-baseline.ts'
import type { Objects } from '../ports.ts'
import type { Quarantine } from '../sampling/quarantine.ts'
import type { Store } from '../store.ts'
import { smallestOf, strataOf } from './audit-labels.ts'
import { judgeErrors } from './harm.ts'

/** With fewer labels than this nothing is said but that they are too few. */
const FEW_LABELS = 30
interface Reads {
  readonly store: Pick<Store, 'get'>
  readonly quarantine: Pick<Quarantine, 'get'>
  readonly artefacts: Pick<Objects, 'get'>
}
type View = AnswerOf<'getModel'>['harm']

/** Error of a champion in the field, from the counters of its labels. Without the devices' part it is a first look. */
export async function harmView(deps: Reads, { config, champion }: ModelRow): Promise<View> {
  const none: View = {
    ...{ state: 'not-watched', labels: 0, errors: 0, estimate: null, lowerBound: null, accepted: null },
  }
  if (champion === undefined || config.task === 'regression') return none
  const version = (await deps.store.get<VersionRow>(keys.version(config.name, champion)))?.data
  if (version?.status !== 'PACKAGED') return none
  const row = await deps.quarantine.get(keys.labelStats(config.name, champion))
  const labels = strataOf(row?.counters ?? {}, smallestOf(version.config, config))
  const of = (what: 'labels' | 'errors'): number => labels.strata.reduce((sum, s) => sum + s[what], 0)
  const counted = { labels: of('labels'), errors: of('errors') }
  // One model whose file is gone is no reason to tell nothing of the others.
  const baseline = await readBaseline(deps, version.baselineDigest).catch(fault => {
    if (fault instanceof EdgeloopError && fault.code === 'NOT_FOUND') return undefined
    throw fault
  })
  if (baseline === undefined) return { ...none, ...counted }
  const verdict = judgeErrors(labels, {
    error: baseline.error,
    tolerance: version.config.evaluation.nonInferiority,
  })
  const { harmed, error: estimate, lowerBound, accepted } = verdict
  const enough = counted.labels >= FEW_LABELS
  return {
    ...counted,
    state: harmed ? 'harmed' : enough ? 'ok' : 'not-enough-labels',
    ...{ estimate, lowerBound: counted.labels > 0 ? lowerBound : null, accepted },
  }
}
