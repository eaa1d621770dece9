import type { BitCoder } from './arithmetic.ts'

/** Above this many bits nothing is counted here: lengths and offsets stay exact in a double. */
const MAX_BITS = 48
/** Probabilities of 1/32 and of 31/32 are reached after some dozen equal bits. */
const SHIFT = 4

/** Codes the few integers that describe a block. Each `field` learns its own distribution. */
export interface Integers {
  /** A flag or a small number of `bits` bits, 0 to 8. */
  small(field: number, bits: number, value: number): number
  /** A number from 0 to 2^48 - 2, shorter for small ones (Elias gamma of value + 1). */
  natural(field: number, value: number): number
  /** A number of either sign. */
  signed(field: number, value: number): number
}

export function createIntegers(coder: BitCoder): Integers {
  const probabilities = new Map<number, number>()
  const bit = (context: number, value: number): number => {
    const p = probabilities.get(context) ?? 32768
    const coded = coder.code(p, value)
    probabilities.set(context, coded === 1 ? p + ((65536 - p) >> SHIFT) : p - (p >> SHIFT))
    return coded
  }
  const natural = (field: number, value: number): number => {
    const wanted = value + 1
    const length = Math.floor(Math.log2(wanted))
    let bits = 0
    while (bits < MAX_BITS && bit(field * 4096 + bits, bits < length ? 1 : 0) === 1) bits++
    let number = 1
    for (let i = bits - 1; i >= 0; i--) {
      const top = bits - i <= 3 ? number : 0
      number = number * 2 + bit(field * 4096 + 64 + bits * 16 + top, Math.floor(wanted / 2 ** i) % 2)
    }
    return number - 1
  }
  return {
    small(field, bits, value) {
      let node = 1
      for (let i = bits - 1; i >= 0; i--) node = node * 2 + bit(field * 4096 + 2048 + node, (value >> i) & 1)
      return node - 2 ** bits
    },
    natural,
    signed(field, value) {
      const zigzag = natural(field, value < 0 ? -2 * value - 1 : 2 * value)
      return zigzag % 2 === 1 ? -(zigzag + 1) / 2 : zigzag / 2
    },
  }
}
