import { createAligner } from './align/spans.ts'
import { choosePlan, nearby } from './choose.ts'
import { encodeModelled } from './coder/block.ts'
import { encodeDeflated, MAX_DICTIONARY } from './coder/deflated.ts'
import { createWorkspace } from './coder/mixing.ts'
import type { Span } from './coder/shape.ts'
import { digestOf } from './digest.ts'
import { DeltaError } from './errors.ts'
import { type CodedBlock, type Coding, MAX_BLOCK_SIZE, MIN_BLOCK_SIZE, writeDelta } from './header.ts'

export interface DeltaOptions {
  /** Bytes of the target per block, a power of two from 4,096 to 65,536. Small ones need less memory to apply. */
  readonly blockSize?: number
  /** Codings besides `stored`. `deflated` alone is fast to apply, and several times as large. Default: both. */
  readonly codings?: readonly Exclude<Coding, 'stored'>[]
  /** Longest base and target, bytes. Default 64 MiB: a delta takes seconds per megabyte to make. */
  readonly maxBytes?: number
}

/** Block size of a delta whose maker asks for none: the smallest deltas, see docs/delta.md. */
export const DEFAULT_BLOCK_SIZE = MAX_BLOCK_SIZE
const DEFAULT_MAX_BYTES = 64 * 1024 * 1024
/** Targets up to this length have every reading tried on whole blocks, longer ones on a sample of each block. */
const THOROUGH_BYTES = 256 * 1024
const SAMPLE = 8_192

/**
 * Bytes from which `applyDelta` makes `target` out of `base`. The same arguments give the same bytes under the same
 * version of zlib.
 * @throws DeltaError DELTA_LIMIT for files above `maxBytes`
 */
export function makeDelta(base: Uint8Array, target: Uint8Array, options: DeltaOptions = {}): Uint8Array {
  const { blockSize = DEFAULT_BLOCK_SIZE, codings = ['modelled', 'deflated'] } = options
  const { maxBytes = DEFAULT_MAX_BYTES } = options
  if (!Number.isInteger(Math.log2(blockSize)) || blockSize < MIN_BLOCK_SIZE || blockSize > MAX_BLOCK_SIZE)
    throw new RangeError(`blockSize must be a power of two from ${MIN_BLOCK_SIZE} to ${MAX_BLOCK_SIZE}`)
  for (const [name, { length }] of Object.entries({ base, target }))
    if (length > maxBytes)
      throw new DeltaError('DELTA_LIMIT', `the ${name} has ${length} bytes; at most ${maxBytes} are compared`)
  const aligner = createAligner(base, target)
  const workspace = createWorkspace()
  const sample = target.length <= THOROUGH_BYTES ? blockSize : SAMPLE
  const blocks: CodedBlock[] = []
  for (let offset = 0; offset < target.length; offset += blockSize) {
    const block = target.subarray(offset, offset + blockSize)
    const place = { offset, length: block.length, baseLength: base.length }
    const spans = aligner.spans(offset, block.length, 'exact')
    const tried: CodedBlock[] = [{ coding: 'stored', payload: block }]
    if (codings.includes('modelled')) {
      const drifted = aligner.spans(offset, block.length, 'drifted')
      const alignments = sameSpans(spans, drifted) ? [spans] : [spans, drifted]
      const plan = choosePlan(alignments, { place, block, base, sample, workspace })
      tried.push({ coding: 'modelled', payload: encodeModelled(plan, place, block, base, workspace) })
    }
    if (codings.includes('deflated'))
      for (const dictionary of nearby(spans, place, MAX_DICTIONARY))
        tried.push({ coding: 'deflated', payload: encodeDeflated(dictionary, block, base) })
    blocks.push(tried.reduce((best, one) => (one.payload.length < best.payload.length ? one : best)))
  }
  return writeDelta(digestOf(base), digestOf(target), blockSize, blocks)
}

const sameSpans = (a: readonly Span[], b: readonly Span[]): boolean =>
  a.length === b.length &&
  a.every((s, i) => s.kind === b[i]!.kind && s.length === b[i]!.length && s.offset === b[i]!.offset)
