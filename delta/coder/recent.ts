import { createHistory } from './history.ts'
import { hash } from './mixing.ts'
import type { Shape } from './shape.ts'

/** Bytes of the number behind a marker. */
export const MARKED = 4

/** What is known of the bytes before the one to be coded, kept up to date byte by byte. */
export interface Recent {
  /** The prime, and behind it the block as far as it is known. */
  readonly buffer: Uint8Array
  /** What the base says about each byte of `buffer`, 0 where it says nothing. */
  readonly guess: Uint8Array
  readonly history: ReturnType<typeof createHistory>
  /** Place within the stride, or within 4 bytes. */
  column(at: number): number
  /** Outside of marked numbers the bytes before, inside of one how far; a hash. */
  outline(): number
  /** For how many bytes in a row the byte one stride before was right, at most 15. */
  streak(): number
  /** Whether the numbers before differed from the base: newest in bit 0. */
  flags(): number
  /** Share of numbers that differed lately, 0 to 1024. */
  density(): number
  /** Whether what is one stride, or 4 bytes, before differed from the base. */
  changedAbove(at: number): number
  /** That place. */
  above(at: number): number
  /** Tells that `buffer[at]` is known. */
  seen(at: number): void
  /** Tells whether the number at `at` differed from the base. */
  note(at: number, width: number, differs: number): void
  /** Tells that a long run was equal. */
  calm(): void
}

/** @param lead bytes of prime in front of the block */
export function createRecent(buffer: Uint8Array, guess: Uint8Array, lead: number, shape: Shape): Recent {
  const { stride, marker } = shape
  const lag = stride > 0 ? stride : 4
  const history = createHistory(buffer)
  const changed = new Uint8Array(buffer.length)
  let inside = 0
  let outside = 0
  let streak = 0
  let flags = 0
  let density = 0
  return {
    buffer,
    guess,
    history,
    // The prime may start anywhere in the base, so its columns are those of the block only by chance.
    column: at => (stride > 0 ? (at + stride * Math.ceil(lead / stride) - lead) % stride : (at - lead) & 3),
    outline: () => hash(outside, inside),
    streak: () => Math.min(streak, 15),
    flags: () => flags,
    density: () => density,
    changedAbove: at => (at >= lag ? changed[at - lag]! : 0),
    above: at => at - lag,
    seen(at) {
      history.seen(at)
      const byte = buffer[at]!
      streak = at >= lag && buffer[at - lag] === byte ? streak + 1 : 0
      if (inside > 0) inside = inside === MARKED ? 0 : inside + 1
      else {
        outside = (outside << 8) | byte
        if (byte === marker) inside = 1
      }
    },
    note(at, width, differs) {
      flags = (flags << 1) | differs
      density += ((differs << 10) - density) >> 5
      for (let i = 0; i < width; i++) changed[at + i] = differs
    },
    calm() {
      flags = 0
    },
  }
}
