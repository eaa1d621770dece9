import { logit, sigmoid, softmax } from './gbdt/objective.ts'
import { leafOf } from './gbdt/traverse.ts'
import type { Tree } from './gbdt/types.ts'
import { asArray, asNumber, asNumbers, asObject, asStrings, asText, ModelFormatError } from './json-fields.ts'

export { ModelFormatError } from './json-fields.ts'

/** A tree ensemble read from XGBoost's JSON model format. */
export interface XgboostModel {
  /** XGBoost's objective name, for example `binary:logistic`. */
  readonly objective: string
  /** Outputs per row: the number of classes for multi:*, otherwise 1. */
  readonly groups: number
  readonly featureCount: number
  /** Empty when the model was trained without names. */
  readonly featureNames: readonly string[]
  /** The margins that every row starts from, one per output: `base_score` after the objective's link; float32. */
  readonly baseMargins: Float32Array
  readonly trees: readonly Tree[]
  /** Which output each tree adds to. */
  readonly treeGroups: readonly number[]
  readonly attributes: Readonly<Record<string, string>>
}

const IDENTITY =
  /^(reg:(squarederror|squaredlogerror|pseudohubererror|absoluteerror)|multi:soft(prob|max)|rank:.+)$/
const LOGIT = /^(binary:logistic|binary:logitraw|reg:logistic)$/
const LOG = /^(count:poisson|reg:gamma|reg:tweedie)$/

/**
 * Reads a gbtree model that XGBoost 1.x–3.x saved as `.json`, or that this trainer wrote.
 * @throws ModelFormatError naming the field, also for what is not supported: dart, gblinear, categorical
 *   splits, vector leaves, other objectives
 */
export function loadXgboostJson(text: string): XgboostModel {
  const learner = asObject(asObject(parse(text), 'model')['learner'], 'learner')
  const booster = asObject(learner['gradient_booster'], 'gradient_booster')
  const name = asText(booster['name'], 'gradient_booster.name')
  if (name !== 'gbtree') throw new ModelFormatError(`booster ${name} is not supported; only gbtree is`)
  const inner = asObject(booster['model'], 'gradient_booster.model')
  const param = asObject(learner['learner_model_param'], 'learner_model_param')
  if (asNumber(param['num_target'] ?? '1', 'num_target') > 1)
    throw new ModelFormatError('num_target above 1 is not supported')
  const objective = asText(asObject(learner['objective'], 'objective')['name'], 'objective.name')
  const groups = Math.max(1, asNumber(param['num_class'], 'num_class'))
  const featureCount = asNumber(param['num_feature'], 'num_feature')
  const trees = asArray(inner['trees'], 'trees').map((tree, i) => readTree(tree, `trees[${i}]`, featureCount))
  const treeGroups = asNumbers(inner['tree_info'], 'tree_info')
  if (treeGroups.length !== trees.length || treeGroups.some(g => !(g >= 0 && g < groups)))
    throw new ModelFormatError('tree_info does not name one output per tree')
  return {
    objective,
    groups,
    featureCount,
    featureNames: asStrings(learner['feature_names'] ?? [], 'feature_names'),
    baseMargins: baseMargins(objective, param['base_score'], groups),
    trees,
    treeGroups,
    attributes: Object.fromEntries(
      Object.entries(asObject(learner['attributes'] ?? {}, 'attributes')).map(([k, v]) => [k, String(v)]),
    ),
  }
}

/**
 * What XGBoost's `predict(output_margin=True)` gives, bit for bit: float32 sums in tree order over all
 * trees of the file. Features are rounded to float32 first; NaN is missing.
 * @param rows one array of `featureCount` numbers per row
 * @returns row-major, `rows.length * groups`
 */
