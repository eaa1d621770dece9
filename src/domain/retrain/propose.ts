import { type EpisodeRow, keys, type ModelRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import type { Row } from '../store.ts'
import type { Asked, RetrainFacts } from './guards.ts'
import { episodeCounts, type RetrainTrigger, scheduleDue } from './triggers.ts'

/** What may speak for a retrain, before anything about the field is known. */
export interface Proposal {
  readonly trigger: RetrainTrigger
  /** Episodes of the champion that the retrain would answer; the first is the one that proposes. */
  readonly episodes: readonly Row<EpisodeRow>[]
  readonly asked?: Asked
}

/**
 * Proposals by their weight: a person, harm, drift, the schedule, and, where `volume` is set, labels alone, which
 * `enoughVolume` confirms once they are counted.
 * @param request a person's, if that is what came
 * @param named episode whose opening came: looked at even if it was answered before, so that the record says so
 */
export async function proposalFor(
  deps: Core,
  model: ModelRow,
  { request, named }: { readonly request?: Asked; readonly named?: string },
): Promise<Proposal | undefined> {
  const { config, champion } = model
  const { triggers, episodeDedupe } = config.retrain
  const rows = await deps.store.query<EpisodeRow>(keys.model(config.name).pk, 'EPISODE#')
  const current = rows.filter(e => e.data.version === champion && e.data.closed === undefined)
  if (request !== undefined) {
    const { by, reason, force, override } = request
    const open = current.filter(e => e.data.decision === undefined)
    return { trigger: 'manual', episodes: open, asked: { by, reason, force, override } }
  }
  const episodes = current
    .filter(e => episodeCounts(config.retrain, e.data.cause))
    .filter(e => e.data.decision === undefined || !episodeDedupe || e.data.episode === named)
    .sort((a, b) => weight(a) - weight(b))
  const [first] = episodes
  if (first !== undefined) return { trigger: first.data.cause, episodes }
  if (scheduleDue(model, deps.now())) return { trigger: 'schedule', episodes: [] }
  return triggers.volume === undefined ? undefined : { trigger: 'volume', episodes: [] }
}
/** Unanswered before answered, harm before drift. */
const weight = ({ data }: Row<EpisodeRow>): number =>
  (data.decision === undefined ? 0 : 2) + (data.cause === 'harm' ? 0 : 1)

export const enoughVolume = (
  { config: { retrain } }: ModelRow,
  { newLabels }: Pick<RetrainFacts, 'newLabels'>,
): boolean => newLabels >= (retrain.triggers.volume?.labels ?? Number.POSITIVE_INFINITY)
