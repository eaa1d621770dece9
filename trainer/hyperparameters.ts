import { TrainingInputError } from './errors.ts'
import { METRIC_NAMES, type MetricName, metricsOf } from './gbdt/metrics.ts'
import type { BoosterParams, ObjectiveName } from './gbdt/types.ts'
import {
  describeRule,
  NUMBER_RULES,
  type NumberName,
  type NumberRule,
  OTHER_NAMES,
  TEXT_NAMES,
} from './hyperparameter-table.ts'

/** Every hyperparameter with its value in effect, under its SageMaker name. */
export type Hyperparameters = Readonly<Record<NumberName, number>> & {
  readonly objective: ObjectiveName
  /** In the given order; the last one is watched by early stopping. */
  readonly eval_metric: readonly MetricName[]
  readonly tree_method: 'hist'
  readonly grow_policy: 'depthwise'
  readonly label_column?: string
  readonly weight_column?: string
  readonly classes?: readonly string[]
}

const OBJECTIVES: readonly ObjectiveName[] = [
  'binary:logistic',
  'multi:softprob',
  'multi:softmax',
  'reg:squarederror',
]
/** SageMaker's tuner adds this one by itself. */
const IGNORED = new Set(['_tuning_objective_metric'])

/**
 * Reads the content of hyperparameters.json, where all values are strings.
 * @throws TrainingInputError naming the hyperparameter, what it may be and what it was
 */
export function parseHyperparameters(raw: unknown): Hyperparameters {
  const given = stringMap(raw)
  const numbers = Object.fromEntries(
    Object.entries(NUMBER_RULES).map(([name, rule]) => [name, readNumber(name, rule, given.get(name))]),
  ) as Record<NumberName, number>
  const objective = oneOf('objective', given.get('objective') ?? 'reg:squarederror', OBJECTIVES)
  oneOf('tree_method', given.get('tree_method') ?? 'hist', ['hist', 'auto'])
  oneOf('grow_policy', given.get('grow_policy') ?? 'depthwise', ['depthwise'])
  const classes = readClasses(given.get('classes'))
  numbers.num_class = checkClasses(objective, numbers.num_class, classes)
  checkBaseScore(objective, numbers.base_score)
  if (objective !== 'binary:logistic' && given.has('scale_pos_weight') && numbers.scale_pos_weight !== 1)
    throw new TrainingInputError('scale_pos_weight only works with objective binary:logistic: remove it')
  const label = columnName('label_column', given)
  const weight = columnName('weight_column', given)
  if (weight !== undefined && numbers.csv_weights === 1)
    throw new TrainingInputError(
      'csv_weights and weight_column exclude each other: use weight_column for files with a header row, csv_weights for files without',
    )
  return {
    ...numbers,
    objective,
    eval_metric: readMetrics(objective, given.get('eval_metric')),
    tree_method: 'hist',
    grow_policy: 'depthwise',
    ...(label === undefined ? {} : { label_column: label }),
    ...(weight === undefined ? {} : { weight_column: weight }),
    ...(classes === undefined ? {} : { classes }),
  }
}

/** The part of the hyperparameters that the boosting core needs. */
export function boosterParams(hp: Hyperparameters): BoosterParams {
  return {
    objective: hp.objective,
    numClass: hp.num_class,
    eta: hp.eta,
    maxDepth: hp.max_depth,
    minChildWeight: hp.min_child_weight,
    gamma: hp.gamma,
    lambda: hp.lambda,
    alpha: hp.alpha,
    maxDeltaStep: hp.max_delta_step,
    subsample: hp.subsample,
    colsampleByTree: hp.colsample_bytree,
    colsampleByLevel: hp.colsample_bylevel,
    maxBin: hp.max_bin,
    scalePosWeight: hp.scale_pos_weight,
    baseScore: hp.base_score,
    seed: hp.seed,
  }
}

function stringMap(raw: unknown): Map<string, string> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw))
    throw new TrainingInputError('hyperparameters.json must be one JSON object of strings')
  const given = new Map<string, string>()
  const known = new Set<string>([...Object.keys(NUMBER_RULES), ...TEXT_NAMES])
  for (const [key, value] of Object.entries(raw)) {
    if (IGNORED.has(key)) continue
    const name = key === 'learning_rate' ? 'eta' : key
    if (!known.has(name)) throw new TrainingInputError(unknownName(key, known))
    if (typeof value !== 'string')
      throw new TrainingInputError(
        `hyperparameter ${key}: expected a string (SageMaker passes all values as strings)`,
      )
    if (given.has(name))
      throw new TrainingInputError('eta and learning_rate are the same hyperparameter: give one')
    given.set(name, value.trim())
  }
  return given
}

