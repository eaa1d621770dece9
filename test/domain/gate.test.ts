import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { ModelConfig } from '../../src/contracts/model-config.ts'
import { auditRows, equallyLikely } from '../../src/domain/evaluation/audit-rows.ts'
import { evaluationGate } from '../../src/domain/evaluation/gate.ts'
import { type EvaluationRows, type GateLine, gateLines } from '../../src/domain/evaluation/lines.ts'
import {
  addPairs,
  classLoss,
  NO_PAIRS,
  type PairSums,
  valueLoss,
  valuePair,
} from '../../src/domain/evaluation/paired.ts'
import type { Margins } from '../../src/domain/evaluation/score.ts'
import { config, seeded } from './support.ts'

const pairs = (rows: number, worse: number, better: number): PairSums => ({
  ...NO_PAIRS,
  rows,
  worse,
  better,
})

describe('the paired bound of classes', () => {
  it('is the difference of two Clopper–Pearson bounds', () => {
    // Nothing in n rows: the upper bound of a share is 1 − a^(1/n), here with a = 0.025 each.
    const none = classLoss(pairs(100, 0, 0), 0.05)
    const most = 1 - 0.025 ** (1 / 100)
    expect(none.estimate).toBe(0)
    expect(none.upper).toBeCloseTo(most, 9)
    expect(none.lower).toBeCloseTo(-most, 9)
    // 10 of 100 by a table of Clopper–Pearson at 95 %: 4.90 to 17.62 %.
    const worse = classLoss(pairs(100, 10, 0), 0.05)
    expect(worse.upper).toBeCloseTo(0.1762, 4)
    expect(worse.lower).toBeCloseTo(0.049 - most, 4)
    expect(classLoss(pairs(0, 0, 0), 0.05)).toEqual({ estimate: 0, lower: -1, upper: 1 })
  })
  it('turns around with its models', () => {
    void fc.assert(
      fc.property(fc.nat(50), fc.nat(50), fc.nat(100), (worse, better, same) => {
        fc.pre(worse + better + same > 0)
        const one = classLoss(pairs(worse + better + same, worse, better), 0.1)
        const other = classLoss(pairs(worse + better + same, better, worse), 0.1)
        expect(one.lower).toBeCloseTo(-other.upper, 9)
        expect(one.lower).toBeLessThanOrEqual(one.estimate)
        expect(one.upper).toBeGreaterThanOrEqual(one.estimate)
      }),
    )
  })
  it('misses no more often than it says', () => {
    const random = seeded(7)
    const [p, q, n, alpha] = [0.12, 0.05, 150, 0.1]
    let missed = 0
    for (let run = 0; run < 2_000; run++) {
      let [worse, better] = [0, 0]
      for (let i = 0; i < n; i++) {
        const u = random()
        if (u < p) worse++
        else if (u < p + q) better++
      }
      if (classLoss(pairs(n, worse, better), alpha).upper < p - q) missed++
    }
    expect(missed / 2_000).toBeLessThanOrEqual(alpha)
    expect(missed).toBeGreaterThan(0)
  })
})

describe('the paired bound of values', () => {
  const sums = (errors: readonly (readonly [number, number])[]): PairSums =>
    errors.map(([a, b]) => valuePair(a, b)).reduce((a, b) => addPairs(a, b), NO_PAIRS)
  it('covers the difference of the RMSEs about as often as it says', () => {
    const random = seeded(3)
    let missed = 0
    for (let run = 0; run < 500; run++) {
      const rows = Array.from({ length: 200 }, () => {
        const shared = random() - 0.5
        return [shared + 0.2 * (random() - 0.5), shared] as const
      })
      // Var of a uniform of width w is w²/12.
      const truth = Math.sqrt((1 + 0.04) / 12) - Math.sqrt(1 / 12)
      if (valueLoss(sums(rows), 0.05).upper < truth) missed++
    }
    expect(missed / 500).toBeGreaterThan(0.01)
    expect(missed / 500).toBeLessThan(0.1)
  })
  it('says nothing of few rows', () => {
    const few = valueLoss(sums(Array.from({ length: 29 }, (_, i) => [i, 0.1] as const)), 0.05)
    expect([few.lower, few.upper]).toEqual([Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY])
  })
})

