import type { Ensemble } from '../ensemble.ts'
import { CompileError } from '../errors.ts'
import { type ArtefactMetadata, SECTION } from '../metadata.ts'
import { emitGroupWalker, encodeGroups } from './branchless.ts'
import { ByteWriter, Code, type Func, op, VOID } from './encode.ts'
import { encodeModule, locals, type } from './module.ts'
import { emitNested } from './nested.ts'
import type { Segment } from './plan.ts'
import { emitTableWalker, encodeTable } from './table.ts'

/** Data starts above 0, which marks a leaf in the table layout. */
const DATA_AT = 16
const MAX_MEMORY_BYTES = 256 * 1024 * 1024
const BATCH_BYTES = 64 * 1024
const BATCH_ROWS = 64

const align = (address: number): number => Math.ceil(address / 16) * 16

const ROW = 0
const OUT = 1

const emitBatch = (numFeature: number, numOutput: number, predict: number): Func => {
  const [rows, n, out] = [0, 1, 2]
  const code = new Code()
  code.open(op.block, VOID).get(n).emit(op.i32Eqz, op.brIf).u32(0).open(op.loop, VOID)
  code.get(rows).get(out).call(predict)
  code
    .get(rows)
    .int(numFeature * 4)
    .emit(op.i32Add)
    .set(rows)
  code
    .get(out)
    .int(numOutput * 4)
    .emit(op.i32Add)
    .set(out)
  code.get(n).int(-1).emit(op.i32Add).tee(n).emit(op.brIf).u32(0).emit(op.end, op.end)
  return { type: type.batch, locals: locals(0, 0), code }
}

/**
 * Assembles the module. Memory: data from 16, then room for a batch of rows (`row_ptr`, f32, `batch_rows` rows of
 * `num_feature`) and its margins (`out_ptr`). Throws CompileError when that exceeds 256 MiB.
 */
export const buildModule = (
  ensemble: Ensemble,
  segments: readonly Segment[],
  metadata: ArtefactMetadata,
): Uint8Array => {
  const { numFeature, numOutput, baseScore } = ensemble
  const data = new ByteWriter()
  const funcs: Func[] = []
  const predict = new Code()
  const walkers = new Map<string, number>()

  const walk = (key: string, emit: () => Func, bytes: Uint8Array, count: number): void => {
    let index = walkers.get(key)
    if (index === undefined) {
      index = funcs.push(emit()) - 1
      walkers.set(key, index)
    }
    predict
      .int(DATA_AT + data.length)
      .int(count)
      .get(ROW)
      .get(OUT)
      .call(index)
    data.append(bytes)
    if (data.length > MAX_MEMORY_BYTES)
      throw new CompileError(`the model's tables exceed ${MAX_MEMORY_BYTES} bytes; use layout=nested`)
  }

  baseScore.forEach((score, output) => {
    predict
      .get(OUT)
      .float(score)
      .memory(op.f32Store, 2, output * 4)
  })
  for (const segment of segments) {
    if (segment.layout === 'nested') {
      for (const func of emitNested(segment.trees))
        predict
          .get(ROW)
          .get(OUT)
          .call(funcs.push(func) - 1)
    } else if (segment.layout === 'table') {
      walk('table', emitTableWalker, encodeTable(segment.trees, DATA_AT + data.length), segment.trees.length)
    } else {
      const { depth, missing } = segment.groups[0]!
      const key = `branchless ${depth} ${missing}`
      walk(key, () => emitGroupWalker(depth, missing), encodeGroups(segment.groups), segment.groups.length)
    }
  }
  const predictIndex = funcs.push({ type: type.predict, locals: locals(0, 0), code: predict }) - 1
  const batchIndex = funcs.push(emitBatch(numFeature, numOutput, predictIndex)) - 1

  const rowBytes = (numFeature + numOutput) * 4
  const batchRows = Math.max(1, Math.min(BATCH_ROWS, Math.floor(BATCH_BYTES / rowBytes)))
  const rowPtr = align(DATA_AT + data.length)
  const outPtr = align(rowPtr + batchRows * numFeature * 4)
  const memoryBytes = outPtr + batchRows * numOutput * 4
  if (memoryBytes > MAX_MEMORY_BYTES)
    throw new CompileError(`the artefact would need ${memoryBytes} bytes of memory`)
  return encodeModule({
    funcs,
    exported: { predict: predictIndex, predict_batch: batchIndex },
    globals: {
      num_feature: numFeature,
      num_output: numOutput,
      row_ptr: rowPtr,
      out_ptr: outPtr,
      batch_rows: batchRows,
    },
    memoryBytes,
    data: data.bytes(),
    dataAt: DATA_AT,
    custom: { [SECTION]: new TextEncoder().encode(JSON.stringify(metadata)) },
  })
}
