import { corrupt } from '../errors.ts'
import { createDecoder, createEncoder } from './arithmetic.ts'
import { codeBody } from './body.ts'
import type { Workspace } from './mixing.ts'
import { type BlockPlan, codePlan } from './plan.ts'
import type { Span } from './shape.ts'

/** Where a block lies in the target, and how long the base is. */
export interface BlockPlace {
  readonly offset: number
  readonly length: number
  readonly baseLength: number
}
export interface Extent {
  readonly offset: number
  readonly length: number
}

/** A block that is being decoded: first it says which bytes of the base it needs. */
export interface OpenBlock {
  readonly needs: readonly Extent[]
  /**
   * @param parts what `needs` asked for, in its order
   * @throws DeltaError DELTA_CORRUPT
   */
  decode(parts: readonly Uint8Array[]): Uint8Array
}

/** What the spans point at, and zeros under literals. */
export function predict(
  spans: readonly Span[],
  length: number,
  read: (offset: number, length: number) => Uint8Array,
): Uint8Array {
  const prediction = new Uint8Array(length)
  let at = 0
  for (const span of spans) {
    if (span.kind !== 'literal') prediction.set(read(span.offset, span.length), at)
    at += span.length
  }
  return prediction
}

/** The block's bytes under a plan, as short as this plan makes them. */
export function encodeModelled(
  plan: BlockPlan,
  place: BlockPlace,
  target: Uint8Array,
  base: Uint8Array,
  workspace: Workspace,
): Uint8Array {
  const encoder = createEncoder()
  codePlan(encoder, plan, place)
  const read = (offset: number, length: number): Uint8Array => base.subarray(offset, offset + length)
  const prediction = predict(plan.spans, place.length, read)
  const prime = read(plan.prime.offset, plan.prime.length)
  codeBody(encoder, workspace, { plan, prediction, prime }, target)
  return encoder.finish()
}

/** @throws DeltaError DELTA_CORRUPT for a plan that leaves the block or the base */
export function openModelled(payload: Uint8Array, place: BlockPlace, workspace: Workspace): OpenBlock {
  const decoder = createDecoder(payload)
  const plan = codePlan(decoder, null, place)
  return {
    needs: [plan.prime, ...plan.spans.filter(span => span.kind !== 'literal')],
    decode([prime = new Uint8Array(0), ...parts]) {
      let next = 0
      const prediction = predict(plan.spans, place.length, () => parts[next++] as Uint8Array)
      const block = codeBody(decoder, workspace, { plan, prediction, prime }, null)
      if (decoder.unread() > 0) throw corrupt('a block has bytes behind its end')
      return block
    },
  }
}
