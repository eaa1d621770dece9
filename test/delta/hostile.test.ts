import { deflateRawSync } from 'node:zlib'
import { beforeAll, describe, expect, it } from 'vitest'
import { createEncoder } from '../../delta/coder/arithmetic.ts'
import { type BlockPlan, codePlan, MAX_PRIME, MAX_SPANS } from '../../delta/coder/plan.ts'
import { NO_SHAPE } from '../../delta/coder/shapes.ts'
import { writeDelta } from '../../delta/header.ts'
import { applyDelta, applyTo, DeltaError, makeDelta, readDelta } from '../../delta/index.ts'
import { concat, content, digest, edit, randomSource } from './support.ts'

const random = randomSource(99)
const base = concat(content(random, 6_000), random.bytes(3_000), content(random, 6_000))
const target = edit(random, edit(random, base))
const blockSize = 4_096
let delta: Uint8Array

beforeAll(() => {
  delta = makeDelta(base, target, { blockSize })
})

/** Nothing but a DeltaError, and never bytes that are not the target. */
function refusedOrRight(bytes: Uint8Array): string {
  try {
    const out = applyDelta(base, bytes, digest(target))
    expect(Buffer.compare(out, target)).toBe(0)
    return 'right'
  } catch (error) {
    if (!(error instanceof DeltaError)) throw error
    return error.code
  }
}

describe('damaged deltas', () => {
  it('a flipped bit anywhere in the header, and in the payloads by sample', () => {
    const header = readDelta(delta).length
    for (let at = 0; at < delta.length; at += at < header ? 1 : 211) {
      const bytes = delta.slice()
      bytes[at]! ^= 1 << (at % 8)
      expect(refusedOrRight(bytes), `byte ${at}`).not.toBe('right')
    }
  })
  it('cut off anywhere, and with bytes behind its end', () => {
    for (let length = 0; length < delta.length; length += 1 + Math.floor(length / 12))
      expect(refusedOrRight(delta.subarray(0, length))).toBe('DELTA_CORRUPT')
    expect(refusedOrRight(concat(delta, new Uint8Array(1)))).toBe('DELTA_CORRUPT')
  })
  it('parts overwritten, doubled and left out', () => {
    for (let i = 0; i < 15; i++) {
      const at = random.below(delta.length)
      const some = 1 + random.below(40)
      const splices = [
        concat(delta.subarray(0, at), random.bytes(some), delta.subarray(at + some)),
        concat(delta.subarray(0, at), delta.subarray(at, at + some), delta.subarray(at)),
        concat(delta.subarray(0, at), delta.subarray(at + some)),
      ]
      for (const bytes of splices)
        if (Buffer.compare(bytes, delta) !== 0) expect(refusedOrRight(bytes)).not.toBe('right')
    }
  })
  it('noise behind a true header', () => {
    const header = readDelta(delta)
    for (let i = 0; i < 8; i++)
      expect(
        refusedOrRight(concat(delta.subarray(0, header.length), random.bytes(delta.length - header.length))),
      ).toBe('DELTA_CORRUPT')
  })
})

describe('another base or target', () => {
  it('is refused before anything is written', async () => {
    const other = base.slice()
    other[5]! ^= 1
    const run = (from: Uint8Array, to: Uint8Array) => {
      const read = (bytes: Uint8Array) => (offset: number, n: number) => bytes.subarray(offset, offset + n)
      return applyTo({
        base: { length: from.length, read: read(from) },
        delta: { length: delta.length, read: read(delta) },
        target: digest(to),
        write: () => {
          throw new Error('written')
        },
      })
    }
    await expect(run(other, target)).rejects.toMatchObject({ code: 'BASE_MISMATCH' })
    await expect(run(base.subarray(1), target)).rejects.toMatchObject({ code: 'BASE_MISMATCH' })
    await expect(run(base, base)).rejects.toMatchObject({ code: 'TARGET_MISMATCH' })
    expect(() => applyDelta(other, delta, digest(target))).toThrow(
      expect.objectContaining({ code: 'BASE_MISMATCH' }),
    )
    expect(() => applyDelta(base, delta, digest(base))).toThrow(
      expect.objectContaining({ code: 'TARGET_MISMATCH' }),
    )
  })
})

/** A delta to `length` zeros whose one block is this payload. */
function forged(coding: 'modelled' | 'deflated', payload: Uint8Array, length = 4_096): () => Uint8Array {
  const zeros = new Uint8Array(length)
  const bytes = writeDelta(digest(base), digest(zeros), blockSize, [{ coding, payload }])
  return () => applyDelta(base, bytes, digest(zeros))
}
function planned(plan: Partial<BlockPlan>, place = { offset: 0, length: 4_096, baseLength: 2 ** 40 }) {
  const encoder = createEncoder()
  const spans = plan.spans ?? [{ kind: 'literal', length: place.length, offset: 0 }]
  codePlan(encoder, { shape: NO_SHAPE, prime: { offset: 0, length: 0 }, ...plan, spans }, place)
  return encoder.finish()
}
const corruptFor = (message: string | RegExp) =>
  expect.objectContaining({ code: 'DELTA_CORRUPT', message: expect.stringMatching(message) })

