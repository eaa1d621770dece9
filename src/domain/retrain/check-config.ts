import type { ModelConfig } from '../../contracts/model-config.ts'
import { type ConfigFault, fault } from '../model/fault.ts'

/** What the blocks of model.yaml must fulfil together. */
export function* policyFaults({
  features,
  evaluation,
  retrain,
  training,
}: ModelConfig): Generator<ConfigFault> {
  for (const [i, { name, feature }] of evaluation.slices.entries())
    if (!features.some(f => f.name === feature))
      yield fault('UNKNOWN_FEATURE', `slice "${name}" is by "${feature}", which is no feature`, [
        'evaluation',
        'slices',
        i,
        'feature',
      ])
  const { budget } = retrain
  const { instanceType } = training
  if (budget?.costPerMonth !== undefined && budget.pricePerHour[instanceType] === undefined)
    yield fault(
      'NO_PRICE',
      `retrain.budget.costPerMonth needs the price of ${instanceType}, on which training runs`,
      ['retrain', 'budget', 'pricePerHour'],
    )
}
