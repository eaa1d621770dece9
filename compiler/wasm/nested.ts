import type { Tree } from '../ensemble.ts'
import { Code, F32, type Func, op } from './encode.ts'
import { locals, type } from './module.ts'

/** Deeper trees get another layout: some engines limit how deep blocks nest, and our emitter recurses. */
export const NESTED_MAX_DEPTH = 48
/** A tree is not split over functions, and V8 refuses bodies above 7.6 MB; a node takes up to 20 bytes. */
export const NESTED_MAX_NODES = 100_000
/** Bodies end after the tree that exceeds this: V8's optimizer slows down with the size of a function. */
const MAX_BODY_BYTES = 64 * 1024

const ROW = 0
const OUT = 1

const emitTree = (code: Code, tree: Tree): void => {
  const { left, right, feature, value, defaultLeft } = tree.nodes
  const visit = (node: number): void => {
    if (left[node]! < 0) {
      code.float(value[node]!)
      return
    }
    code
      .get(ROW)
      .memory(op.f32Load, 2, feature[node]! * 4)
      .float(value[node]!)
    // Both comparisons are false for NaN, so NaN takes the `else` arm: the default child goes there.
    const toLeft = defaultLeft[node] === 1
    code.emit(toLeft ? op.f32Ge : op.f32Lt).open(op.if, F32)
    visit(toLeft ? right[node]! : left[node]!)
    code.emit(op.else)
    visit(toLeft ? left[node]! : right[node]!)
    code.emit(op.end)
  }
  visit(0)
}

const chunk = (body: Code, accumulators: ReadonlyMap<number, number>): Func => {
  const code = new Code()
  for (const [output, local] of accumulators)
    code
      .get(OUT)
      .memory(op.f32Load, 2, output * 4)
      .set(local)
  code.append(body.bytes())
  for (const [output, local] of accumulators)
    code
      .get(OUT)
      .get(local)
      .memory(op.f32Store, 2, output * 4)
  return { type: type.predict, locals: locals(0, accumulators.size), code }
}

/** Trees as nested `if` expressions, one function `(row, out)` for every 64 KiB of code, to be called in order. */
export const emitNested = (trees: readonly Tree[]): Func[] => {
  const funcs: Func[] = []
  let body = new Code()
  let accumulators = new Map<number, number>()
  const flush = (): void => {
    if (body.length > 0) funcs.push(chunk(body, accumulators))
    body = new Code()
    accumulators = new Map()
  }
  for (const tree of trees) {
    const local = accumulators.get(tree.class) ?? OUT + 1 + accumulators.size
    accumulators.set(tree.class, local)
    body.get(local)
    emitTree(body, tree)
    body.emit(op.f32Add).set(local)
    if (body.length >= MAX_BODY_BYTES) flush()
  }
  flush()
  return funcs
}
