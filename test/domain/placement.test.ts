import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { placement as devicePlacement } from '../../device/placement.ts'
import { armAt, controlFor, exposureFor, placement } from '../../src/domain/rollout/placement.ts'

describe('placement', () => {
  it('is the same in the cloud and on the device', () => {
    void fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' }), (seed, thing) => {
        expect(placement(seed, thing)).toBe(devicePlacement(seed, thing))
      }),
      { numRuns: 1_000 },
    )
    expect(placement('ab', 'c')).not.toBe(placement('a', 'bc'))
  })
  it('is pinned, since devices in the field compute it', () => {
    expect(placement('m-v2', 'containers-0001')).toBe(0.541070518264916)
  })
  it('is uniform: chi-square over 64 cells of 64 000 devices', () => {
    const cells = new Array<number>(64).fill(0)
    for (let i = 0; i < 64_000; i++) {
      const cell = Math.floor(placement('uniform', `thing-${i}`) * 64)
      cells[cell] = (cells[cell] as number) + 1
    }
    const chi2 = cells.reduce((sum, c) => sum + (c - 1_000) ** 2 / 1_000, 0)
    // The 99.99 % point of chi-square with 63 degrees of freedom is 112.
    expect(chi2).toBeLessThan(112)
    expect(chi2).toBeGreaterThan(25)
  })
})

describe('exposureFor', () => {
  const places = fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { maxLength: 60 })
  it('always lets in the wanted number of devices, and no more than the share when that is enough', () => {
    void fc.assert(
      fc.property(
        places,
        fc.double({ min: 0.01, max: 0.99, noNaN: true }),
        fc.integer({ min: 1, max: 20 }),
        (fleet, share, minDevices) => {
          const exposure = exposureFor(fleet, share, minDevices)
          const within = (limit: number) => fleet.filter(place => place < limit).length
          expect(exposure).toBeGreaterThanOrEqual(share)
          expect(exposure).toBeLessThanOrEqual(1)
          expect(within(exposure)).toBeGreaterThanOrEqual(Math.min(minDevices, fleet.length))
          if (within(share) >= Math.min(minDevices, fleet.length)) expect(exposure).toBe(share)
        },
      ),
    )
  })
  it('is the share when nobody is known, and all when all are wanted', () => {
    expect(exposureFor([], 0.1, 3)).toBe(0.1)
    expect(exposureFor([0.2], 1, 1)).toBe(1)
  })
})

describe('arms', () => {
  it('are equal, apart, and as large as what is left', () => {
    void fc.assert(
      fc.property(
        fc.double({ min: 0.001, max: 1, noNaN: true }),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        (exposure, place) => {
          const control = controlFor(exposure)
          expect(control).toBe(Math.min(exposure, 1 - exposure))
          const arm = armAt(place, exposure, control)
          expect(arm === 'canary').toBe(place < exposure)
          if (arm === 'control') expect(place).toBeGreaterThanOrEqual(1 - control)
        },
      ),
    )
    expect(armAt(0.999, 1, controlFor(1))).toBe('canary')
  })
})
