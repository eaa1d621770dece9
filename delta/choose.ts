import { type BlockPlace, encodeModelled, predict } from './coder/block.ts'
import type { Workspace } from './coder/mixing.ts'
import { type BlockPlan, MAX_PRIME, MAX_SPANS } from './coder/plan.ts'
import type { Shape, Span } from './coder/shape.ts'
import { likelyShapes, NO_SHAPE } from './coder/shapes.ts'

/** Fewer literal bytes in a block are not worth a prime, and a prime must save one byte for so many it has. */
const PRIMED_LITERALS = 64
const PRIME_PRICE = 2_048
/** A sample without numbers that shrinks by less is taken for noise. */
const NOISE = 0.97
const NO_PRIME = { offset: 0, length: 0 }

export interface Choice {
  readonly place: BlockPlace
  readonly block: Uint8Array
  readonly base: Uint8Array
  /** Bytes from the middle of the block that plans are tried on. */
  readonly sample: number
  readonly workspace: Workspace
}

/** The spans, the reading of them and the prime that make a sample of the block the shortest. */
export function choosePlan(alignments: readonly (readonly Span[])[], choice: Choice): BlockPlan {
  const few = alignments.filter(spans => spans.length <= MAX_SPANS)
  const literal: readonly Span[] = [{ kind: 'literal', length: choice.block.length, offset: 0 }]
  const plans = (few.length > 0 ? few : [literal]).map(spans => planFor(spans, choice))
  return plans.reduce((best, one) => (one.cost < best.cost ? one : best)).plan
}

function planFor(
  spans: readonly Span[],
  { place, block, base, sample, workspace }: Choice,
): { readonly plan: BlockPlan; readonly cost: number } {
  const from = Math.max(0, Math.floor((block.length - sample) / 2))
  const to = Math.min(block.length, from + sample)
  const part = { offset: place.offset + from, length: to - from, baseLength: place.baseLength }
  const sampled = clip(spans, from, to)
  const costOf = (shape: Shape, prime: BlockPlan['prime']): number => {
    // A sample starts elsewhere than its block, so its numbers do too.
    const phase = (((shape.phase - from) % shape.width) + shape.width) % shape.width
    const plan = { shape: { ...shape, phase }, prime, spans: sampled }
    return encodeModelled(plan, part, block.subarray(from, to), base, workspace).length
  }
  let best = { shape: NO_SHAPE, prime: NO_PRIME as BlockPlan['prime'] }
  let cost = costOf(NO_SHAPE, NO_PRIME)
  const consider = (shape: Shape, prime: BlockPlan['prime']): void => {
    const now = costOf(shape, prime) + prime.length / PRIME_PRICE
    if (now >= cost) return
    best = { shape, prime }
    cost = now
  }
  const residual = spans.some(s => s.kind === 'residual')
  const literals = spans.reduce((sum, s) => sum + (s.kind === 'literal' ? s.length : 0), 0)
  if (residual || (literals > 0 && cost < NOISE * part.length)) {
    const read = (offset: number, length: number): Uint8Array => base.subarray(offset, offset + length)
    const [, ...others] = likelyShapes(spans, predict(spans, block.length, read), block)
    for (const shape of others) consider(shape, NO_PRIME)
    if (literals >= PRIMED_LITERALS)
      for (const prime of nearby(spans, place, 4_096, MAX_PRIME)) consider(best.shape, prime)
  }
  return { plan: { ...best, spans }, cost }
}

function clip(spans: readonly Span[], from: number, to: number): Span[] {
  let start = 0
  return spans.flatMap(({ kind, length, offset }): Span[] => {
    const low = Math.max(from, start)
    const high = Math.min(to, start + length)
    const skipped = kind === 'literal' ? 0 : low - start
    start += length
    return low < high ? [{ kind, length: high - low, offset: offset + skipped }] : []
  })
}

/** Runs of the base that end where the block's first literal would stand in it, one for each length. */
export function nearby(
  spans: readonly Span[],
  place: BlockPlace,
  ...lengths: readonly number[]
): BlockPlan['prime'][] {
  const index = spans.findIndex(s => s.kind === 'literal')
  const before = index > 0 ? spans[index - 1]! : undefined
  const end = Math.min(place.baseLength, before ? before.offset + before.length : place.offset + place.length)
  return lengths.map(wanted => {
    const length = Math.min(wanted, place.baseLength)
    return { offset: Math.max(0, end - length), length }
  })
}
