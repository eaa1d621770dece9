import { isLeaf, type Tree } from '../ensemble.ts'
import { Code, type Func, op, VOID } from './encode.ts'
import { locals, type } from './module.ts'

/** Four trees are walked side by side, so that their loads overlap. */
export const LANES = 4
export const BRANCHLESS_MAX_DEPTH = 10
/** `feature * 4 | flag` is a u16. */
export const BRANCHLESS_MAX_FEATURES = 16384

/** Which way missing values go in a group: one way everywhere, or per node by bit 0 of the feature word. */
export type Missing = 'left' | 'right' | 'mixed'

export interface Group {
  /** At most LANES trees, in order. */
  readonly trees: readonly Tree[]
  readonly depth: number
  readonly missing: Missing
}

const missingOf = (trees: readonly Tree[]): Missing => {
  let left = false
  let right = false
  for (const { nodes } of trees)
    for (let i = 0; i < nodes.left.length; i++)
      if (!isLeaf(nodes, i)) {
        if (nodes.defaultLeft[i] === 1) left = true
        else right = true
      }
  return left && right ? 'mixed' : left ? 'left' : 'right'
}

export const groupTrees = (trees: readonly Tree[]): Group[] => {
  const groups: Group[] = []
  for (let i = 0; i < trees.length; i += LANES) {
    const lanes = trees.slice(i, i + LANES)
    groups.push({
      trees: lanes,
      depth: Math.max(...lanes.map(tree => tree.depth)),
      missing: missingOf(lanes),
    })
  }
  return groups
}

/*
 * A group's data, complete trees of depth d numbered from 1 so that node i has children 2i and 2i + 1:
 * per lane 2^(d+1) words {output offset: u32, thresholds of nodes 1 to 2^d - 1: f32, 2^d leaves: f32}, then
 * per lane 2^d - 1 u16 for those nodes: feature * 4, plus 1 where missing goes right if the group is mixed.
 */
const laneBytes = (depth: number): number => 2 ** (depth + 1) * 4
const featureBytes = (depth: number): number => (2 ** depth - 1) * 2
const featuresAt = (depth: number): number => LANES * laneBytes(depth)

/** Bytes of one group: a multiple of 4, because four lanes of u16 are a multiple of 8. */
export const groupBytes = (depth: number): number => LANES * (laneBytes(depth) + featureBytes(depth))

const writeLane = (view: DataView, start: number, lane: number, group: Group, tree: Tree): void => {
  const { left, right, feature, value, defaultLeft } = tree.nodes
  const { depth, missing } = group
  const valueAt = start + lane * laneBytes(depth)
  const featureAt = start + featuresAt(depth) + lane * featureBytes(depth) - 2
  view.setUint32(valueAt, tree.class * 4, true)
  const visit = (node: number, index: number): void => {
    if (index >= 2 ** depth) {
      view.setFloat32(valueAt + index * 4, value[node]!, true)
      return
    }
    // Below a leaf that ends early both arms repeat it, so what the padding nodes test does not matter.
    const leaf = isLeaf(tree.nodes, node)
    if (!leaf) {
      const flag = missing === 'mixed' && defaultLeft[node] === 0 ? 1 : 0
      view.setFloat32(valueAt + index * 4, value[node]!, true)
      view.setUint16(featureAt + index * 2, feature[node]! * 4 + flag, true)
    }
    visit(leaf ? node : left[node]!, index * 2)
    visit(leaf ? node : right[node]!, index * 2 + 1)
  }
  visit(0, 1)
}

/** A lane without a tree adds -0, the one number that changes no sum, not even one of -0. */
const writeEmptyLane = (view: DataView, start: number, lane: number, depth: number): void => {
  for (let i = 2 ** depth; i < 2 ** (depth + 1); i++)
    view.setFloat32(start + lane * laneBytes(depth) + i * 4, -0, true)
}

/** The data of consecutive groups of one depth and one way of handling missing values. */
export const encodeGroups = (groups: readonly Group[]): Uint8Array => {
  const bytes = new Uint8Array(groups.reduce((sum, group) => sum + groupBytes(group.depth), 0))
  const view = new DataView(bytes.buffer)
  let start = 0
  for (const group of groups) {
    for (let lane = 0; lane < LANES; lane++) {
      const tree = group.trees[lane]
      if (tree === undefined) writeEmptyLane(view, start, lane, group.depth)
      else writeLane(view, start, lane, group, tree)
    }
    start += groupBytes(group.depth)
  }
  return bytes
}

const PTR = 0
const COUNT = 1
const ROW = 2
const OUT = 3
const TEST = 4
const SUM_PTR = 5
const INDEX = 6
const X = INDEX + LANES

/** Loads the lane's value at its index: a threshold, or the leaf once the walk is over. */
const emitValue = (code: Code, depth: number, lane: number): void => {
  code
    .get(PTR)
    .get(INDEX + lane)
    .int(2)
    .emit(op.i32Shl, op.i32Add)
  code.memory(op.f32Load, 2, lane * laneBytes(depth))
}

/** index = 2 * index + (the lane goes right ? 1 : 0). */
const emitLevel = (code: Code, depth: number, lane: number, missing: Missing): void => {
  const index = INDEX + lane
  code.get(PTR).get(index).int(1).emit(op.i32Shl, op.i32Add)
  code.memory(op.i32Load16U, 1, featuresAt(depth) + lane * featureBytes(depth) - 2).set(TEST)
  code.get(ROW).get(TEST)
  if (missing === 'mixed') code.int(-4).emit(op.i32And)
  code.emit(op.i32Add).memory(op.f32Load, 2, 0).set(X)
  code.get(index).int(1).emit(op.i32Shl)
  code.get(X)
  emitValue(code, depth, lane)
  // x >= t is false for NaN, !(x < t) is true for it.
  if (missing === 'right') code.emit(op.f32Lt, op.i32Eqz)
  else code.emit(op.f32Ge)
  if (missing === 'mixed') code.get(X).get(X).emit(op.f32Ne).get(TEST).emit(op.i32And, op.i32Or)
  code.emit(op.i32Or).set(index)
}

/** `(groups, count, row, out)`: walks `count` groups of the given depth, at least one, unrolled over the levels. */
export const emitGroupWalker = (depth: number, missing: Missing): Func => {
  const code = new Code()
  code.open(op.loop, VOID)
  for (let lane = 0; lane < LANES; lane++) code.int(1).set(INDEX + lane)
  for (let level = 0; level < depth; level++)
    for (let lane = 0; lane < LANES; lane++) emitLevel(code, depth, lane, missing)
  for (let lane = 0; lane < LANES; lane++) {
    code
      .get(OUT)
      .get(PTR)
      .memory(op.i32Load, 2, lane * laneBytes(depth))
      .emit(op.i32Add)
      .tee(SUM_PTR)
    code.get(SUM_PTR).memory(op.f32Load, 2, 0)
    emitValue(code, depth, lane)
    code.emit(op.f32Add).memory(op.f32Store, 2, 0)
  }
  code.get(PTR).int(groupBytes(depth)).emit(op.i32Add).set(PTR)
  code.get(COUNT).int(-1).emit(op.i32Add).tee(COUNT).emit(op.brIf).u32(0).emit(op.end)
  return { type: type.walk, locals: locals(2 + LANES, 1), code }
}
