import type { ModelConfig } from '../../contracts/model-config.ts'
import { checkValue } from '../dataset/parse.ts'
import { InputError } from '../errors.ts'

/** Checks a field row against the model's features: number of values, missing ones, finiteness, ranges. */
export function checkRow(
  row: readonly (number | null)[],
  { features }: Pick<ModelConfig, 'features'>,
  field: string,
): void {
  if (row.length !== features.length) {
    throw new InputError(
      'FEATURE_COUNT',
      `${row.length} values, the model has ${features.length} features`,
      field,
    )
  }
  features.forEach((feature, f) => {
    const value = row[f]
    if (value === null || value === undefined) {
      if (feature.required)
        throw new InputError('MISSING_VALUE', `"${feature.name}" is missing`, `${field}.${f}`)
    } else if (!Number.isFinite(value)) {
      throw new InputError('NOT_A_NUMBER', `"${feature.name}" is ${value}`, `${field}.${f}`)
    } else checkValue(value, feature)
  })
}