describe('forged blocks', () => {
  it('that read outside the base', () => {
    const spans = [{ kind: 'copy', length: 4_096, offset: base.length - 4_095 }] as const
    expect(forged('modelled', planned({ spans }))).toThrow(corruptFor('outside the base'))
    const far = [{ kind: 'residual', length: 4_096, offset: 2 ** 39 }] as const
    expect(forged('modelled', planned({ spans: far }))).toThrow(corruptFor('outside the base'))
    const prime = { offset: base.length - 10, length: 11 }
    expect(forged('modelled', planned({ prime }))).toThrow(corruptFor('outside the base'))
  })
  it('with a prime that is longer than allowed', () => {
    const payload = () => planned({ prime: { offset: 0, length: MAX_PRIME + 1 } })
    expect(payload).toThrow(corruptFor('primed'))
  })
  it('with spans beyond the block', () => {
    const place = { offset: 0, length: 8_192, baseLength: 0 }
    expect(forged('modelled', planned({}, place))).toThrow(corruptFor('behind its block'))
  })
  it('with a flood of spans', () => {
    const spans = Array.from(
      { length: MAX_SPANS },
      () => ({ kind: 'literal', length: 1, offset: 0 }) as const,
    )
    expect(() => planned({ spans }, { offset: 0, length: 65_536, baseLength: 0 })).toThrow(
      corruptFor('more than'),
    )
  })
  it('with a stride or a phase out of range', () => {
    const shape = { ...NO_SHAPE, stride: 5_000 }
    const place = { offset: 0, length: 8_192, baseLength: 0 }
    expect(forged('modelled', planned({ shape }, place))).toThrow(corruptFor('stride'))
    const phase = { ...NO_SHAPE, kind: 'numbers', width: 2, phase: 3 } as const
    expect(() => planned({ shape: phase })).toThrow(corruptFor('phase'))
  })
  it('that inflate to more, to less or not at all', () => {
    const deflated = (n: number) => concat(new Uint8Array(8), deflateRawSync(new Uint8Array(n)))
    expect(forged('deflated', deflated(4_096))()).toEqual(new Uint8Array(4_096))
    expect(forged('deflated', deflated(50_000))).toThrow(corruptFor('within its length'))
    expect(forged('deflated', deflated(4_000))).toThrow(corruptFor('shorter'))
    expect(forged('deflated', concat(new Uint8Array(8), Uint8Array.of(7, 7, 7)))).toThrow(
      corruptFor('inflate'),
    )
    expect(forged('deflated', new Uint8Array(7))).toThrow(corruptFor('cut off'))
    const outside = concat(
      Uint8Array.of(255, 255, 255, 255, 16, 0, 0, 0),
      deflateRawSync(new Uint8Array(4_096)),
    )
    expect(forged('deflated', outside)).toThrow(corruptFor('outside the base'))
  })
  it('with bytes behind their end', () => {
    const padded = concat(planned({ spans: [{ kind: 'copy', length: 4_096, offset: 0 }] }), random.bytes(30))
    expect(forged('modelled', padded)).toThrow(corruptFor('behind its end'))
  })
})

describe('forged headers', () => {
  it('that promise a giant are refused by what was asked for', () => {
    const giant = { ...digest(target), length: 2 ** 40 }
    const bytes = writeDelta(digest(base), giant, blockSize, [])
    expect(() => applyDelta(base, bytes, digest(target))).toThrow(
      expect.objectContaining({ code: 'DELTA_LIMIT' }),
    )
    const large = writeDelta(digest(base), { ...giant, length: 2 ** 31 }, blockSize, [])
    expect(() => applyDelta(base, large, digest(target))).toThrow(DeltaError)
  })
  it('with a block size out of range', () => {
    for (const log of [0, 11, 17, 200]) {
      const bytes = delta.slice()
      bytes[68] = log
      expect(refusedOrRight(bytes)).toBe('DELTA_CORRUPT')
    }
  })
  it('with payloads longer than their block, or numbers spelt long', () => {
    const zeros = new Uint8Array(4_096)
    const long = writeDelta(digest(base), digest(zeros), blockSize, [
      { coding: 'modelled', payload: new Uint8Array(4_096) },
    ])
    expect(() => readDelta(long)).toThrow(corruptFor('a payload of 4096 bytes'))
    const short = writeDelta(digest(base), digest(zeros), blockSize, [
      { coding: 'stored', payload: zeros.subarray(1) },
    ])
    expect(() => readDelta(short)).toThrow(corruptFor('a payload of 4095 bytes'))
    const spelt = concat(delta.subarray(0, 69), Uint8Array.of(0x80, 0), delta.subarray(70))
    expect(() => readDelta(spelt)).toThrow(corruptFor('superfluous'))
    const endless = concat(delta.subarray(0, 69), new Uint8Array(9).fill(0xff))
    expect(() => readDelta(endless)).toThrow(corruptFor('more than 7 bytes'))
  })
})
