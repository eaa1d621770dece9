import { describe, expect, it } from 'vitest'
import { findAnchors } from '../../delta/align/anchors.ts'
import { createAligner } from '../../delta/align/spans.ts'
import { tarRegions } from '../../delta/align/tar.ts'
import { makeDelta } from '../../delta/index.ts'
import { packageArchive } from '../../src/domain/package/archive.ts'
import { concat, randomSource } from './support.ts'

const random = randomSource(21)

describe('anchors', () => {
  it('are exact, in order and do not overlap', () => {
    const base = random.bytes(20_000)
    const target = concat(base.subarray(9_000), random.bytes(777), base.subarray(0, 12_000))
    const anchors = findAnchors(base, target)
    let end = 0
    for (const { target: at, base: from, length } of anchors) {
      expect(at).toBeGreaterThanOrEqual(end)
      expect(Buffer.compare(base.subarray(from, from + length), target.subarray(at, at + length))).toBe(0)
      end = at + length
    }
    expect(anchors.reduce((sum, a) => sum + a.length, 0)).toBeGreaterThan(target.length - 800)
  })
  it('take linear time on bytes that repeat', () => {
    const zeros = new Uint8Array(300_000)
    expect(findAnchors(zeros, zeros)).toEqual([])
    const waves = Uint8Array.from({ length: 300_000 }, (_, i) => i % 7)
    expect(findAnchors(waves, waves)).toHaveLength(1)
  })
})

describe('archives', () => {
  const json = (n: number) => Buffer.from(`{"version":${n}}`)
  const archive = (n: number, model: Uint8Array) =>
    packageArchive([
      { name: 'a.json', bytes: json(n) },
      { name: 'model.bin', bytes: model },
    ])
  it('give their files, and other bytes none', () => {
    const regions = tarRegions(archive(1, random.bytes(1_000)))
    expect(regions.map(({ name, offset, length }) => [name, offset, length])).toEqual([
      ['a.json', 0, 1_024],
      ['model.bin', 1_024, 1_536],
    ])
    expect(tarRegions(random.bytes(5_000))).toEqual([])
    expect(tarRegions(archive(1, random.bytes(2_000)).subarray(0, 1_600))).toHaveLength(1)
  })
  it('find a file that moved though no run of it is equal', () => {
    const model = random.bytes(6_000)
    const drifted = model.map(b => b + 1)
    const before = archive(1, model)
    const after = packageArchive([
      { name: 'a.json', bytes: random.bytes(700) },
      { name: 'model.bin', bytes: drifted },
    ])
    expect(makeDelta(before, after).length).toBeLessThan(1_500)
  })
})

describe('spans', () => {
  it('cover the block and follow what was inserted', () => {
    const base = random.bytes(30_000)
    const target = concat(base.subarray(0, 10_000), random.bytes(500), base.subarray(10_000))
    const spans = createAligner(base, target).spans(8_192, 8_192, 'exact')
    expect(spans.reduce((sum, s) => sum + s.length, 0)).toBe(8_192)
    const literals = spans.filter(s => s.kind === 'literal').reduce((sum, s) => sum + s.length, 0)
    expect(literals).toBeGreaterThan(450)
    expect(literals).toBeLessThan(550)
    expect(spans.some(s => s.kind === 'copy')).toBe(true)
  })
})
