import { hash, type Mixing } from './mixing.ts'
import type { Recent } from './recent.ts'

/** The first set of weights that bytes use; they use all from here on. */
const SETS_FROM = 17
const CONTEXTS = 8

/**
 * Codes bytes as they are: orders 1 to 6, the base's byte or the column, what stands outside of marked numbers, and
 * what followed the longest match.
 */
export function createByteModel(mixing: Mixing, recent: Recent) {
  const { contexts } = mixing
  const { buffer, guess, history } = recent
  const roots = new Int32Array(CONTEXTS)
  const before = (at: number, n: number): number => (at >= n ? buffer[at - n]! : 0)

  const fillRoots = (at: number, predicted: boolean): void => {
    const b1 = before(at, 1)
    const o2 = hash(b1, before(at, 2))
    const o3 = hash(o2, before(at, 3))
    const o4 = hash(o3, before(at, 4))
    // Where the base repeats itself, the target probably does.
    const above = recent.above(at)
    const again = predicted && above >= 0 && guess[above] === guess[at] ? buffer[above]! : 256
    roots[0] = predicted ? hash(hash(guess[at]!, again), 300) : hash(recent.outline(), 301)
    roots[1] = hash(b1, predicted ? 302 : 303)
    roots[2] = o2
    roots[3] = o3
    roots[4] = o4
    roots[5] = hash(o4, hash(before(at, 5), before(at, 6)))
    roots[6] = predicted
      ? hash(hash(guess[at]!, b1), 304)
      : hash(hash(recent.column(at), before(at, 4)), recent.streak())
  }

  /** @param predicted the base has a byte here, and it is known to be another one */
  return function code(at: number, byte: number, predicted: boolean): number {
    fillRoots(at, predicted)
    const expected = history.expected()
    const matched = history.matched()
    const bucket = matched < 16 ? 1 + (matched >> 2) : matched < 32 ? 5 : 6
    const kind = predicted ? 1 : 0
    let node = 1
    let line = 0
    for (let i = 7; i >= 0; i--) {
      const agrees = expected >= 0 && (expected | 256) >> (i + 1) === node
      for (let j = 0; j < CONTEXTS - 1; j++) contexts[j] = roots[j]!
      // What a match says counts the same wherever in the byte it is.
      contexts[7] = agrees
        ? hash(bucket * 2 + ((expected >> i) & 1), 305)
        : hash(hash(recent.outline(), predicted ? guess[at]! : recent.column(at)), node)
      if (i === 3) line = node
      const offset = i > 3 ? node : (node & (2 ** (3 - i) - 1)) | (1 << (3 - i))
      const set = SETS_FROM + (node * 2 + kind) * 8 + (agrees ? bucket : 0)
      node = node * 2 + mixing.bit(CONTEXTS, line, offset, set, (byte >> i) & 1)
    }
    return node & 255
  }
}