export function margins(model: XgboostModel, rows: readonly ArrayLike<number>[]): Float32Array {
  const { groups, featureCount, trees, treeGroups } = model
  const out = Float32Array.from({ length: rows.length * groups }, (_, i) => model.baseMargins[i % groups]!)
  const values = new Float32Array(featureCount)
  rows.forEach((row, r) => {
    if (row.length !== featureCount)
      throw new RangeError(`row ${r} has ${row.length} features, the model has ${featureCount}`)
    values.set(row)
    trees.forEach((tree, t) => {
      const at = r * groups + treeGroups[t]!
      out[at] = out[at]! + tree.condition[leafOf(tree, values, 0)]!
    })
  })
  return out
}

/** Margins as XGBoost's plain `predict` gives them: probabilities, classes (multi:softmax) or values. */
export function predictions(model: XgboostModel, marginValues: Float32Array): Float32Array {
  const { objective, groups } = model
  if (objective === 'binary:logistic' || objective === 'reg:logistic') return marginValues.map(sigmoid)
  if (LOG.test(objective)) return marginValues.map(Math.exp)
  if (!objective.startsWith('multi:')) return marginValues
  const out = new Float32Array(marginValues.length)
  for (let at = 0; at < out.length; at += groups) softmax(marginValues, at, groups, out, at)
  if (objective === 'multi:softprob') return out
  return Float32Array.from({ length: out.length / groups }, (_, r) => {
    const row = marginValues.subarray(r * groups, (r + 1) * groups)
    return row.indexOf(row.reduce((top, m) => Math.max(top, m)))
  })
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ModelFormatError(`not JSON: ${(error as Error).message}`)
  }
}

/** `5E-1`, or since XGBoost 3.1 a vector with one entry for all outputs or one per output: `[5E-1,2E-1]`. */
function baseMargins(objective: string, field: unknown, groups: number): Float32Array {
  const link = linkOf(objective)
  const scores = asText(field, 'base_score')
    .replace(/^\[(.*)\]$/, '$1')
    .split(',')
    .map(text => link(Math.fround(asNumber(text, 'base_score'))))
  if (scores.length !== 1 && scores.length !== groups)
    throw new ModelFormatError(`base_score has ${scores.length} values for ${groups} outputs`)
  return Float32Array.from({ length: groups }, (_, k) => scores[k % scores.length]!)
}

function linkOf(objective: string): (score: number) => number {
  if (IDENTITY.test(objective)) return score => score
  if (LOGIT.test(objective)) return logit
  if (LOG.test(objective)) return Math.log
  throw new ModelFormatError(`objective ${objective} is not supported`)
}

function readTree(value: unknown, at: string, featureCount: number): Tree {
  const json = asObject(value, at)
  const ints = (field: string): Int32Array => Int32Array.from(asNumbers(json[field], `${at}.${field}`))
  const floats = (field: string): Float32Array => Float32Array.from(asNumbers(json[field], `${at}.${field}`))
  if (json['split_type'] !== undefined && ints('split_type').some(type => type !== 0))
    throw new ModelFormatError(`${at} has categorical splits, which are not supported`)
  const tree: Tree = {
    left: ints('left_children'),
    right: ints('right_children'),
    parent: ints('parents'),
    feature: ints('split_indices'),
    condition: floats('split_conditions'),
    // XGBoost before 1.7 writes booleans here.
    defaultLeft: Uint8Array.from(asArray(json['default_left'], `${at}.default_left`), flag => Number(flag)),
    baseWeight: floats('base_weights'),
    lossChange: floats('loss_changes'),
    sumHessian: floats('sum_hessian'),
  }
  const nodes = tree.left.length
  if (nodes === 0) throw new ModelFormatError(`${at} has no nodes`)
  for (const [field, values] of Object.entries(tree)) {
    if (values.length !== nodes)
      throw new ModelFormatError(`${at}.${field} has ${values.length} of ${nodes} nodes`)
  }
  for (let i = 0; i < nodes; i++) {
    if (tree.left[i] === -1) continue
    // Children after their parent: a walk from the root always ends.
    const sound = [tree.left[i]!, tree.right[i]!].every(child => child > i && child < nodes)
    if (!sound || tree.feature[i]! < 0 || tree.feature[i]! >= featureCount)
      throw new ModelFormatError(`${at}, node ${i}: child or feature out of range`)
  }
  return tree
}
