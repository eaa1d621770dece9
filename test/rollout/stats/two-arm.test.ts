import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rng } from '../../../bench/rollouts/rng.ts'
import { stopBoundary, stopProbability } from '../../../src/domain/rollout/stats/crossing.ts'
import { canaryShare, countExceeds } from '../../../src/domain/rollout/stats/two-arm.ts'

const boundaryOf = (events: number, share: number, alpha: number, ratio = 1): number[] =>
  stopBoundary(
    events,
    ({ failed, total }) =>
      countExceeds({ canary: failed, control: total - failed }, share, alpha, ratio).exceeds,
  )

describe('events in two arms', () => {
  it('p0 is the share of canary events at the tolerated ratio', () => {
    expect(canaryShare(0.5, 1)).toBe(0.5)
    expect(canaryShare(0.5, 3)).toBe(0.75)
    expect(canaryShare(0.2, 2)).toBeCloseTo(1 / 3, 12)
  })

  it('exact: devices counted once are drawn without replacement, and that stops less often than α', () => {
    for (const alpha of [0.05, 0.005])
      for (const [canaries, controls] of [
        [10, 10],
        [100, 100],
        [20, 200],
        [200, 20],
      ] as const) {
        const all = canaries + controls
        const share = canaries / all
        const boundary = boundaryOf(all, share, alpha)
        const urn = stopProbability(boundary, (canary, seen) => (canaries - canary) / (all - seen)).at(-1)!
        const independent = stopProbability(boundary, share).at(-1)!
        expect(urn).toBeLessThan(independent)
        expect(independent).toBeLessThanOrEqual(alpha)
      }
  })

  it('a tolerated ratio moves the line: exactly that ratio is not stopped, twice it is', () => {
    const boundary = boundaryOf(400, 0.3, 0.01, 2)
    expect(stopProbability(boundary, canaryShare(0.3, 2)).at(-1)).toBeLessThanOrEqual(0.01)
    expect(stopProbability(boundary, canaryShare(0.3, 4)).at(-1)).toBeGreaterThan(0.99)
    // Against ratio 1 the same events are a clear excess.
    expect(stopProbability(boundaryOf(400, 0.3, 0.01), canaryShare(0.3, 2)).at(-1)).toBeGreaterThan(0.99)
  })

  it('with the canary exposed later than the control it stays a test of level α, simulated', () => {
    const random = rng(4)
    const [runs, perArm, alpha, hours] = [3_000, 60, 0.05, 48]
    const boundary = boundaryOf(2 * perArm, 0.5, alpha)
    let stops = 0
    for (let run = 0; run < runs; run++) {
      // A device's first event, at a rate of its own; canaries join one by one over the first day.
      const firsts: { at: number; canary: boolean }[] = []
      for (let d = 0; d < 2 * perArm; d++) {
        const canary = d < perArm
        const joined = canary ? (24 * d) / perArm : 0
        firsts.push({ at: joined + random.exponential() / (0.03 * random.gamma(1)), canary })
      }
      let canary = 0
      let total = 0
      for (const first of firsts.filter(f => f.at < hours).sort((a, b) => a.at - b.at)) {
        total++
        if (first.canary) canary++
        if (canary < boundary[total]!) continue
        stops++
        break
      }
    }
    expect(stops / runs).toBeLessThan(alpha)
  })

  it('canary events never weaken the evidence, control events never strengthen it', () => {
    const share = fc.double({ min: 0.01, max: 0.99, noNaN: true })
    void fc.assert(
      fc.property(fc.nat(2_000), fc.nat(2_000), share, (canary, control, s) => {
        const at = (c: number, k: number): number => countExceeds({ canary: c, control: k }, s, 0.01).evidence
        const here = at(canary, control)
        const slack = 1e-9 * (1 + Math.abs(here))
        expect(at(canary + 1, control)).toBeGreaterThanOrEqual(here - slack)
        expect(at(canary, control + 1)).toBeLessThanOrEqual(here + slack)
      }),
    )
    expect(countExceeds({ canary: 0, control: 0 }, 0.5, 0.01)).toEqual({ exceeds: false, evidence: 0 })
  })

  it('refuses what cannot be, by name', () => {
    expect(() => countExceeds({ canary: -1, control: 0 }, 0.5, 0.05)).toThrow('canary')
    expect(() => countExceeds({ canary: 0, control: 1.5 }, 0.5, 0.05)).toThrow('control')
    expect(() => countExceeds({ canary: 0, control: 0 }, 1, 0.05)).toThrow('share')
    expect(() => countExceeds({ canary: 0, control: 0 }, 0.5, 0)).toThrow('alpha')
    expect(() => countExceeds({ canary: 0, control: 0 }, 0.5, 0.05, 0)).toThrow('ratio')
  })
})
