import type { ModelConfig } from '../../contracts/model-config.ts'
import { InputError } from '../errors.ts'

/** What the blocks of model.yaml must fulfil together; throws InputError. */
export function checkPolicies({ features, evaluation, retrain, training }: ModelConfig): void {
  for (const [i, { name, feature }] of evaluation.slices.entries()) {
    if (features.some(f => f.name === feature)) continue
    throw new InputError(
      'UNKNOWN_FEATURE',
      `slice "${name}" is by "${feature}", which is no feature`,
      `evaluation.slices.${i}.feature`,
    )
  }
  const { budget } = retrain
  const { instanceType } = training
  if (budget?.costPerMonth !== undefined && budget.pricePerHour[instanceType] === undefined)
    throw new InputError(
      'NO_PRICE',
      `retrain.budget.costPerMonth needs the price of ${instanceType}, on which training runs`,
      'retrain.budget.pricePerHour',
    )
}
