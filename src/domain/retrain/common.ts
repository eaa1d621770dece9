import type { ModelRow, VersionRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import { rejectedInRow } from './breaker.ts'
import type { RetrainFacts } from './guards.ts'
import { monthOf } from './month.ts'

export type CommonFacts = Pick<RetrainFacts, 'now' | 'lastTrainingAt' | 'month' | 'breaker'>

/** What is asked of every training, a drop's too. */
export async function commonFacts(
  { store, now }: Pick<Core, 'store' | 'now'>,
  model: ModelRow,
  newest: readonly VersionRow[],
): Promise<CommonFacts> {
  const { config, lastTrainingAt } = model
  const at = now()
  return {
    now: at.toISOString(),
    ...(lastTrainingAt ? { lastTrainingAt } : {}),
    month: monthOf(newest, model, config.retrain.budget, at),
    breaker: await rejectedInRow(store, config.name, newest),
  }
}
