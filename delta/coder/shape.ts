import type { Width } from './numbers.ts'

/** How the bytes of a block are read as numbers. */
export interface Shape {
  /**
   * `numbers`: little-endian numbers of `width` bytes that start at `phase` and lie gap-free, coded as residuals.
   * `bytes`: bytes coded as they are, but for the 4 bytes behind each `marker` in the base, which are one number.
   */
  readonly kind: 'numbers' | 'bytes'
  readonly width: Width
  readonly phase: number
  /** -1: none. 0x43 is WebAssembly's `f32.const`. */
  readonly marker: number
  /** Bytes after which a pattern of columns repeats, such as a matrix row or a table entry; 0: none. */
  readonly stride: number
}

export type SpanKind = 'literal' | 'copy' | 'residual'

/** A run of bytes of the block and where they come from. */
export interface Span {
  readonly kind: SpanKind
  readonly length: number
  /** Offset in the base; for a literal it means nothing and is 0. */
  readonly offset: number
}
