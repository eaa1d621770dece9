import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { rng } from '../../../bench/rollouts/rng.ts'
import { stopBoundary, stopProbability } from '../../../src/domain/rollout/stats/crossing.ts'
import { rateBounds, rateExceeds, rateVerdict } from '../../../src/domain/rollout/stats/csm.ts'
import { mixtureLogE, priorAbove, type Tally } from '../../../src/domain/rollout/stats/mixture.ts'

const TRUE_RATES = [0.02, 0.05, 0.1, 0.15, 0.25, 0.5]
const DEVICES = 200
/** Exact P(stop) within 200 devices and the median device of the stops, over the true rates. */
const table = (stops: (tally: Tally) => boolean): { stop: number; median: number }[] => {
  const boundary = stopBoundary(DEVICES, () => false).map((never, total) => {
    for (let failed = 0; failed <= total && total > 0; failed++) if (stops({ failed, total })) return failed
    return never
  })
  return TRUE_RATES.map(p => {
    const by = stopProbability(boundary, p)
    const stop = by.at(-1)!
    return { stop, median: by.findIndex(v => v >= stop / 2) }
  })
}
const rawGate =
  (share: number, least: number) =>
  ({ failed, total }: Tally): boolean =>
    total >= least && failed >= share * total - 1e-9

