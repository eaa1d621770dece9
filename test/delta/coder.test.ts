import { describe, expect, it } from 'vitest'
import { createDecoder, createEncoder } from '../../delta/coder/arithmetic.ts'
import { createIntegers } from '../../delta/coder/integers.ts'
import { applyResidual, bitAt, bitLength, residual, type Width } from '../../delta/coder/numbers.ts'
import { CURVE, STRETCH } from '../../delta/coder/tables.ts'
import { randomSource } from './support.ts'

describe('arithmetic coding', () => {
  it('gives back every bit at every probability, and uses up its bytes', () => {
    const random = randomSource(1)
    for (let run = 0; run < 50; run++) {
      const bits = Array.from({ length: random.below(400) }, () => {
        const p = [1, 16, 300, 32_768, 65_520, 65_535][random.below(6)]!
        return { p, bit: random.below(65_536) < p ? 1 : 0 }
      })
      const encoder = createEncoder()
      for (const { p, bit } of bits) encoder.code(p, bit)
      const bytes = encoder.finish()
      const decoder = createDecoder(bytes)
      expect(bits.map(({ p }) => decoder.code(p, 0))).toEqual(bits.map(({ bit }) => bit))
      expect(decoder.unread()).toBe(0)
    }
  })
  it('takes about as many bits as the probabilities say', () => {
    const random = randomSource(2)
    const encoder = createEncoder()
    for (let i = 0; i < 40_000; i++) encoder.code(655, random.unit() < 0.01 ? 1 : 0)
    // The entropy of one in a hundred is 0.0808 bits.
    expect(encoder.finish().length / ((40_000 * 0.0808) / 8)).toBeCloseTo(1, 0)
  })
})

describe('integers', () => {
  it('come back, from 0 to 2^47 and of either sign', () => {
    const values = [0, 1, 2, 3, 7, 8, 255, 65_536, 2 ** 31, 2 ** 32 + 1, 2 ** 47]
    const encoder = createEncoder()
    const out = createIntegers(encoder)
    for (const v of values) {
      out.natural(1, v)
      out.signed(2, v / 2 >= 2 ** 46 ? -(2 ** 45) : -v)
      out.small(3, 8, v % 256)
    }
    const read = createIntegers(createDecoder(encoder.finish()))
    for (const v of values) {
      expect(read.natural(1, 0)).toBe(v)
      expect(read.signed(2, 0) + 0).toBe(v / 2 >= 2 ** 46 ? -(2 ** 45) : 0 - v)
      expect(read.small(3, 8, 0)).toBe(v % 256)
    }
  })
  it('noise is read as numbers that end', () => {
    const random = randomSource(4)
    for (let i = 0; i < 200; i++) {
      const read = createIntegers(createDecoder(random.bytes(12)))
      const number = read.natural(1, 0)
      expect(Number.isSafeInteger(number) && number >= 0 && number < 2 ** 49).toBe(true)
    }
  })
})

describe('residuals', () => {
  const value = { low: 0, high: 0 }
  it.each([1, 2, 4, 8] as const)('of %i bytes are exact', width => {
    const random = randomSource(width)
    for (let i = 0; i < 2_000; i++) {
      const base = random.bytes(11)
      const target = base.slice()
      for (let at = 3; at < 3 + width; at++) if (random.below(3) === 0) target[at] = random.below(256)
      const out = new Uint8Array(11)
      residual(target, base, 3, width, value)
      applyResidual(out, base, 3, width, value)
      expect(out.subarray(3, 3 + width)).toEqual(target.subarray(3, 3 + width))
      expect([...out.subarray(0, 3), ...out.subarray(3 + width)].every(b => b === 0)).toBe(true)
    }
  })
  const asBytes = (n: bigint, width: Width): Uint8Array =>
    Uint8Array.from({ length: width }, (_, i) => Number((n >> BigInt(8 * i)) & 255n))
  it.each([
    [1, 5n, 5n, 0n],
    [1, 0n, 255n, 2n],
    [2, 65_535n, 0n, 1n],
    [4, 7n, 10n, 5n],
    [4, 2n ** 31n, 0n, 2n ** 32n - 1n],
    [8, 2n ** 32n, 2n ** 32n - 1n, 2n],
    [8, 2n ** 32n - 1n, 2n ** 32n, 1n],
    [8, 2n ** 63n, 0n, 2n ** 64n - 1n],
  ] as const)('%i bytes: %i against %i is %i in zigzag', (width, target, base, zigzag) => {
    residual(asBytes(target, width), asBytes(base, width), 0, width, value)
    expect((BigInt(value.high >>> 0) << 32n) | BigInt(value.low >>> 0)).toBe(zigzag)
    expect(bitLength(value)).toBe(zigzag.toString(2).length - (zigzag === 0n ? 1 : 0))
    for (let i = 0; i < 64; i++) expect(BigInt(bitAt(value, i))).toBe((zigzag >> BigInt(i)) & 1n)
  })
})

describe('tables', () => {
  it('stretch is the inverse of the curve, and rises', () => {
    expect(CURVE).toHaveLength(33)
    for (let p = 1; p < 4096; p++) expect(STRETCH[p]!).toBeGreaterThanOrEqual(STRETCH[p - 1]!)
    for (let p = 64; p < 4032; p += 64)
      expect(4096 / (1 + Math.exp(-STRETCH[p]! / 256)) / p).toBeCloseTo(1, 1)
  })
})
