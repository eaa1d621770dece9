import { corrupt } from '../errors.ts'
import type { BitCoder } from './arithmetic.ts'
import { createIntegers } from './integers.ts'
import type { Width } from './numbers.ts'
import type { Shape, Span, SpanKind } from './shape.ts'

/** Longest run of base bytes that teaches the literal model: what it costs in memory and in time. */
export const MAX_PRIME = 32_768

/** Most spans of a block: each may cost a device one read of its base. */
export const MAX_SPANS = 4_096

/** Everything about a block but its bytes. */
export interface BlockPlan {
  readonly shape: Shape
  /** Bytes of the base that the literal model starts with. */
  readonly prime: { readonly offset: number; readonly length: number }
  /** Their lengths sum to the block's. */
  readonly spans: readonly Span[]
}

const KINDS: readonly SpanKind[] = ['literal', 'copy', 'residual']
const F = { shape: 0, marker: 1, stride: 2, prime: 3, primeAt: 4, kind: 5, length: 9, jump: 13, near: 14 }

/**
 * Codes a plan: with an encoder behind `coder` the given one, with a decoder the one that is read, checked so that
 * no span leaves the block or the base.
 * @throws DeltaError DELTA_CORRUPT
 */
export function codePlan(
  coder: BitCoder,
  plan: BlockPlan | null,
  block: { readonly offset: number; readonly length: number; readonly baseLength: number },
): BlockPlan {
  const integers = createIntegers(coder)
  const shape = codeShape(integers, plan?.shape, block.length)
  const primeLength = integers.natural(F.prime, plan?.prime.length ?? 0)
  const primeOffset = primeLength === 0 ? 0 : integers.natural(F.primeAt, plan?.prime.offset ?? 0)
  if (primeLength > MAX_PRIME || primeOffset + primeLength > block.baseLength)
    throw corrupt('a block is primed with bytes outside the base')
  const spans: Span[] = []
  let done = 0
  /** Base minus target offset of the last span that had one, and where it ended. */
  let diagonal = 0
  let end = block.offset
  let last = 3
  while (done < block.length) {
    if (spans.length === MAX_SPANS) throw corrupt(`a block has more than ${MAX_SPANS} spans`)
    const given = plan?.spans[spans.length]
    const kind = KINDS[integers.small(F.kind + last, 2, given ? KINDS.indexOf(given.kind) : 0)]
    if (kind === undefined) throw corrupt('a block has a span of unknown kind')
    last = KINDS.indexOf(kind)
    const length = integers.natural(F.length + last, (given?.length ?? 1) - 1) + 1
    if (length > block.length - done) throw corrupt('a span goes on behind its block')
    let offset = 0
    if (kind !== 'literal') {
      const along = block.offset + done + diagonal
      const jump = integers.small(F.near, 1, given && given.offset !== along ? 1 : 0)
      offset = jump === 0 ? along : end + integers.signed(F.jump, (given?.offset ?? 0) - end)
      if (offset < 0 || offset + length > block.baseLength) throw corrupt('a span reads outside the base')
      diagonal = offset - block.offset - done
      end = offset + length
    }
    spans.push({ kind, length, offset })
    done += length
  }
  return { shape, prime: { offset: primeOffset, length: primeLength }, spans }
}

function codeShape(
  integers: ReturnType<typeof createIntegers>,
  given: Shape | undefined,
  blockLength: number,
): Shape {
  const kind = integers.small(F.shape, 1, given?.kind === 'bytes' ? 1 : 0) === 1 ? 'bytes' : 'numbers'
  const stride = integers.natural(F.stride, given?.stride ?? 0)
  if (stride > blockLength) throw corrupt('a block has a stride longer than itself')
  if (kind === 'bytes') {
    const marked = integers.small(F.marker, 1, (given?.marker ?? -1) >= 0 ? 1 : 0)
    const marker = marked === 1 ? integers.small(F.marker, 8, given?.marker ?? 0) : -1
    return { kind, width: 1, phase: 0, marker, stride }
  }
  const width = 2 ** integers.small(F.shape, 2, Math.log2(given?.width ?? 1))
  const phase = integers.small(F.shape, 3, given?.phase ?? 0)
  if (phase >= width) throw corrupt('a block has a phase beyond its width')
  return { kind, width: width as Width, phase, marker: -1, stride }
}
