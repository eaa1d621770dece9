import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Answered, choose, type Policy, policyOf, surpriseOf } from '../../device/monitor/policy.ts'
import { placement } from '../../device/placement.ts'
import type { HardStrategy } from '../../verifier/index.ts'
import { baselineOf, sha256 } from './helpers.ts'

const ids = Array.from({ length: 20_000 }, (_, i) => `cam-1-abc-${i}`)
const answered = (over: Partial<Answered> = {}): Answered => ({
  ...{ probabilities: [0.9, 0.1], class: 'ok', surprise: () => 0 },
  ...over,
})
const policy = (over: Partial<Policy> = {}): Policy => ({
  ...{ id: 'p', audit: 0, hard: [], limits: {}, factor: 1, burst: null },
  ...over,
})
const only = (strategy: HardStrategy): Policy => policy({ hard: [strategy] })
const taken = (of: Policy, row: Answered) => choose(of, 'cam-1-abc-1', row)?.strategy ?? null

describe('the lanes', () => {
  const both = policy({ audit: 0.2, hard: [{ strategy: 'margin', below: 0.3, probability: 0.5 }] })
  const close = answered({ probabilities: [0.55, 0.45] })

  it('take the audited share, and of hard rows that are left the hard share', () => {
    const lanes = ids.map(id => choose(both, id, close)?.lane)
    const share = (lane: string) => lanes.filter(found => found === lane).length / ids.length
    // Binomial standard deviations here are below 0.0035; the hashes are fixed, so this cannot flicker.
    expect(Math.abs(share('audit') - 0.2)).toBeLessThan(0.014)
    expect(Math.abs(share('hard') - 0.4)).toBeLessThan(0.014)
    expect(ids.filter(id => choose(both, id, answered())?.lane === 'hard')).toEqual([])
    expect(ids.every(id => choose(policy(), id, close) === null)).toBe(true)
    expect(ids.every(id => choose(policy({ audit: 1 }), id, close)?.pi === 1)).toBe(true)
  })

  it('follow from the event id alone, by the hashes of the docs', () => {
    for (const id of ids.slice(0, 500)) {
      const expected = placement('audit', id) < 0.2 ? 'audit' : placement('hard', id) < 0.5 ? 'hard' : null
      expect(choose(both, id, close)?.lane ?? null).toBe(expected)
      expect(choose(both, id, close)).toEqual(choose(both, id, close))
    }
  })

  it('use, and write down, the probability that the fleet’s factor leaves', () => {
    const half = { ...both, factor: 0.5 }
    const found = ids.map(id => choose(half, id, close)).filter(choice => choice !== null)
    expect(new Set(found.map(({ lane, pi }) => `${lane} ${pi}`))).toEqual(new Set(['audit 0.1', 'hard 0.25']))
    // Horvitz and Thompson: the weights of what the audit lane took add up to all the rows, whatever the factor.
    const weighted = found.filter(({ lane }) => lane === 'audit').reduce((sum, { pi }) => sum + 1 / pi, 0)
    expect(Math.abs(weighted / ids.length - 1)).toBeLessThan(0.07)
  })

  it('let a burst have what is not audited, with certainty', () => {
    const choices = ids.slice(0, 500).map(id => choose({ ...both, factor: 0.01 }, id, close, () => true))
    for (const choice of choices)
      expect(choice).toEqual(
        choice?.lane === 'audit'
          ? { lane: 'audit', strategy: 'random', pi: 0.002 }
          : { lane: 'hard', strategy: 'burst', pi: 1 },
      )
  })

  it('do not ask a burst about a row that is audited', () => {
    let asked = 0
    choose(policy({ audit: 1 }), 'id', close, () => ++asked > 0)
    expect(asked).toBe(0)
  })
})