describe('one arm against a tolerated rate', () => {
  it('proves a rate below the tolerated one with the known numbers of devices', () => {
    const needed = [0.2, 0.1, 0.05, 0.02, 0.01].map(tolerated =>
      [0, 1, 2].map(failed => {
        let total = failed + 1
        while (rateVerdict({ failed, total }, tolerated, 0.05) !== 'below') total++
        return total
      }),
    )
    expect(needed).toEqual([
      [29, 41, 51],
      [69, 94, 116],
      [158, 210, 254],
      [451, 587, 702],
      [984, 1262, 1498],
    ])
  })

  // Simulated there with 20 000 runs: a standard error of 0.35 %, so 1.2 % is more than three of them and the rounding.
  it.each([
    ['≥ 10 % after 10', rawGate(0.1, 10), [0.19, 0.5, 0.92, 1, 1, 1], { 2: 10, 3: 10, 4: 10, 5: 10 }],
    ['≥ 20 % after 10', rawGate(0.2, 10), [0.02, 0.1, 0.34, 0.65, 1, 1], { 4: 10, 5: 10 }],
    ['≥ 10 % after 50', rawGate(0.1, 50), [0, 0.14, 0.82, 1, 1, 1], { 2: 50, 3: 50, 4: 50, 5: 50 }],
    ['any failure', ({ failed }: Tally) => failed > 0, [0.98, 1, 1, 1, 1, 1], { 2: 7, 3: 5, 4: 3, 5: 2 }],
    [
      'CSM 0.05',
      (tally: Tally) => rateVerdict(tally, 0.05, 0.05) === 'above',
      [0.001, 0.017, 0.46, 0.97, 1, 1],
      { 2: 90, 3: 52, 4: 16, 5: 3 },
    ],
  ] as const)(
    'exact figures of the gate %s agree with the simulated table',
    (_, stops, expected, medians) => {
      const rows = table(stops)
      for (const [i, share] of expected.entries()) expect(Math.abs(rows[i]!.stop - share)).toBeLessThan(0.012)
      for (const [i, median] of Object.entries(medians))
        expect(Math.abs(rows[Number(i)]!.median - median)).toBeLessThanOrEqual(2)
    },
  )

  it('at its share of α stops 25 % failing after a median of at most 16 devices, where the two-sided method needs more', () => {
    const ours = table(tally => rateExceeds(tally, 0.05, 0.035).exceeds)
    const csm = table(tally => rateVerdict(tally, 0.05, 0.035) === 'above')
    expect(ours[4]!.median).toBeLessThanOrEqual(16)
    expect(csm[4]!.median).toBeGreaterThan(16)
    expect(ours[1]!.stop).toBeLessThanOrEqual(0.035)
    expect(ours[2]!.stop).toBeGreaterThan(csm[2]!.stop)
  })

  it('agrees with the mixture by direct quadrature (mpmath)', () => {
    const prior = priorAbove(0.05, 5)
    expect(prior.b).toBeCloseTo(7.6, 12)
    for (const [failed, total, reference] of [
      [4, 14, 3.547804646283324],
      [0, 10, -1.3019617545387696],
      [3, 3, 5.159222112535245],
      [5, 60, -0.7118717560936557],
      [20, 100, 12.800362202264107],
    ] as const)
      expect(mixtureLogE({ failed, total }, 0.05, prior)).toBeCloseTo(reference, 10)
  })

  it('is an e-value: its mean at the tolerated rate is 1 at every n', () => {
    for (const p0 of [0.01, 0.05, 0.2, 0.5])
      for (const total of [1, 7, 40]) {
        let mean = 0
        let chance = (1 - p0) ** total
        for (let failed = 0; failed <= total; failed++) {
          mean += chance * Math.exp(rateExceeds({ failed, total }, p0, 0.05).evidence)
          chance *= ((total - failed) / (failed + 1)) * (p0 / (1 - p0))
        }
        expect(mean).toBeCloseTo(1, 9)
      }
  })

  it('exact: however long it looks, it stops at the tolerated rate in at most α of the cases', () => {
    for (const [tolerated, alpha] of [
      [0.01, 0.05],
      [0.05, 0.03],
      [0.2, 0.1],
      [0.5, 0.01],
    ] as const) {
      const boundary = stopBoundary(3_000, tally => rateExceeds(tally, tolerated, alpha).exceeds)
      expect(stopProbability(boundary, tolerated).at(-1)).toBeLessThanOrEqual(alpha)
      expect(stopProbability(boundary, tolerated * 0.8).at(-1)).toBeLessThan(
        stopProbability(boundary, tolerated).at(-1)!,
      )
    }
  })

  it('simulated with looks after every event: Ville’s bound with room, and the exact figure', () => {
    const random = rng(20_261_121)
    const [runs, alpha] = [4_000, 0.05]
    const boundary = stopBoundary(150, tally => rateExceeds(tally, 0.05, alpha).exceeds)
    let stops = 0
    for (let run = 0; run < runs; run++) {
      let failed = 0
      for (let total = 1; total <= 150; total++) {
        if (random.next() < 0.05) failed++
        if (failed < boundary[total]!) continue
        stops++
        break
      }
    }
    const exact = stopProbability(boundary, 0.05).at(-1)!
    expect(stops / runs).toBeLessThan(alpha)
    expect(Math.abs(stops / runs - exact)).toBeLessThan(5 * Math.sqrt(exact / runs))
  })

  it('one more failure never weakens the evidence, one more success never strengthens it', () => {
    const tallies = fc.record({ failed: fc.nat(400), good: fc.nat(4_000) })
    const rates = fc.double({ min: 0.001, max: 0.9, noNaN: true })
    void fc.assert(
      fc.property(tallies, rates, ({ failed, good }, tolerated) => {
        const at = (s: number, n: number): number =>
          rateExceeds({ failed: s, total: n }, tolerated, 0.03).evidence
        const here = at(failed, failed + good)
        const slack = 1e-9 * (1 + Math.abs(here))
        expect(at(failed + 1, failed + good + 1)).toBeGreaterThanOrEqual(here - slack)
        expect(at(failed, failed + good + 1)).toBeLessThanOrEqual(here + slack)
        expect(at(failed + 1, failed + 1 + good)).toBeGreaterThanOrEqual(
          at(failed, failed + 1 + good) - slack,
        )
      }),
    )
  })

  it('bounds are what the verdict has not ruled out', () => {
    void fc.assert(
      fc.property(
        fc.nat(300),
        fc.nat(300),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        (failed, good, p) => {
          const tally = { failed, total: failed + good }
          const { lower, upper } = rateBounds(tally, 0.05)
          fc.pre(Math.abs(p - lower) > 1e-9 && Math.abs(p - upper) > 1e-9)
          const verdict = rateVerdict(tally, p, 0.05)
          expect(verdict).toBe(p < lower ? 'above' : p > upper ? 'below' : 'undecided')
        },
      ),
    )
    expect(rateBounds({ failed: 0, total: 0 }, 0.05)).toEqual({ lower: 0, upper: 1 })
    expect(rateBounds({ failed: 0, total: 10 }, 0.05).upper).toBeCloseTo(0.4169, 4)
  })

  it('tolerating nothing, or all, has its plain meaning', () => {
    expect(rateExceeds({ failed: 0, total: 50 }, 0, 0.05).exceeds).toBe(false)
    expect(rateExceeds({ failed: 1, total: 50 }, 0, 0.05).exceeds).toBe(true)
    expect(rateExceeds({ failed: 50, total: 50 }, 1, 0.05).exceeds).toBe(false)
    expect(rateVerdict({ failed: 1, total: 9 }, 0, 0.05)).toBe('above')
    expect(rateVerdict({ failed: 0, total: 9 }, 0, 0.05)).toBe('undecided')
  })

  it('refuses what cannot be, by name', () => {
    expect(() => rateExceeds({ failed: 3, total: 2 }, 0.05, 0.05)).toThrow('failed and total')
    expect(() => rateExceeds({ failed: -1, total: 2 }, 0.05, 0.05)).toThrow('failed and total')
    expect(() => rateExceeds({ failed: 0.5, total: 2 }, 0.05, 0.05)).toThrow('failed and total')
    expect(() => rateExceeds({ failed: 1, total: 2 }, NaN, 0.05)).toThrow('tolerated')
    expect(() => rateVerdict({ failed: 1, total: 2 }, 0.05, 0)).toThrow('alpha')
    expect(() => rateBounds({ failed: 1, total: 2 }, 1)).toThrow('alpha')
  })
})
