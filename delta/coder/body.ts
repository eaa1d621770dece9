import type { BitCoder } from './arithmetic.ts'
import { createByteModel } from './byte-model.ts'
import { createMixing, type Workspace } from './mixing.ts'
import { createNumberModel } from './number-model.ts'
import { applyResidual, residual, type Wide, type Width } from './numbers.ts'
import type { BlockPlan } from './plan.ts'
import { createRecent, MARKED } from './recent.ts'

/** What both sides know before a block's bytes are coded. */
export interface Known {
  readonly plan: BlockPlan
  /** The bytes of the base that the plan's spans name, zero under literals; as long as the block. */
  readonly prediction: Uint8Array
  /** The bytes of the base that teach the literal model. */
  readonly prime: Uint8Array
}

/**
 * Codes a block's bytes, span by span. One function for both ways, so that they cannot drift apart.
 * @param target the block for an encoder behind `coder`; null for a decoder
 * @returns the block
 */
export function codeBody(
  coder: BitCoder,
  workspace: Workspace,
  { plan, prediction, prime }: Known,
  target: Uint8Array | null,
): Uint8Array {
  const lead = prime.length
  const buffer = new Uint8Array(lead + prediction.length)
  buffer.set(prime)
  const guess = new Uint8Array(buffer.length)
  guess.set(prediction, lead)
  let priming = true
  const mixing = createMixing(
    { code: (p, bit) => (priming ? bit : coder.code(p, bit)) },
    workspace,
    buffer.length,
  )
  const recent = createRecent(buffer, guess, lead, plan.shape)
  const codeByte = createByteModel(mixing, recent)
  const numbers = createNumberModel(mixing, recent)
  const given: Wide = { low: 0, high: 0 }
  const coded: Wide = { low: 0, high: 0 }
  const { kind: reading, width, phase, marker } = plan.shape

  const literal = (at: number): void => {
    buffer[at] = codeByte(at, buffer[at]!, false)
    recent.seen(at)
  }
  const single = (at: number): void => {
    const differs = numbers.flag(at, 1, true, buffer[at] === guess[at] ? 0 : 1)
    buffer[at] = differs === 1 ? codeByte(at, buffer[at]!, true) : guess[at]!
    recent.seen(at)
  }
  const number = (at: number, size: Width): void => {
    if (target !== null) residual(buffer, guess, at, size, given)
    const differs = numbers.flag(at, size, false, given.low === 0 && given.high === 0 ? 0 : 1)
    coded.low = 0
    coded.high = 0
    if (differs === 1) numbers.value(at, size, given, coded)
    if (target === null) applyResidual(buffer, guess, at, size, coded)
    for (let i = 0; i < size; i++) recent.seen(at + i)
  }
  /** Bytes of the number that starts here, 0 where none does. */
  const sizeAt = (at: number, end: number): Width | 0 => {
    if (reading === 'bytes') return at > lead && guess[at - 1] === marker && at + MARKED <= end ? MARKED : 0
    return (at - lead) % width === phase && at + width <= end ? width : 0
  }

  for (let at = 0; at < lead; at++) literal(at)
  priming = false
  if (target !== null) buffer.set(target, lead)
  let at = lead
  for (const { kind, length } of plan.spans) {
    const end = at + length
    if (kind === 'copy') {
      buffer.set(guess.subarray(at, end), at)
      for (; at < end; at++) recent.seen(at)
      recent.calm()
    } else if (kind === 'literal') for (; at < end; at++) literal(at)
    else
      while (at < end) {
        const size = sizeAt(at, end)
        if (size === 0) single(at)
        else number(at, size)
        at += Math.max(1, size)
      }
  }
  return buffer.subarray(lead)
}
