import type { RetrainPolicy, retrainTriggers } from '../../contracts/retrain-policy.ts'
import type { ModelRow } from '../entities.ts'

export type RetrainTrigger = (typeof retrainTriggers)[number]

/** Is a retrain due by the calendar? Never before there was a first training. */
export function scheduleDue(
  { config: { retrain }, lastTrainingAt }: Pick<ModelRow, 'config' | 'lastTrainingAt'>,
  now: Date,
): boolean {
  // A model's row may be of before there were triggers.
  const { triggers, schedule = triggers?.schedule } = retrain as Partial<RetrainPolicy>
  return (
    schedule !== undefined &&
    lastTrainingAt !== undefined &&
    now.getTime() - Date.parse(lastTrainingAt) >= schedule.everyDays * 86_400_000
  )
}

/** Do episodes of this cause propose a retrain? */
export const episodeCounts = ({ triggers }: RetrainPolicy, cause: 'drift' | 'harm'): boolean =>
  cause === 'harm' ? triggers.harm : triggers.drift.enabled
