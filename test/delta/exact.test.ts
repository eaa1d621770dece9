import { describe, expect, it } from 'vitest'
import { applyDelta, applyTo, makeDelta, readDelta, worthwhile } from '../../delta/index.ts'
import { concat, content, digest, edit, randomSource } from './support.ts'

const source = (bytes: Uint8Array) => ({
  length: bytes.length,
  read: (offset: number, length: number) => bytes.subarray(offset, offset + length),
})

async function roundTrip(base: Uint8Array, target: Uint8Array, blockSize = 4_096): Promise<Uint8Array> {
  const delta = makeDelta(base, target, { blockSize })
  expect(Buffer.compare(applyDelta(base, delta, digest(target)), target)).toBe(0)
  const written: Uint8Array[] = []
  await applyTo({
    base: source(base),
    delta: source(delta),
    target: digest(target),
    write: bytes => void written.push(bytes),
  })
  expect(Buffer.compare(concat(...written), target)).toBe(0)
  return delta
}

describe('bit-exact', () => {
  it('for random edits of random contents, in memory and streamed', async () => {
    for (let seed = 1; seed <= 30; seed++) {
      const random = randomSource(seed)
      const base = concat(content(random, random.below(3_000)), content(random, random.below(4_000)))
      let target = base
      for (let edits = random.below(4); edits >= 0; edits--) target = edit(random, target)
      const delta = await roundTrip(base, target)
      // Stored blocks bound what can go wrong.
      expect(delta.length, `seed ${seed}`).toBeLessThanOrEqual(target.length + 128)
    }
  })

  it.each([
    ['nothing to nothing', 0, 0],
    ['nothing to something', 0, 5_000],
    ['something to nothing', 5_000, 0],
    ['one byte', 1, 1],
    ['a block and a byte', 4_097, 8_193],
  ])('%s', async (_name, from, to) => {
    const random = randomSource(7)
    await roundTrip(random.bytes(from), random.bytes(to))
  })

  it.each([4_096, 16_384, 65_536])('blocks of %i bytes', async blockSize => {
    const random = randomSource(blockSize)
    const base = concat(random.bytes(2_000), new Uint8Array(blockSize - 3_000), content(random, 6_000))
    await roundTrip(base, edit(random, base), blockSize)
  })

  it('with one coding alone, and with none', () => {
    const random = randomSource(3)
    const base = Buffer.from('the same words again and again. '.repeat(300))
    const target = concat(base.subarray(0, 3_000), random.bytes(50), base.subarray(3_010))
    for (const coding of ['modelled', 'deflated'] as const) {
      const delta = makeDelta(base, target, { codings: [coding] })
      expect(readDelta(delta).blocks.map(block => block.coding)).toEqual([coding])
      expect(Buffer.compare(applyDelta(base, delta, digest(target)), target)).toBe(0)
      expect(delta.length).toBeLessThan(400)
    }
    const stored = makeDelta(base, target, { codings: [] })
    expect(Buffer.compare(applyDelta(base, stored, digest(target)), target)).toBe(0)
  })

  it('the same delta twice', () => {
    const random = randomSource(11)
    const base = content(random, 9_000)
    const target = edit(random, base)
    expect(Buffer.compare(makeDelta(base, target), makeDelta(base, target))).toBe(0)
  })
})

describe('limits and policy', () => {
  it('refuses files above the limit, and block sizes that are none', () => {
    const bytes = new Uint8Array(5_000)
    expect(() => makeDelta(bytes, bytes, { maxBytes: 4_999 })).toThrow(
      expect.objectContaining({ code: 'DELTA_LIMIT' }),
    )
    for (const blockSize of [0, 2_048, 5_000, 131_072, Number.NaN])
      expect(() => makeDelta(bytes, bytes, { blockSize })).toThrow(RangeError)
  })
  it('offers a delta that saves a fifth', () => {
    expect(worthwhile(80, 100)).toBe(true)
    expect(worthwhile(81, 100)).toBe(false)
  })
})
