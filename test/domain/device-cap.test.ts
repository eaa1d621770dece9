import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { deviceCap } from '../../src/domain/sampling/device-cap.ts'

const sum = (counts: readonly number[], cap: number): number =>
  counts.reduce((s, n) => s + Math.min(n, cap), 0)
const lowerMedian = (counts: readonly number[]): number =>
  [...counts].sort((a, b) => a - b)[Math.floor((counts.length - 1) / 2)] as number
const counts = fc.array(fc.integer({ min: 1, max: 400 }), { minLength: 1, maxLength: 60, size: 'max' })
const share = fc.double({ min: 0.01, max: 1, noNaN: true })

describe('the cap of one device', () => {
  it.each([
    ['nobody sent anything', [], 0.1, 0],
    ['all alike: all of it', [90, 90, 90, 90], 0.1, 90],
    ['one of many floods: a tenth of what is then there', [...new Array(50).fill(10), 5_000], 0.1, 55],
    ['one of few floods: as much as the device in the middle', [10, 11, 12, 5_000], 0.1, 11],
    ['one of few sent hardly anything: the others do not suffer', [1, 90, 90, 90], 0.1, 90],
    ['a single device', [7], 0.1, 7],
  ])('%s', (_, of, c, cap) => {
    expect(deviceCap(of, c)).toBe(cap)
  })

  it('keeps every device at or below max(share, 1/(⌊D/2⌋+1)) of what is admitted', () => {
    void fc.assert(
      fc.property(counts, share, (of, c) => {
        const cap = deviceCap(of, c)
        const most = Math.max(...of.map(n => Math.min(n, cap)))
        expect(most).toBeLessThanOrEqual(
          Math.max(c, 1 / (Math.floor(of.length / 2) + 1)) * sum(of, cap) + 1e-9,
        )
        expect(most).toBeGreaterThan(0)
      }),
    )
  })
  it('is the largest that its formula allows', () => {
    void fc.assert(
      fc.property(counts, share, (of, c) => {
        const allowed = (m: number): boolean => m <= Math.max(Math.floor(c * sum(of, m)), lowerMedian(of))
        const top = Math.max(...of)
        const largest = Array.from({ length: top }, (_, i) => top - i).find(allowed)
        expect(deviceCap(of, c)).toBe(largest)
      }),
    )
  })
  it('gives a larger flood no more than a flood', () => {
    void fc.assert(
      fc.property(counts, of => {
        // More than 0.1 of everything could come to, so that it is cut in both cases.
        const flood = Math.max(...of) * 10
        expect(deviceCap([...of, flood * 100], 0.1)).toBe(deviceCap([...of, flood], 0.1))
      }),
    )
  })
})
