import { binMatrix } from './bins.ts'
import { createTreeGrower } from './grow.ts'
import { createObjective } from './objective.ts'
import { createRandom } from './random.ts'
import { sampleRows } from './sampling.ts'
import { addTree } from './traverse.ts'
import type { BoosterParams, Dataset, Tree } from './types.ts'

/** A boosted ensemble under construction. */
export interface Booster {
  /** Trees per round. */
  readonly groups: number
  /** Round by round, within a round class by class. */
  readonly trees: readonly Tree[]
  /** Margins of the training rows with all trees so far, row-major rows * groups. */
  readonly margins: Float32Array
  /** The margin that every row starts from. */
  readonly baseMargin: number
  /** Adds one round and returns its trees. */
  boost(): readonly Tree[]
}

/** Prepares histogram gradient boosting on `train`; every call of `boost` adds one round. Deterministic. */
export function createBooster(train: Dataset, params: BoosterParams): Booster {
  const objective = createObjective(params)
  const { groups } = objective
  const { rows, cols, values, labels } = train
  const random = createRandom(params.seed)
  const grow = createTreeGrower(binMatrix(train, params.maxBin), params, random)
  const trees: Tree[] = []
  const margins = new Float32Array(rows * groups).fill(objective.baseMargin)
  const grad = new Float32Array(rows * groups)
  const hess = new Float32Array(rows * groups)

  const boost = (): readonly Tree[] => {
    objective.gradients(margins, labels, train.weights, grad, hess)
    const round: Tree[] = []
    for (let k = 0; k < groups; k++) {
      const sample = sampleRows(rows, params.subsample, random)
      const slice = [k * rows, (k + 1) * rows] as const
      const { tree, leaves } = grow(sample, grad.subarray(...slice), hess.subarray(...slice))
      if (sample.length < rows) {
        addTree(tree, values, cols, margins, groups, k)
      } else {
        for (const leaf of leaves) {
          for (const row of leaf.rows) {
            const at = row * groups + k
            margins[at] = margins[at]! + leaf.value
          }
        }
      }
      round.push(tree)
    }
    trees.push(...round)
    return round
  }

  return { groups, trees, margins, baseMargin: objective.baseMargin, boost }
}

/** Margins of a row-major matrix under the first `trees.length / groups` rounds, row-major rows * groups. */
export function marginsOf(
  trees: readonly Tree[],
  groups: number,
  baseMargin: number,
  data: Pick<Dataset, 'rows' | 'cols' | 'values'>,
): Float32Array {
  const margins = new Float32Array(data.rows * groups).fill(baseMargin)
  trees.forEach((tree, i) => {
    addTree(tree, data.values, data.cols, margins, groups, i % groups)
  })
  return margins
}
