import { describe, expect, it } from 'vitest'
import { type Rng, rng } from '../../../bench/rollouts/rng.ts'
import { addValue, type Moments, NO_MOMENTS } from '../../../src/domain/rollout/stats/moments.ts'
import {
  type MeanTest,
  MINIMUM_DEVICES,
  meanExceeds,
  mixtureLogRatio,
} from '../../../src/domain/rollout/stats/msprt.ts'

const of = (values: readonly number[]): Moments => values.reduce(addValue, NO_MOMENTS)
const draw = (random: Rng, n: number, value: (r: Rng) => number): number[] =>
  Array.from({ length: n }, () => value(random))
const TEST: MeanTest = { margin: 0, alpha: 0.01, tau: 0.5 }

/** Share of runs that ever stop, with a look at every tenth canary. */
function everStops(
  seed: number,
  runs: number,
  [canaries, controls]: readonly [number, number],
  test: MeanTest,
  canaryValue: (r: Rng) => number,
  controlValue = canaryValue,
): number {
  const random = rng(seed)
  let stops = 0
  for (let run = 0; run < runs; run++) {
    let canary = NO_MOMENTS
    const control = of(draw(random, controls, controlValue))
    for (let n = 1; n <= canaries; n++) {
      canary = addValue(canary, canaryValue(random))
      if (n % 10 !== 0) continue
      if (!meanExceeds(canary, control, test).exceeds) continue
      stops++
      break
    }
  }
  return stops / runs
}

describe('one value per device in two arms', () => {
  it('Λ is the half-normal mixture of likelihood ratios (mpmath, by quadrature)', () => {
    expect(mixtureLogRatio(0.5, 0.02, 0.5)).toBeCloseTo(5.178504930308878, 10)
    expect(mixtureLogRatio(-0.3, 0.02, 0.5)).toBeCloseTo(-2.4066774494244405, 10)
    expect(mixtureLogRatio(1.2, 0.1, 0.3)).toBeCloseTo(3.7782319049106867, 10)
    expect(mixtureLogRatio(-1e3, 0.02, 0.5)).toBeLessThan(-5)
  })

  it('is undecided below the least number of devices, however clear it looks', () => {
    const few = of(Array.from({ length: MINIMUM_DEVICES - 1 }, (_, i) => 1000 + i))
    const control = of(Array.from({ length: 100 }, (_, i) => i % 3))
    const verdict = meanExceeds(few, control, TEST)
    expect(verdict).toMatchObject({ exceeds: false, evidence: 0, interval: null })
    expect(verdict.difference).toBeCloseTo(1003.01, 6)
    expect(meanExceeds(NO_MOMENTS, control, TEST).difference).toBeNull()
    expect(meanExceeds(addValue(few, 1010), control, TEST).exceeds).toBe(true)
  })

  it('says so exactly when the interval’s harmful side passes the margin, in both directions', () => {
    const random = rng(3)
    for (let i = 0; i < 60; i++) {
      const shift = 1.6 * random.next()
      const canary = draw(random, 40, r => shift + r.normal())
      const control = draw(random, 40, r => r.normal())
      const up = meanExceeds(of(canary), of(control), { ...TEST, margin: 0.2 })
      const down = meanExceeds(of(canary.map(v => -v)), of(control.map(v => -v)), {
        ...TEST,
        margin: 0.2,
        direction: 'lower',
      })
      expect(up.exceeds).toBe(up.interval![0] >= 0.2)
      expect(down.exceeds).toBe(down.interval![1] <= -0.2)
      expect(down.evidence).toBeCloseTo(up.evidence, 4)
    }
  })

  it('a larger margin and a smaller α never make it stop earlier', () => {
    const random = rng(5)
    const canary = of(draw(random, 50, r => 1 + r.normal()))
    const control = of(draw(random, 50, r => r.normal()))
    const evidence = [0, 0.2, 0.5, 1, 2].map(
      margin => meanExceeds(canary, control, { ...TEST, margin }).evidence,
    )
    expect(evidence).toEqual(evidence.toSorted((a, b) => b - a))
    const lowers = [0.1, 0.01, 0.001].map(
      alpha => meanExceeds(canary, control, { ...TEST, alpha }).interval![0],
    )
    expect(lowers).toEqual(lowers.toSorted((a, b) => b - a))
  })

  // α = 5 %; the true rates lie between 0 and 2 %, so 500 runs leave four standard errors.
  it.each([
    ['normal values, equal arms', [60, 60], (r: Rng) => r.normal()],
    ['normal values, one canary to ten controls', [30, 300], (r: Rng) => r.normal()],
    ['a long tail on the harmful side', [30, 300], (r: Rng) => r.exponential()],
    ['a long tail on the other side', [30, 300], (r: Rng) => -r.exponential()],
    ['rare large values on the other side', [30, 300], (r: Rng) => (r.next() < 0.05 ? -5 : 0)],
  ] as const)('without harm it rarely stops: %s', (_, arms, value) => {
    expect(everStops(9, 500, arms, { ...TEST, alpha: 0.05 }, value)).toBeLessThan(0.05)
  })

  it('a harm of one standard deviation is found by fifty devices per arm', () => {
    const shifted = (r: Rng): number => 1 + r.normal()
    expect(everStops(10, 200, [50, 50], TEST, shifted, r => r.normal())).toBeGreaterThan(0.9)
  })

  it('refuses what cannot be, by name', () => {
    expect(() => meanExceeds(NO_MOMENTS, NO_MOMENTS, { ...TEST, margin: -1 })).toThrow('margin')
    expect(() => meanExceeds(NO_MOMENTS, NO_MOMENTS, { ...TEST, tau: 0 })).toThrow('tau')
    expect(() => meanExceeds(NO_MOMENTS, NO_MOMENTS, { ...TEST, alpha: 2 })).toThrow('alpha')
  })
})
