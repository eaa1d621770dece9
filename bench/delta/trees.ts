import type { LabelledRows } from '../../src/domain/dataset/parse.ts'
import { binMatrix } from '../../trainer/gbdt/bins.ts'
import { createBooster, marginsOf } from '../../trainer/gbdt/booster.ts'
import { createTreeGrower } from '../../trainer/gbdt/grow.ts'
import { createObjective } from '../../trainer/gbdt/objective.ts'
import { createRandom } from '../../trainer/gbdt/random.ts'
import { nodeWeight, regularization } from '../../trainer/gbdt/split.ts'
import { addTree, leafOf } from '../../trainer/gbdt/traverse.ts'
import type { BoosterParams, Dataset, Tree } from '../../trainer/gbdt/types.ts'
import { boosterParams, parseHyperparameters } from '../../trainer/hyperparameters.ts'
import { writeXgboostJson } from '../../trainer/model-json.ts'

export interface TreeModel {
  readonly params: BoosterParams
  readonly groups: number
  readonly baseMargin: number
  readonly trees: readonly Tree[]
}

export const dataset = ({ features, labels }: LabelledRows): Dataset => ({
  rows: labels.length,
  cols: features[0]!.length,
  values: Float32Array.from(features.flat()),
  labels: Float32Array.from(labels),
})

/** A model of `num_round` rounds from nothing, by the trainer as it is. */
export function train(data: Dataset, hyperparameters: Readonly<Record<string, string>>): TreeModel {
  const hp = parseHyperparameters(hyperparameters)
  const params = boosterParams(hp)
  const booster = createBooster(data, params)
  for (let round = 0; round < hp.num_round; round++) booster.boost()
  const { groups, baseMargin, trees } = booster
  return { params, groups, baseMargin, trees }
}

/** Warm start: further rounds on `data`, from the margins of the trees that are there. These stay as they are. */
export function append(model: TreeModel, data: Dataset, rounds: number): TreeModel {
  const { params, groups, baseMargin } = model
  const trees = [...model.trees]
  const grow = createTreeGrower(binMatrix(data, params.maxBin), params, createRandom(params.seed + 1))
  const margins = marginsOf(trees, groups, baseMargin, data)
  const grad = new Float32Array(margins.length)
  const hess = new Float32Array(margins.length)
  for (let round = 0; round < rounds; round++) {
    createObjective(params).gradients(margins, data.labels, undefined, grad, hess)
    for (let k = 0; k < groups; k++) {
      const part = [k * data.rows, (k + 1) * data.rows] as const
      const all = Uint32Array.from({ length: data.rows }, (_, i) => i)
      const { tree } = grow(all, grad.subarray(...part), hess.subarray(...part))
      addTree(tree, data.values, data.cols, margins, groups, k)
      trees.push(tree)
    }
  }
  return { ...model, trees }
}

export interface Refresh {
  /** New leaves are rounded to multiples of this, a power of two; 0 for f32 as it comes. */
  readonly step?: number
  /** A leaf that would move by less stays. Later trees see that, so that the errors do not add up. */
  readonly tolerance?: number
}

/** XGBoost's `process_type=update, updater=refresh`: the splits stay, every leaf is worked out again on `data`. */
export function refresh(
  model: TreeModel,
  data: Dataset,
  { step = 0, tolerance = 0 }: Refresh = {},
): TreeModel {
  const { params, groups, baseMargin } = model
  const reg = regularization(params)
  const objective = createObjective(params)
  const margins = new Float32Array(data.rows * groups).fill(baseMargin)
  const grad = new Float32Array(margins.length)
  const hess = new Float32Array(margins.length)
  const trees = model.trees.map((tree, i) => {
    if (i % groups === 0) objective.gradients(margins, data.labels, undefined, grad, hess)
    const offset = (i % groups) * data.rows
    const G = new Float64Array(tree.left.length)
    const H = new Float64Array(tree.left.length)
    const reached = Uint32Array.from({ length: data.rows }, (_, row) =>
      leafOf(tree, data.values, row * data.cols),
    )
    reached.forEach((leaf, row) => {
      G[leaf]! += grad[offset + row]!
      H[leaf]! += hess[offset + row]!
    })
    // A leaf that no row reaches keeps its value.
    const condition = tree.condition.map((old, node) => {
      if (tree.left[node] !== -1 || H[node] === 0) return old
      const value = onGrid(Math.fround(nodeWeight(G[node]!, H[node]!, reg) * params.eta), step)
      return Math.abs(value - old) < tolerance ? old : value
    })
    const fresh = { ...tree, condition }
    addTree(fresh, data.values, data.cols, margins, groups, i % groups)
    return fresh
  })
  return { ...model, trees }
}

const onGrid = (value: number, step: number): number => (step === 0 ? value : Math.round(value / step) * step)

/** The model with its leaves rounded to multiples of `step`, a power of two. */
export const gridded = (model: TreeModel, step: number): TreeModel => ({
  ...model,
  trees: model.trees.map(tree => ({
    ...tree,
    condition: tree.condition.map((v, node) => (tree.left[node] === -1 ? onGrid(v, step) : v)),
  })),
})

/** Margins of single rows, the same sums as the compiled artefact's. */
export const marginsOfRow =
  ({ trees, groups, baseMargin }: TreeModel) =>
  (row: readonly number[]): Float32Array =>
    marginsOf(trees, groups, baseMargin, { rows: 1, cols: row.length, values: Float32Array.from(row) })

/** XGBoost's JSON, as the trainer writes it. */
export function modelFile(model: TreeModel, featureNames: readonly string[]): Uint8Array {
  const { trees, groups, params } = model
  const attributes = { best_iteration: String(trees.length / groups - 1) }
  return Buffer.from(
    writeXgboostJson({
      trees,
      groups,
      params,
      featureCount: featureNames.length,
      featureNames,
      attributes,
    }),
  )
}
