import type { BitCoder } from './arithmetic.ts'
import { COUNT_LIMIT, CURVE, STEP, STRETCH } from './tables.ts'

/** Most contexts that one decision may have. */
export const MAX_CONTEXTS = 8
/** Sets of mixing weights, one for each kind of decision. */
export const WEIGHT_SETS = 4_112
/** log2 of the number of counters, which all contexts share by hash: about 16 for each byte, within these bounds. */
const MIN_SLOT_BITS = 16
const MAX_SLOT_BITS = 20
/** How fast weights learn, in 1/65536 of input times error, and where they start. */
const RATE = 48
const FIRST_WEIGHT = 16_384
/** Times the largest input this fits in 31 bits. */
const MAX_WEIGHT = 2 ** 19
/** A counter that has seen nothing. */
const EVEN = 2 ** 30

/** The memory of the model, 4.3 MB. Made once and used for block after block. */
export interface Workspace {
  /** Upper 22 bits: probability of a 1. Lower 9: how often it was updated. The sign stays clear. */
  readonly counters: Int32Array
  readonly weights: Int32Array
}

export const createWorkspace = (): Workspace => ({
  counters: new Int32Array(2 ** MAX_SLOT_BITS),
  weights: new Int32Array(WEIGHT_SETS * MAX_CONTEXTS),
})

/** Makes one hash of two; the first may be one already. */
export const hash = (a: number, b: number): number =>
  Math.imul(Math.imul(a + 1, 0x2c9277b5) ^ (b + 0x7f4a7c15), 0x5f356495)

export interface Mixing {
  /** Hashes of what is known at this decision; the caller fills the first `count`. */
  readonly contexts: Int32Array
  /**
   * Codes one bit.
   * @param count contexts in use; the last of all MAX_CONTEXTS does not look at `line` and `offset`
   * @param line which part of the symbol this bit is in
   * @param offset which bit of that part, 0 to 15: counters that lie in one line of the processor's cache
   * @param set which weights, below WEIGHT_SETS
   */
  bit(count: number, line: number, offset: number, set: number, bit: number): number
}

/** -2047…2047 in 1/256 nat to a probability in 1/4096. */
function squash(x: number): number {
  const at = (x >> 7) + 16
  const part = x & 127
  return (CURVE[at]! * (128 - part) + CURVE[at + 1]! * part + 64) >> 7
}

/**
 * Context mixing: every context has a counter for the bit at hand, and their predictions are summed in the logistic
 * domain with weights that learn (M. Mahoney, “Adaptive weighing of context models for lossless data compression”,
 * 2005). Integers only, so that every machine predicts alike. Starts from a blank workspace.
 * @param bytes how many are going to be coded
 */
export function createMixing(coder: BitCoder, { counters, weights }: Workspace, bytes: number): Mixing {
  const wanted = 32 - Math.clz32(bytes * 16)
  const slotBits = Math.max(MIN_SLOT_BITS, Math.min(MAX_SLOT_BITS, wanted))
  const shift = 32 - slotBits
  counters.fill(EVEN, 0, 2 ** slotBits)
  weights.fill(FIRST_WEIGHT)
  const contexts = new Int32Array(MAX_CONTEXTS)
  const slots = new Int32Array(MAX_CONTEXTS)
  const inputs = new Int32Array(MAX_CONTEXTS)
  return {
    contexts,
    bit(count, line, offset, set, bit) {
      const at = set * MAX_CONTEXTS
      const spread = Math.imul(line + 1, 0x3c6ef372)
      let dot = 0
      for (let j = 0; j < count; j++) {
        const plain = j === MAX_CONTEXTS - 1
        const mixed =
          Math.imul(plain ? contexts[j]! : contexts[j]! ^ spread, 0x2545f491) + Math.imul(j, 0x61c88647)
        const slot = (Math.imul(mixed ^ (mixed >>> 15), 0x2c1b3c6d) >>> shift) ^ (plain ? 0 : offset)
        slots[j] = slot
        const input = STRETCH[counters[slot]! >> 19]!
        inputs[j] = input
        dot += Math.imul(weights[at + j]!, input) >> 16
      }
      const p = squash(Math.max(-2047, Math.min(2047, dot)))
      const coded = coder.code(p * 16, bit)
      const error = ((coded << 12) - p) * RATE
      const goal = coded === 1 ? 4_194_303 : 0
      for (let j = 0; j < count; j++) {
        const weight = weights[at + j]! + ((Math.imul(inputs[j]!, error) + 0x8000) >> 16)
        weights[at + j] = Math.max(-MAX_WEIGHT, Math.min(MAX_WEIGHT, weight))
        const counter = counters[slots[j]!]!
        const seen = counter & 511
        const old = counter >> 9
        // In two steps, so that the product stays within 32 bits.
        const moved = old + (Math.imul((goal - old) >> 3, STEP[seen]!) >> 9)
        counters[slots[j]!] = (moved << 9) | (seen < COUNT_LIMIT ? seen + 1 : seen)
      }
      return coded
    },
  }
}
