import { float32Text } from './float32.ts'
import type { BoosterParams, Tree } from './gbdt/types.ts'

/** What goes into the model file besides the trees. */
export interface ModelFile {
  readonly trees: readonly Tree[]
  /** Trees per round. */
  readonly groups: number
  readonly params: BoosterParams
  readonly featureCount: number
  /** Names in column order; empty for data without a header row. */
  readonly featureNames: readonly string[]
  /** The learner's string attributes, for example best_iteration. */
  readonly attributes: Readonly<Record<string, string>>
}

/** The XGBoost whose schema (doc/model.schema) the file follows and was checked against. */
const VERSION = [1, 7, 4]

/**
 * The ensemble in XGBoost's JSON model format. Keys are in alphabetical order as in XGBoost's own files;
 * floats are written by hand because `1` in place of `1E0` would read back as an integer there.
 */
export function writeXgboostJson(model: ModelFile): string {
  const { trees, groups, params } = model
  const multi = params.numClass > 0
  const objective = multi
    ? { name: params.objective, softmax_multiclass_param: { num_class: String(params.numClass) } }
    : {
        name: params.objective,
        reg_loss_param: { scale_pos_weight: float32Text(Math.fround(params.scalePosWeight)) },
      }
  const learnerParam = {
    base_score: float32Text(Math.fround(params.baseScore)),
    boost_from_average: '1',
    num_class: String(params.numClass),
    num_feature: String(model.featureCount),
    num_target: '1',
  }
  const gbtree = { num_parallel_tree: '1', num_trees: String(trees.length), size_leaf_vector: '0' }
  const info = trees.map((_, i) => i % groups)
  const types = model.featureNames.map(() => 'float')
  return [
    `{"learner":{"attributes":${JSON.stringify(model.attributes)},`,
    `"feature_names":${JSON.stringify(model.featureNames)},"feature_types":${JSON.stringify(types)},`,
    `"gradient_booster":{"model":{"gbtree_model_param":${JSON.stringify(gbtree)},`,
    `"tree_info":${JSON.stringify(info)},`,
    `"trees":[${trees.map((tree, i) => treeJson(tree, i, model.featureCount)).join(',')}]},"name":"gbtree"},`,
    `"learner_model_param":${JSON.stringify(learnerParam)},"objective":${JSON.stringify(objective)}},`,
    `"version":${JSON.stringify(VERSION)}}`,
  ].join('')
}

function treeJson(tree: Tree, id: number, featureCount: number): string {
  const ints = (values: Iterable<number>): string => `[${Array.from(values).join(',')}]`
  const floats = (values: Float32Array): string => `[${Array.from(values, float32Text).join(',')}]`
  const param = {
    num_deleted: '0',
    num_feature: String(featureCount),
    num_nodes: String(tree.left.length),
    size_leaf_vector: '0',
  }
  return [
    `{"base_weights":${floats(tree.baseWeight)},"categories":[],"categories_nodes":[],`,
    `"categories_segments":[],"categories_sizes":[],"default_left":${ints(tree.defaultLeft)},"id":${id},`,
    `"left_children":${ints(tree.left)},"loss_changes":${floats(tree.lossChange)},`,
    `"parents":${ints(tree.parent)},"right_children":${ints(tree.right)},`,
    `"split_conditions":${floats(tree.condition)},"split_indices":${ints(tree.feature)},`,
    `"split_type":${ints(new Uint8Array(tree.left.length))},"sum_hessian":${floats(tree.sumHessian)},`,
    `"tree_param":${JSON.stringify(param)}}`,
  ].join('')
}
