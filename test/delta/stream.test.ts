import { beforeAll, describe, expect, it } from 'vitest'
import { applyTo, type DeltaDevice, makeDelta, readDelta } from '../../delta/index.ts'
import { concat, content, digest, edit, randomSource } from './support.ts'

const random = randomSource(5)
const blockSize = 4_096
const base = concat(content(random, 9_000), random.bytes(9_000), content(random, 9_000))
const target = edit(random, edit(random, base))
let delta: Uint8Array

beforeAll(() => {
  delta = makeDelta(base, target, { blockSize })
})

/** Answers with one buffer that the next answer overwrites, and notes the longest. */
function reusing(bytes: Uint8Array) {
  const buffer = new Uint8Array(bytes.length)
  const source = {
    length: bytes.length,
    longest: 0,
    read: async (offset: number, length: number): Promise<Uint8Array> => {
      source.longest = Math.max(source.longest, length)
      buffer.set(bytes.subarray(offset, offset + length))
      return buffer.subarray(0, length)
    },
  }
  return source
}

const device = (more: Partial<DeltaDevice> = {}) => {
  const written: Uint8Array[] = []
  const parts = {
    base: reusing(base),
    delta: reusing(delta),
    target: digest(target),
    write: async (bytes: Uint8Array, _offset = 0): Promise<void> => void written.push(bytes),
    ...more,
  }
  return { ...parts, out: () => concat(...written), count: () => written.length }
}

describe('applyTo', () => {
  it('holds no more than a block at a time', async () => {
    const one = device({ delta: reusing(delta) })
    await applyTo(one)
    expect(Buffer.compare(one.out(), target)).toBe(0)
    const longest = Math.max(readDelta(delta).length + 64, blockSize)
    expect(reading(one.delta)).toBeLessThanOrEqual(longest)
    // The digest is taken in pieces of 64 KiB.
    expect(reading(one.base)).toBeLessThanOrEqual(65_536)
  })

  it('goes on behind whole blocks that are there already', async () => {
    for (const there of [0, 100, blockSize, 2 * blockSize + 17, target.length]) {
      const kept = target.subarray(0, there - (there % blockSize))
      const one = device({ written: reusing(target.subarray(0, there)) })
      const offsets: number[] = []
      const write = one.write
      one.write = async (bytes, offset) => {
        offsets.push(offset)
        await write(bytes, offset)
      }
      const blocks = await applyTo(one)
      expect(offsets[0] ?? kept.length).toBe(kept.length)
      expect(blocks).toBe(one.count())
      expect(Buffer.compare(concat(kept, one.out()), target)).toBe(0)
    }
  })

  it('notices what was torn before it went on', async () => {
    const torn = target.slice(0, 2 * blockSize)
    torn[17]! ^= 1
    await expect(applyTo(device({ written: reusing(torn) }))).rejects.toMatchObject({ code: 'DELTA_CORRUPT' })
  })

  it('lets errors of reading and writing through, and refuses reads that are short', async () => {
    const full = new Error('no space left')
    const write = () => Promise.reject(full)
    await expect(applyTo(device({ write }))).rejects.toBe(full)
    const short = { length: base.length, read: () => new Uint8Array(3) }
    await expect(applyTo(device({ base: short }))).rejects.toThrow(RangeError)
  })

  it('reads the base once, and nothing is written, when the base is another one', async () => {
    const other = base.slice()
    other[base.length - 1]! ^= 1
    const one = device({ base: reusing(other) })
    await expect(applyTo(one)).rejects.toMatchObject({ code: 'BASE_MISMATCH' })
    expect(one.count()).toBe(0)
  })
})

const reading = (source: DeltaDevice['base']): number => (source as ReturnType<typeof reusing>).longest
