import type { Split } from './split.ts'
import type { Tree } from './types.ts'

/** Grows the node arrays of one tree; `finish` packs them into float32. */
export function createTreeBuilder() {
  const left: number[] = []
  const right: number[] = []
  const parent: number[] = []
  const feature: number[] = []
  const condition: number[] = []
  const defaultLeft: number[] = []
  const baseWeight: number[] = []
  const lossChange: number[] = []
  const sumHessian: number[] = []

  /** Adds a leaf and returns its number; the root's parent is XGBoost's 2147483647. */
  const addLeaf = (parentNode: number, value: number, weight: number, hessian: number): number => {
    left.push(-1)
    right.push(-1)
    parent.push(parentNode)
    feature.push(0)
    condition.push(value)
    defaultLeft.push(0)
    baseWeight.push(weight)
    lossChange.push(0)
    sumHessian.push(hessian)
    return left.length - 1
  }

  /** Turns leaf `node` into an inner node over two leaves added before; `weight` is its unshrunken weight. */
  const setSplit = (
    node: number,
    split: Split,
    weight: number,
    children: readonly [number, number],
  ): void => {
    left[node] = children[0]
    right[node] = children[1]
    feature[node] = split.feature
    condition[node] = split.condition
    defaultLeft[node] = split.defaultLeft ? 1 : 0
    baseWeight[node] = weight
    lossChange[node] = split.lossChange
  }

  const finish = (): Tree => ({
    left: Int32Array.from(left),
    right: Int32Array.from(right),
    parent: Int32Array.from(parent),
    feature: Int32Array.from(feature),
    condition: Float32Array.from(condition),
    defaultLeft: Uint8Array.from(defaultLeft),
    baseWeight: Float32Array.from(baseWeight),
    lossChange: Float32Array.from(lossChange),
    sumHessian: Float32Array.from(sumHessian),
  })

  return { addLeaf, setSplit, finish, leafValue: (node: number): number => condition[node]! }
}