describe('strategies', () => {
  it('margin: the top two probabilities are closer than so much', () => {
    const margin = only({ strategy: 'margin', below: 0.2, probability: 1 })
    expect(taken(margin, answered({ probabilities: [0.1, 0.5, 0.4] }))).toBe('margin')
    expect(taken(margin, answered({ probabilities: [0.1, 0.6, 0.3] }))).toBeNull()
    expect(taken(margin, answered({ probabilities: [] }))).toBeNull()
  })

  it('entropy: a share of what so many classes can have at most', () => {
    const entropy = only({ strategy: 'entropy', above: 0.9, probability: 1 })
    for (const k of [2, 3, 10]) {
      expect(taken(entropy, answered({ probabilities: new Array(k).fill(1 / k) }))).toBe('entropy')
      expect(taken(entropy, answered({ probabilities: [1, ...new Array(k - 1).fill(0)] }))).toBeNull()
    }
    // H(0.2) = 0.722 bit, H(0.35) = 0.934 bit.
    expect(taken(entropy, answered({ probabilities: [0.8, 0.2] }))).toBeNull()
    expect(taken(entropy, answered({ probabilities: [0.65, 0.35] }))).toBe('entropy')
    expect(taken(entropy, answered({ probabilities: [] }))).toBeNull()
  })

  it('outOfDistribution: nats per feature, from the bins of the baseline', () => {
    const baseline = { ...baselineOf(), features: [{ name: 'a', edges: [1], p0: [0.75, 0, 0.25] }] }
    const of = (value: number | null | undefined) => surpriseOf(baseline, () => value)
    expect(of(0)).toBeCloseTo(-Math.log(0.75), 12)
    expect([null, undefined, Number.NaN].map(of)).toEqual(new Array(3).fill(-Math.log(0.25)))
    // No reference row was there: half a row of a hundred.
    expect(of(5)).toBeCloseTo(Math.log(200), 12)
    const two = surpriseOf(baselineOf(), name => (name === 'a' ? 0.1 : 20))
    expect(two).toBeCloseTo(-(Math.log(0.2) + Math.log(0.25)) / 2, 12)
    const ood = only({ strategy: 'outOfDistribution', surprise: 3, probability: 1 })
    expect(taken(ood, answered({ surprise: () => 3.1 }))).toBe('outOfDistribution')
    expect(taken(ood, answered({ surprise: () => 3 }))).toBeNull()
  })

  it('class: by name, and by nothing else', () => {
    const classes = only({ strategy: 'class', classes: ['bad', 'odd'], probability: 1 })
    expect(taken(classes, answered({ class: 'odd' }))).toBe('class')
    expect(taken(classes, answered({ class: 'ok' }))).toBeNull()
    expect(taken(classes, answered({ class: undefined }))).toBeNull()
  })

  it('first match decides, even when its own draw says no', () => {
    const hard: HardStrategy[] = [
      { strategy: 'class', classes: ['bad'], probability: 0.1 },
      { strategy: 'margin', below: 1, probability: 1 },
    ]
    const found = ids.map(id => choose(policy({ hard }), id, answered({ class: 'bad' }))?.strategy)
    expect(new Set(found)).toEqual(new Set([undefined, 'class']))
    expect(taken(policy({ hard }), answered({ class: 'ok' }))).toBe('margin')
  })

  it('surprise is worked out only where a strategy gets to it', () => {
    let asked = 0
    const surprise = () => ++asked
    const hard: HardStrategy[] = [
      { strategy: 'margin', below: 0.5, probability: 1 },
      { strategy: 'outOfDistribution', surprise: 40, probability: 1 },
    ]
    choose(policy({ hard }), 'x', answered({ probabilities: [0.5, 0.5], surprise }))
    expect(asked).toBe(0)
    choose(policy({ hard }), 'x', answered({ surprise }))
    expect(asked).toBe(1)
  })
})

describe('which policy holds', () => {
  const own = { policy: 'abc', audit: 0.5, hard: { margin: 0.1, probability: 0.2 } }
  it('is the package’s, with its one margin as a strategy', () => {
    expect(policyOf(own, null)).toEqual({
      ...{ id: 'abc', audit: 0.5, limits: {}, factor: 1, burst: null },
      hard: [{ strategy: 'margin', below: 0.1, probability: 0.2 }],
    })
  })
  it('is the manifest’s where it names one, and nothing of the package’s is left', () => {
    const digest = sha256('policy')
    expect(policyOf(own, { policy: digest, factor: 0.5, audit: 0.1, limits: { itemsPerHour: 3 } })).toEqual({
      ...{ id: digest.slice(0, 16), audit: 0.1, hard: [], factor: 0.5, burst: null },
      limits: { itemsPerHour: 3 },
    })
  })
  it('chooses only what its π allows, for any policy', () => {
    const unit = fc.double({ min: 0.001, max: 1, noNaN: true })
    void fc.assert(
      fc.property(unit, unit, unit, fc.string(), (audit, probability, factor, id) => {
        const of = policy({ audit, factor, hard: [{ strategy: 'margin', below: 1, probability }] })
        const choice = choose(of, id, answered())
        if (choice === null) return
        expect(choice.pi).toBe((choice.lane === 'audit' ? audit : probability) * factor)
        expect(placement(choice.lane, id)).toBeLessThan(choice.pi)
      }),
    )
  })
})
