import { retrainPolicy } from '../../contracts/retrain-policy.ts'
import { type DecisionRow, keys, listings, type ModelRow } from '../entities.ts'
import type { Core } from '../ports.ts'
import { type Put, put } from '../store.ts'
import { commonFacts } from './common.ts'
import { evaluateGuards, failedGuards } from './guards.ts'
import { newestVersions } from './month.ts'

export interface DropDecision {
  readonly decision: string
  readonly failed: readonly string[]
  /** Absent when it is on record already. */
  readonly write?: Put
}

/**
 * May a dropped dataset be trained on at once? Decided by itself, since a drop brings its own data: labels and devices
 * of the field are not asked for. What is held back is part of the next training, since that takes all drops in.
 */
export async function decideDrop(
  deps: Pick<Core, 'store' | 'now'>,
  modelRow: ModelRow,
  dataset: string,
): Promise<DropDecision> {
  const model = modelRow.config.name
  const decision = `drop-${dataset.slice(0, 12)}`
  const key = keys.decision(model, decision)
  const known = await deps.store.get<DecisionRow>(key)
  if (known !== undefined) return { decision, failed: failedGuards(known.data.guards) }
  const config = { ...modelRow.config, retrain: retrainPolicy.parse(modelRow.config.retrain) }
  const facts = {
    trigger: 'drop' as const,
    ...(await commonFacts(deps, { ...modelRow, config }, await newestVersions(deps.store, model))),
  }
  const guards = evaluateGuards(facts, config)
  const failed = failedGuards(guards)
  const row: DecisionRow = {
    ...{ decision, model, trigger: 'drop', approved: failed.length === 0, facts, guards, at: facts.now },
  }
  return {
    ...{ decision, failed },
    write: put(key, row, undefined, {
      list: { pk: listings.decisions, sk: `${facts.now}#${model}#${decision}` },
    }),
  }
}
