import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  addValue,
  type Moments,
  mean,
  mergeMoments,
  NO_MOMENTS,
  QUANTUM,
  removeValue,
  variance,
} from '../../../src/domain/rollout/stats/moments.ts'

const of = (values: readonly number[]): Moments => values.reduce(addValue, NO_MOMENTS)
const numbers = fc.array(fc.double({ min: -1e6, max: 1e6, noNaN: true }), { maxLength: 30 })

describe('moments', () => {
  it('are the same whatever the order and grouping, to the last digit', () => {
    void fc.assert(
      fc.property(numbers, fc.nat(30), (values, cut) => {
        const whole = of(values)
        expect(of(values.toReversed())).toEqual(whole)
        expect(mergeMoments(of(values.slice(cut)), of(values.slice(0, cut)))).toEqual(whole)
        expect(values.reduce(removeValue, whole)).toEqual(NO_MOMENTS)
        expect(JSON.parse(JSON.stringify(whole))).toEqual(whole)
      }),
    )
  })

  it('mean and variance are those of the values', () => {
    expect(mean(of([1, 2, 4]))).toBeCloseTo(7 / 3, 9)
    expect(variance(of([1, 2, 4]))).toBeCloseTo(7 / 3, 9)
    expect([mean(NO_MOMENTS), variance(of([1]))]).toEqual([NaN, NaN])
  })

  it('keeps the spread of values that are large and close together', () => {
    expect(variance(of([1e9, 1e9 + 1, 1e9 + 2]))).toBeCloseTo(1, 9)
  })

  it('stays exact for a million devices, and is never without spread', () => {
    let m = of([8_000.25])
    for (let doubling = 0; doubling < 20; doubling++) m = mergeMoments(m, m)
    expect(m.n).toBe(2 ** 20)
    expect(mean(m)).toBe(8_000.25)
    expect(variance(m)).toBeCloseTo((QUANTUM * QUANTUM) / 12, 20)
    expect(variance(m)).toBeGreaterThan(0)
  })

  it('refuses what is no number', () => {
    for (const value of [NaN, Infinity, 1e10])
      expect(() => addValue(NO_MOMENTS, value)).toThrow('value must be')
    expect(() => removeValue(NO_MOMENTS, 1)).toThrow('no value')
  })
})