/** Says class 1 from `from` on, by the first feature. */
const stump =
  (from: number): Margins =>
  ([a = 0]) => [a >= from ? 2 : -2]
/** Rows 0 to 99 again and again; class 1 from 50 on. */
const rows = (count: number, more: Partial<EvaluationRows> = {}): EvaluationRows => ({
  features: Array.from({ length: count }, (_, i) => [i % 100, i % 2 === 0 ? i % 5 : Number.NaN]),
  labels: Array.from({ length: count }, (_, i) => (i % 100 >= 50 ? 1 : 0)),
  ...more,
})
const rules = (more: Record<string, unknown> = {}): ModelConfig =>
  config({ evaluation: { metric: 'accuracy', floor: 0.7, nonInferiority: 0.05, ...more } })
const lines = (
  by: ModelConfig,
  challenger: number,
  champion: number | undefined,
  sets: Partial<Record<'holdout' | 'sentinel' | 'audit', EvaluationRows>> = {},
): GateLine[] =>
  gateLines(
    by,
    { holdout: rows(2_000), sentinel: rows(1_000), ...sets },
    stump(challenger),
    champion === undefined ? undefined : stump(champion),
  )
const find = (all: readonly GateLine[], set: string, slice: string | null = null) =>
  all.find(l => l.set === set && l.slice === slice)

describe('the lines of a verdict', () => {
  it('have every set, slice and class with rows, both metrics and bound', () => {
    const slices = [
      { name: 'low', feature: 'a', max: 20 },
      { name: 'band', feature: 'a', min: 40, max: 60 },
      { name: 'missing', feature: 'b', equals: null },
      { name: 'zero', feature: 'b', equals: 0 },
    ]
    const all = lines(rules({ slices }), 50, 50, { audit: rows(300) })
    const names = [null, 'low', 'band', 'missing', 'zero', 'class=no', 'class=yes']
    expect(all.map(l => [l.set, l.slice])).toEqual(
      ['holdout', 'sentinel', 'audit'].flatMap(set => names.map(name => [set, name])),
    )
    expect(names.map(name => find(all, 'holdout', name)?.rows)).toEqual([
      2000, 400, 400, 1000, 200, 1000, 1000,
    ])
    expect(find(all, 'holdout')).toMatchObject({
      ...{ metric: 'accuracy', challenger: 1, champion: 1, verdict: 'non-inferior', blocks: false },
      loss: { estimate: 0 },
    })
  })
  it('find a loss in one slice that the whole hides', () => {
    const slices = [{ name: 'band', feature: 'a', min: 40, max: 60 }]
    const all = lines(rules({ slices }), 53, 50)
    expect(find(all, 'holdout')).toMatchObject({ challenger: 0.97, champion: 1, blocks: false })
    expect(find(all, 'holdout', 'band')).toMatchObject({
      verdict: 'inferior',
      blocks: true,
      challenger: 0.85,
    })
    const { passed, reasons } = evaluationGate(rules({ slices }).evaluation, all)
    expect(passed).toBe(false)
    expect(reasons[0]).toMatch(
      /^holdout, slice band: loses 0\.1500, at least 0\.\d+, of 400 rows .*; at most 0\.05 is accepted$/,
    )
    // And with neither class nor slice looked at, it passes.
    expect(evaluationGate(rules().evaluation, lines(rules({ perClass: false }), 53, 50)).passed).toBe(true)
  })
  it('call few rows insufficient, which blocks only where it is required', () => {
    const slice = { name: 'rare', feature: 'a', equals: 3 }
    const free = lines(rules({ slices: [slice] }), 50, 50)
    expect(find(free, 'sentinel', 'rare')).toMatchObject({ rows: 10, verdict: 'insufficient', blocks: false })
    expect(evaluationGate(rules().evaluation, free).passed).toBe(true)
    const required = rules({ slices: [{ ...slice, require: true }] })
    expect(evaluationGate(required.evaluation, lines(required, 50, 50)).reasons).toEqual([
      expect.stringMatching(/^holdout, slice rare: 20 rows do not show/),
      expect.stringMatching(/^sentinel, slice rare: 10 rows do not show/),
    ])
    const proven = rules({ prove: ['audit'] })
    const empty = lines(proven, 50, 50, { audit: { features: [], labels: [], things: [] } })
    expect(evaluationGate(proven.evaluation, empty).reasons).toEqual([
      expect.stringMatching(/^audit: 0 rows do not show/),
    ])
  })
  it('are without a verdict before there is a champion', () => {
    const all = lines(rules(), 50, undefined)
    expect(all.every(l => l.verdict === undefined && l.champion === undefined && !l.blocks)).toBe(true)
    expect(evaluationGate(rules().evaluation, all)).toEqual({ passed: true, reasons: [] })
  })
  it('share one error: the more slices, the wider each bound', () => {
    const one = find(lines(rules({ perClass: false }), 52, 50), 'holdout')
    const many = find(
      lines(
        rules({ slices: Array.from({ length: 20 }, (_, i) => ({ name: `s${i}`, feature: 'a', equals: i })) }),
        52,
        50,
      ),
      'holdout',
    )
    expect(many?.loss?.upper).toBeGreaterThan(one?.loss?.upper ?? 1)
  })
})

