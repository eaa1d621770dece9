import { isLeaf, type Tree } from '../ensemble.ts'
import { Code, type Func, op, VOID } from './encode.ts'
import { locals, type } from './module.ts'

/**
 * Data: per tree {root: u32, output offset: u32}, then nodes of 12 bytes in breadth-first order, siblings adjacent:
 * {threshold or leaf value: f32, feature * 4 | goes right by default: u32, address of the left child, 0 at a leaf: u32}.
 */
const NODE = 12
const ENTRY = 8

export const tableBytes = (trees: readonly Tree[]): number =>
  trees.reduce((sum, tree) => sum + ENTRY + tree.nodeCount * NODE, 0)

const writeNodes = (view: DataView, tree: Tree, start: number, base: number): void => {
  const { left, right, feature, value, defaultLeft } = tree.nodes
  const queue = new Int32Array(tree.nodeCount)
  let queued = 1
  for (let i = 0; i < queued; i++) {
    const node = queue[i]!
    const at = start + i * NODE
    view.setFloat32(at, value[node]!, true)
    if (isLeaf(tree.nodes, node)) continue
    view.setUint32(at + 4, feature[node]! * 4 + (defaultLeft[node] === 1 ? 0 : 1), true)
    view.setUint32(at + 8, base + start + queued * NODE, true)
    queue[queued++] = left[node]!
    queue[queued++] = right[node]!
  }
}

/** The data for `trees`, to be placed at address `base` (above 0). */
export const encodeTable = (trees: readonly Tree[], base: number): Uint8Array => {
  const bytes = new Uint8Array(tableBytes(trees))
  const view = new DataView(bytes.buffer)
  let nodes = trees.length * ENTRY
  trees.forEach((tree, i) => {
    view.setUint32(i * ENTRY, base + nodes, true)
    view.setUint32(i * ENTRY + 4, tree.class * 4, true)
    writeNodes(view, tree, nodes, base)
    nodes += tree.nodeCount * NODE
  })
  return bytes
}

const ENTRY_PTR = 0
const COUNT = 1
const ROW = 2
const OUT = 3
const NODE_PTR = 4
const LEFT = 5
const TEST = 6
const SUM_PTR = 7
const X = 8

/** `(entries, count, row, out)`: walks `count` trees, at least one, and adds each leaf to its output. */
export const emitTableWalker = (): Func => {
  const code = new Code()
  code.open(op.loop, VOID)
  code.get(ENTRY_PTR).memory(op.i32Load, 2, 0).set(NODE_PTR)
  code.open(op.block, VOID).open(op.loop, VOID)
  code.get(NODE_PTR).memory(op.i32Load, 2, 8).tee(LEFT).emit(op.i32Eqz, op.brIf).u32(1)
  code.get(NODE_PTR).memory(op.i32Load, 2, 4).set(TEST)
  code.get(ROW).get(TEST).int(-4).emit(op.i32And, op.i32Add).memory(op.f32Load, 2, 0).set(X)
  code.get(LEFT)
  code.get(X).get(NODE_PTR).memory(op.f32Load, 2, 0).emit(op.f32Ge)
  code.get(X).get(X).emit(op.f32Ne).get(TEST).emit(op.i32And, op.i32Or)
  code.int(NODE).emit(op.i32Mul, op.i32Add).set(NODE_PTR)
  code.emit(op.br).u32(0).emit(op.end, op.end)
  code.get(OUT).get(ENTRY_PTR).memory(op.i32Load, 2, 4).emit(op.i32Add).tee(SUM_PTR)
  code.get(SUM_PTR).memory(op.f32Load, 2, 0)
  code.get(NODE_PTR).memory(op.f32Load, 2, 0).emit(op.f32Add).memory(op.f32Store, 2, 0)
  code.get(ENTRY_PTR).int(ENTRY).emit(op.i32Add).set(ENTRY_PTR)
  code.get(COUNT).int(-1).emit(op.i32Add).tee(COUNT).emit(op.brIf).u32(0).emit(op.end)
  return { type: type.walk, locals: locals(4, 1), code }
}
