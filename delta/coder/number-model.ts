import { hash, type Mixing } from './mixing.ts'
import { bitAt, bitLength, type Wide, type Width } from './numbers.ts'
import type { Recent } from './recent.ts'

/** Sets of weights: flags take 6 from here, lengths 2, digits 9. */
const FLAGS = 0
const LENGTHS = 6
const DIGITS = 8
/** Leading digits that are told apart by all digits before them. */
const LEADING = 12

/** Codes whether numbers differ from the base, and by how much: their zigzag residuals. */
export function createNumberModel(mixing: Mixing, recent: Recent) {
  const { contexts } = mixing
  const { buffer, guess } = recent
  const base = (at: number): number => (at >= 0 ? (guess[at] ?? 0) : 0)
  const last: Wide = { low: 0, high: 0 }
  let lastLength = 0
  let secondLast = 0

  /** Whether the base has here what it has at another place: then the target does probably, too. */
  const repeats = (at: number, width: number, other: number): number => {
    for (let i = 0; i < width; i++) if (base(at + i) !== base(other + i)) return 0
    return 1
  }

  /** 1 where `width` bytes at `at` are not those of the base. `single` bytes are told apart from numbers. */
  const flag = (at: number, width: Width, single: boolean, differs: number): number => {
    const above = recent.changedAbove(at)
    const flags = recent.flags()
    const again = repeats(at, width, single ? recent.above(at) : at - width)
    contexts[0] = hash(flags & 255, width * 2 + again)
    contexts[1] = hash(hash(base(at + width - 1), width > 1 ? base(at + width - 2) : 0), 310)
    contexts[2] = hash(hash(base(at - 1), base(at - 2)), hash(base(at - 3), 311))
    contexts[3] = hash(hash(recent.column(at), 312 + again), (flags & 1) * 2 + above)
    contexts[4] = hash(hash(recent.density() >> 4, above), 313)
    contexts[5] = hash(hash(buffer[at - 1] ?? 0, base(at - 1)), hash(base(at), 314))
    const coded = mixing.bit(6, width, 0, FLAGS + (single ? 4 : width === 1 ? 0 : 2) + again, differs)
    recent.note(at, width, coded)
    return coded
  }

  /** A residual other than zero: its bit length, then the bits below the leading one. */
  const value = (at: number, width: Width, given: Wide, into: Wide): void => {
    const wanted = bitLength(given) - 1
    // Of a float the sign and 8 bits of exponent; of a short number its upper 9 bits.
    const top = width === 1 ? base(at) : (base(at + width - 1) << 1) | (base(at + width - 2) >> 7)
    const zeros = trailingZeros(at, width)
    const column = recent.column(at)
    // The last residual is the one of the number before only if that one differed.
    const again = (recent.flags() & 2) === 2 ? repeats(at, width, at - width) : 0
    let node = 1
    for (let i = 5; i >= 0; i--) {
      contexts[0] = hash(width, 320)
      contexts[1] = hash(hash(top, recent.density() >> 8), 321)
      contexts[2] = hash(hash(lastLength, again === 1 ? -1 : secondLast), 322)
      contexts[3] = hash(hash(column, 323), lastLength)
      contexts[4] = hash(hash(zeros, top), 324)
      contexts[5] = hash(recent.density() >> 6, 325)
      node = node * 2 + mixing.bit(6, node >> 4, node & 15, LENGTHS + again, (wanted >> i) & 1)
    }
    const length = node & 63
    into.low = 0
    into.high = 0
    const put = (i: number): void => {
      if (i < 32) into.low |= 1 << i
      else into.high |= 1 << (i - 32)
    }
    put(length)
    let prefix = 1
    let same = lastLength === length
    for (let i = length - 1; i >= 0; i--) {
      const lastBit = bitAt(last, i)
      contexts[0] = hash(hash(length, i), 330)
      contexts[1] = hash(hash(prefix, length - i), hash(length, 331))
      contexts[2] = hash(same ? 2 + lastBit : 0, 340 + again * 4 + Math.min(length - 1 - i, 3))
      contexts[3] = hash(hash(hash(i, top), length), 336)
      contexts[4] = hash(hash(prefix, i), hash(column, 337))
      contexts[5] = hash(hash(zeros, i), length)
      const bit = mixing.bit(
        6,
        i >> 4,
        i & 15,
        DIGITS + (again === 1 && same ? 8 : Math.min(i, 7)),
        bitAt(given, i),
      )
      if (bit === 1) put(i)
      if (length - i < LEADING) prefix = prefix * 2 + bit
      same &&= bit === lastBit
    }
    secondLast = lastLength
    lastLength = length
    last.low = into.low
    last.high = into.high
  }

  const trailingZeros = (at: number, width: Width): number => {
    let bytes = 0
    while (bytes < width && base(at + bytes) === 0) bytes++
    const byte = bytes < width ? base(at + bytes) : 0
    return bytes * 8 + (byte === 0 ? 0 : 31 - Math.clz32(byte & -byte))
  }

  return { flag, value }
}