describe('rows of devices', () => {
  const of = (count: number, thing: string, from: number, label?: number): EvaluationRows => {
    const all = rows(count)
    const features = all.features.map((row, i) => [from + (i % 10), row[1] as number])
    const labels = features.map(([a = 0]) => label ?? (a >= 50 ? 1 : 0))
    return { features, labels, things: Array.from({ length: count }, () => thing) }
  }
  const join = (...sets: EvaluationRows[]): EvaluationRows => ({
    features: sets.flatMap(s => s.features),
    labels: sets.flatMap(s => s.labels),
    things: sets.flatMap(s => s.things ?? []),
  })
  const by = rules({ perClass: false })
  const honest = join(of(100, 'a', 10), of(100, 'b', 20), of(100, 'c', 70))
  it('condemn a challenger that loses on those of every device', () => {
    const worse = join(of(100, 'a', 45), of(100, 'b', 45), of(100, 'c', 45))
    expect(find(lines(by, 60, 50, { audit: worse }), 'audit')).toMatchObject({
      verdict: 'inferior',
      blocks: true,
    })
  })
  it('say nothing when it is one device that condemns', () => {
    // Wrong labels where the models differ: 200 rows that are lost, and none without the device.
    const all = lines(by, 40, 50, { audit: join(honest, of(200, 'x', 40, 0)) })
    expect(find(all, 'audit')).toMatchObject({
      ...{ verdict: 'insufficient', restsOnOneDevice: true, blocks: false },
    })
    expect(find(all, 'audit')?.loss?.lower).toBeGreaterThan(0.05)
  })
  it('do not clear a challenger on one device’s word', () => {
    const all = lines(rules({ perClass: false, prove: ['audit'] }), 50, 50, {
      audit: join(of(20, 'a', 10), of(2_000, 'x', 20)),
    })
    expect(find(all, 'audit')).toMatchObject({
      verdict: 'insufficient',
      restsOnOneDevice: true,
      blocks: true,
    })
  })
})

