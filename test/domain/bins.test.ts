import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { binned } from '../../src/contracts/packages.ts'
import { binClasses, binColumn, binOf, countColumn, shares } from '../../src/domain/monitoring/bins.ts'
import { normal, seeded } from './support.ts'

const finite = fc.double({ noNaN: true, noDefaultInfinity: true })
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0)

describe('binOf', () => {
  it('is the number of edges that are not above the value', () => {
    const edges = fc.array(finite, { maxLength: 20 }).map(e => [...new Set(e)].sort((a, b) => a - b))
    void fc.assert(
      fc.property(edges, finite, (e, value) => {
        expect(binOf(e, value)).toBe(e.filter(edge => edge <= value).length)
      }),
    )
  })
  it('puts an edge into the bin above it', () => {
    expect([-1, 0, 0.5, 1, 2].map(v => binOf([0, 1], v))).toEqual([0, 1, 1, 2, 2])
    expect(binOf([], 7)).toBe(0)
  })
})

describe('binColumn', () => {
  const value = fc.oneof(finite, fc.integer({ min: 0, max: 3 }), fc.constant(Number.NaN))
  it('makes a legal baseline of any column: rising edges, no empty bin, shares that sum to 1', () => {
    void fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 300 }), values => {
        const made = binColumn('a', values)
        expect(binned.parse(made)).toEqual(made)
        expect(made.edges.length).toBeLessThanOrEqual(19)
        expect(made.edges.every((e, i) => i === 0 || e > (made.edges[i - 1] as number))).toBe(true)
        expect(made.p0).toHaveLength(made.edges.length + 2)
        expect(sum(made.p0)).toBeCloseTo(1, 12)
        const counts = countColumn(made.edges, values)
        expect(sum(counts)).toBe(values.length)
        if (made.edges.length > 0) expect(Math.min(...counts.slice(0, -1))).toBeGreaterThan(0)
        expect(Math.min(...made.p0)).toBeGreaterThan(0)
      }),
    )
  })
  it('cuts a smooth column into 20 bins of nearly one share', () => {
    const random = seeded(1)
    const { edges, p0 } = binColumn(
      'a',
      Array.from({ length: 4_000 }, () => normal(random)),
    )
    expect(edges).toHaveLength(19)
    for (const share of p0.slice(0, -1)) expect(Math.abs(share - 0.05)).toBeLessThan(0.001)
  })
  it('gives a constant one bin, two values two, and only missing values none but their own', () => {
    expect(binColumn('a', [7, 7, 7]).edges).toEqual([])
    expect(binColumn('a', [0, 0, 0, 1]).edges).toEqual([1])
    expect(binColumn('a', [Number.NaN, Number.NaN])).toEqual({ name: 'a', edges: [], p0: [1 / 6, 5 / 6] })
  })
  it('adds half a count to each bin', () => {
    expect(shares([0, 3])).toEqual([0.5 / 4, 3.5 / 4])
  })
})

describe('binClasses', () => {
  it('has a bin for each class, also for one that is never predicted', () => {
    const { edges, p0 } = binClasses('prediction', [0, 0, 2], 4)
    expect(edges).toEqual([0.5, 1.5, 2.5])
    expect(p0).toEqual([2.5, 0.5, 1.5, 0.5, 0.5].map(c => c / 5.5))
    expect([0, 1, 2, 3].map(c => binOf(edges, c))).toEqual([0, 1, 2, 3])
  })
})
