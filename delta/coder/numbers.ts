/** Bytes of a number that is coded as a whole. */
export type Width = 1 | 2 | 4 | 8

/** An unsigned 64-bit number as two halves, so that no BigInt is needed. Reused between calls. */
export interface Wide {
  low: number
  high: number
}

/** Bits that it takes, 0 for zero. */
export const bitLength = ({ low, high }: Wide): number =>
  high !== 0 ? 64 - Math.clz32(high) : 32 - Math.clz32(low)

export const bitAt = ({ low, high }: Wide, i: number): number =>
  i < 32 ? (low >>> i) & 1 : (high >>> (i - 32)) & 1

function load(bytes: Uint8Array, at: number, width: Width, into: Wide): void {
  into.low = 0
  into.high = 0
  for (let i = 0; i < width; i++) {
    if (i < 4) into.low |= bytes[at + i]! << (8 * i)
    else into.high |= bytes[at + i]! << (8 * (i - 4))
  }
}

const a: Wide = { low: 0, high: 0 }
const b: Wide = { low: 0, high: 0 }

/** Sign-extends a number of fewer than 4 bytes. */
const extend = (low: number, width: Width): number =>
  width === 1 ? (low << 24) >> 24 : width === 2 ? (low << 16) >> 16 : low

/**
 * Zigzag of `target - base`, little-endian at `at`, modulo 2^(8 * width): small steps up or down are small numbers.
 */
export function residual(target: Uint8Array, base: Uint8Array, at: number, width: Width, into: Wide): void {
  load(target, at, width, a)
  load(base, at, width, b)
  if (width < 8) {
    const d = extend((a.low - b.low) | 0, width)
    into.low = ((d << 1) ^ (d >> 31)) >>> 0
    into.high = 0
    return
  }
  const low = (a.low - b.low) | 0
  const borrow = a.low >>> 0 < b.low >>> 0 ? 1 : 0
  const high = (a.high - b.high - borrow) | 0
  const sign = high >> 31
  into.low = ((low << 1) ^ sign) >>> 0
  into.high = (((high << 1) | (low >>> 31)) ^ sign) >>> 0
}

/** The inverse of `residual`: writes `width` bytes of target at `at`. */
export function applyResidual(
  target: Uint8Array,
  base: Uint8Array,
  at: number,
  width: Width,
  zigzag: Wide,
): void {
  load(base, at, width, b)
  const sign = -(zigzag.low & 1)
  const low = ((zigzag.low >>> 1) | (zigzag.high << 31)) ^ sign
  const high = (zigzag.high >>> 1) ^ sign
  const sum = (low >>> 0) + (b.low >>> 0)
  const carry = sum > 0xffffffff ? 1 : 0
  const top = (high + b.high + carry) | 0
  for (let i = 0; i < width; i++)
    target[at + i] = i < 4 ? ((sum >>> 0) >>> (8 * i)) & 255 : (top >>> (8 * (i - 4))) & 255
}