function unknownName(key: string, known: ReadonlySet<string>): string {
  const other = Object.hasOwn(OTHER_NAMES, key) ? OTHER_NAMES[key] : undefined
  if (other !== undefined) return `unknown hyperparameter ${key}: use ${other}`
  return `unknown hyperparameter ${JSON.stringify(key.slice(0, 80))}; known are ${[...known].join(', ')}`
}

function readNumber(name: string, rule: NumberRule, text: string | undefined): number {
  if (text === undefined) {
    if (rule.fallback !== undefined) return rule.fallback
    throw new TrainingInputError(`hyperparameter ${name} is required: ${describeRule(rule)}`)
  }
  const value = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text) ? Number(text) : NaN
  const low = rule.min ?? -Infinity
  const inside = (rule.minOpen ? value > low : value >= low) && value <= (rule.max ?? Infinity)
  // A positive value that float32 turns into 0 would pass the range check and then mean something else.
  const kept = Number.isFinite(Math.fround(value)) && (Math.fround(value) !== 0 || value === 0)
  if (!inside || !kept || (rule.integer && !Number.isInteger(value)))
    throw new TrainingInputError(
      `hyperparameter ${name}: expected ${describeRule(rule)}, got ${JSON.stringify(text.slice(0, 80))}`,
    )
  return value
}

function oneOf<T extends string>(name: string, text: string, allowed: readonly T[]): T {
  const found = allowed.find(value => value === text)
  if (found !== undefined) return found
  throw new TrainingInputError(
    `hyperparameter ${name}: expected ${allowed.join(' or ')}, got ${JSON.stringify(text.slice(0, 80))}`,
  )
}

function readMetrics(objective: ObjectiveName, text: string | undefined): MetricName[] {
  const allowed = metricsOf(objective)
  if (text === undefined) return [allowed[0]!]
  const names = text.split(',').map(name => oneOf('eval_metric', name.trim(), METRIC_NAMES))
  for (const name of names) {
    if (!allowed.includes(name))
      throw new TrainingInputError(
        `hyperparameter eval_metric: ${objective} has ${allowed.join(', ')}, not ${name}`,
      )
  }
  if (new Set(names).size < names.length)
    throw new TrainingInputError('hyperparameter eval_metric: the same metric is named twice')
  return names
}

function readClasses(text: string | undefined): string[] | undefined {
  if (text === undefined) return undefined
  const bad =
    'hyperparameter classes: expected a JSON array of at least two different class names, like ["good","bad"]'
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new TrainingInputError(bad)
  }
  if (
    !Array.isArray(value) ||
    value.length < 2 ||
    !value.every(name => typeof name === 'string' && name !== '')
  )
    throw new TrainingInputError(bad)
  const names = value as string[]
  if (new Set(names).size < names.length || names.some(name => name !== name.trim()))
    throw new TrainingInputError(bad)
  return names
}

function checkClasses(
  objective: ObjectiveName,
  numClass: number,
  classes: readonly string[] | undefined,
): number {
  if (objective.startsWith('multi:')) {
    const count = numClass || (classes?.length ?? 0)
    if (count === 0)
      throw new TrainingInputError(
        `hyperparameter num_class is required with ${objective}: an integer in [2, 1000]`,
      )
    if (count > NUMBER_RULES.num_class.max)
      throw new TrainingInputError(
        `hyperparameter classes: at most ${NUMBER_RULES.num_class.max} names, got ${count}`,
      )
    if (classes !== undefined && classes.length !== count)
      throw new TrainingInputError(
        `hyperparameter num_class is ${count}, but classes names ${classes.length}`,
      )
    return count
  }
  if (numClass !== 0)
    throw new TrainingInputError(
      `num_class only works with objective multi:softprob or multi:softmax, not ${objective}: remove it`,
    )
  if (classes !== undefined && objective === 'reg:squarederror')
    throw new TrainingInputError('classes does not work with objective reg:squarederror: remove it')
  if (classes !== undefined && classes.length !== 2)
    throw new TrainingInputError(
      `hyperparameter classes: binary:logistic needs exactly two names, got ${classes.length}`,
    )
  return 0
}

function checkBaseScore(objective: ObjectiveName, score: number): void {
  const p = Math.fround(score)
  if (objective === 'binary:logistic' && !(p > 0 && p < 1))
    throw new TrainingInputError(
      `hyperparameter base_score: binary:logistic needs a probability in (0, 1), got ${score}`,
    )
}

function columnName(name: string, given: ReadonlyMap<string, string>): string | undefined {
  const text = given.get(name)
  if (text === '')
    throw new TrainingInputError(`hyperparameter ${name}: expected the name of a column, got ""`)
  return text
}
