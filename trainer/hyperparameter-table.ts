/** Allowed values of one numeric hyperparameter; `open` bounds are excluded. */
export interface NumberRule {
  readonly integer?: true
  readonly min?: number
  readonly minOpen?: true
  readonly max?: number
  readonly fallback?: number
}

/** SageMaker XGBoost's numeric hyperparameters with XGBoost's defaults; float32 is what the model keeps. */
export const NUMBER_RULES = {
  num_round: { integer: true, min: 1, max: 100_000 },
  num_class: { integer: true, min: 2, max: 1000, fallback: 0 },
  eta: { min: 0, minOpen: true, max: 1, fallback: 0.3 },
  max_depth: { integer: true, min: 1, max: 30, fallback: 6 },
  min_child_weight: { min: 0, fallback: 1 },
  gamma: { min: 0, fallback: 0 },
  lambda: { min: 0, fallback: 1 },
  alpha: { min: 0, fallback: 0 },
  max_delta_step: { min: 0, fallback: 0 },
  subsample: { min: 0, minOpen: true, max: 1, fallback: 1 },
  colsample_bytree: { min: 0, minOpen: true, max: 1, fallback: 1 },
  colsample_bylevel: { min: 0, minOpen: true, max: 1, fallback: 1 },
  max_bin: { integer: true, min: 2, max: 65_535, fallback: 256 },
  scale_pos_weight: { min: 0, minOpen: true, fallback: 1 },
  base_score: { fallback: 0.5 },
  early_stopping_rounds: { integer: true, min: 1, fallback: 0 },
  seed: { integer: true, min: -(2 ** 31), max: 2 ** 31 - 1, fallback: 0 },
  csv_weights: { integer: true, min: 0, max: 1, fallback: 0 },
} as const satisfies Record<string, NumberRule>

export type NumberName = keyof typeof NUMBER_RULES

export const TEXT_NAMES = [
  'objective',
  'eval_metric',
  'tree_method',
  'grow_policy',
  'label_column',
  'weight_column',
  'classes',
] as const

/** Names that XGBoost knows under another name, for the error message. */
export const OTHER_NAMES: Readonly<Record<string, string>> = {
  reg_lambda: 'lambda',
  reg_alpha: 'alpha',
  min_split_loss: 'gamma',
  n_estimators: 'num_round',
  num_boost_round: 'num_round',
  random_state: 'seed',
}

/** The rule as text: `an integer in [1, 30]`, `a number in (0, 1]`, `a number of at least 0`. */
export function describeRule(rule: NumberRule): string {
  const kind = rule.integer ? 'an integer' : 'a number'
  if (rule.min === undefined) return kind
  if (rule.max === undefined) return `${kind} ${rule.minOpen ? 'above' : 'of at least'} ${rule.min}`
  return `${kind} in ${rule.minOpen ? '(' : '['}${rule.min}, ${rule.max}]`
}