describe('audit rows', () => {
  const sample = (thing: string, n: number, more: Record<string, unknown> = {}) => ({
    eventId: `${thing}-1-${n.toString(36)}`,
    thing,
    receivedAt: '2026-01-01T00:00:00.000Z',
    labelledAt: '2026-01-02T00:00:00.000Z',
    row: [n % 100, n],
    label: n % 2,
    pi: 0.5,
    ...more,
  })
  const of = (thing: string, count: number, more: Record<string, unknown> = {}) =>
    Array.from({ length: count }, (_, n) => sample(thing, n + 1_000 * Number(thing.slice(1)), more))
  const by = config({
    training: { split: { validation: 0.2, holdout: 0.3 } },
    fieldSamples: { perDeviceShare: 0.1 },
  })
  const fleet = Array.from({ length: 12 }, (_, d) => of(`d${d}`, 100)).flat()
  it('are the held-out ones that were labelled since the champion’s release', () => {
    const all = auditRows(by, fleet, '')
    expect(all.labels.length).toBeGreaterThan(250)
    expect(all.labels.length).toBeLessThan(470)
    expect(auditRows(by, fleet, '2026-01-02T00:00:00.000Z').labels).toEqual([])
    const { labelledAt: _, ...unknown } = sample('d1', 1)
    expect(auditRows(by, [unknown], '').labels).toEqual([])
  })
  it('are capped per device once more', () => {
    const flooded = auditRows(by, [...fleet, ...of('d99', 5_000)], '')
    const own = flooded.things?.filter(t => t === 'd99').length ?? 0
    expect(own / flooded.labels.length).toBeLessThanOrEqual(0.1)
    expect(own).toBeGreaterThan(10)
  })
  it('are thinned to one inclusion probability, that no single device sets', () => {
    const mixed = [...fleet.slice(0, 600).map(s => ({ ...s, pi: 0.1 })), ...fleet.slice(600)]
    const kept = equallyLikely(mixed)
    expect(kept.filter(s => s.pi === 0.1)).toHaveLength(600)
    const others = kept.filter(s => s.pi === 0.5).length
    expect(others).toBeGreaterThan(80)
    expect(others).toBeLessThan(160)
    const claimed = equallyLikely([...fleet, ...of('d99', 100, { pi: 1e-6 })])
    expect(claimed).toHaveLength(1_300)
  })
})

describe('the gate on whole sets', () => {
  const gate = (metric: 'auc' | 'rmse', own: number | null, theirs?: number, sentinel?: number) => {
    const line = (set: 'holdout' | 'sentinel', challenger: number | null): GateLine => ({
      ...{ set, slice: null, rows: 100, metric, challenger, blocks: false },
      ...(theirs === undefined ? {} : { champion: theirs, verdict: 'insufficient' }),
    })
    return evaluationGate(rules({ metric, floor: 0.8, nonInferiority: 0.02 }).evaluation, [
      line('holdout', own),
      ...(sentinel === undefined ? [] : [line('sentinel', sentinel)]),
    ])
  }
  it('passes at the floor and not below, above it for RMSE', () => {
    expect(gate('auc', 0.8)).toEqual({ passed: true, reasons: [] })
    expect(gate('auc', 0.79999).reasons).toEqual(['auc on holdout is 0.8000, the floor is 0.8'])
    expect(gate('rmse', 0.8).passed).toBe(true)
    expect(gate('rmse', 0.81).passed).toBe(false)
  })
  it('refuses what cannot be measured', () => {
    expect(gate('auc', null).reasons).toEqual([expect.stringContaining('cannot be computed')])
  })
  it('refuses what is worse than the champion by more than the margin, on any set', () => {
    expect(gate('auc', 0.89, 0.9, 0.9).passed).toBe(true)
    expect(gate('auc', 0.87, 0.9).reasons).toEqual([
      'auc on holdout is 0.8700, the champion has 0.9000; at most 0.02 worse is accepted',
    ])
    expect(gate('auc', 0.95, 0.9, 0.85).reasons).toEqual([expect.stringContaining('on sentinel')])
    expect(gate('rmse', 0.5, 0.45).passed).toBe(false)
    expect(gate('rmse', 0.4, 0.45).passed).toBe(true)
    expect(gate('auc', 0.5, 0.9, 0.5).reasons).toHaveLength(3)
  })
})
