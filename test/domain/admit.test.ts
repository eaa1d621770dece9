import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventIdPrefix } from '../../src/contracts/event-id.ts'
import type { SampleRow } from '../../src/domain/entities.ts'
import { type Admission, type AdmissionFacts, admit, countCodes } from '../../src/domain/sampling/admit.ts'
import { admittedBytes, stillFit } from '../../src/domain/sampling/admitted.ts'
import { fairOrder } from '../../src/domain/sampling/fair-order.ts'
import { sha256Hex } from '../../src/domain/training/plan.ts'
import { config } from './support.ts'

const rules = config({ fieldSamples: { perDeviceShare: 0.1, minimumDevices: 3 } })
const FEATURES = ['a', 'b']
const at = (minute: number): string => new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString()

/** The n-th sample of a device; its row is like no other's. */
const sample = (thing: string, n: number, more: Partial<SampleRow> = {}): SampleRow => ({
  eventId: eventIdPrefix(thing, 1, sha256Hex) + n.toString(36),
  thing,
  model: rules.name,
  version: 1,
  capturedAt: at(n),
  receivedAt: at(n),
  lane: 'audit',
  pi: 0.5,
  row: [n % 100, Number.parseInt(sha256Hex(`${thing} ${n}`).slice(0, 8), 16)],
  prediction: 0,
  label: 1,
  labelClass: 'yes',
  labelledAt: at(n + 1),
  ...more,
})
const of = (thing: string, count: number): SampleRow[] =>
  Array.from({ length: count }, (_, n) => sample(thing, n))
const fleet = (devices: number, each: number): SampleRow[] =>
  Array.from({ length: devices }, (_, d) => of(`unit-${d}`, each)).flat()
const run = (samples: readonly SampleRow[], more: Partial<AdmissionFacts> = {}): Admission =>
  admit({
    config: rules,
    samples,
    featuresOf: v => (v === 1 ? FEATURES : undefined),
    revoked: () => false,
    troubled: () => false,
    ...more,
  })
const from = (admission: Admission, thing: string): number =>
  admission.admitted.filter(s => s.thing === thing).length
const shuffled = <T>(all: readonly T[], seed: number): T[] =>
  all
    .map((value, i) => ({ value, rank: sha256Hex(`${seed} ${i}`) }))
    .sort((a, b) => (a.rank < b.rank ? -1 : 1))
    .map(({ value }) => value)

describe('a device with a problem of its own', () => {
  it('gives nothing from that time, and everything from another', () => {
    const samples = [...fleet(4, 5), ...of('odd', 4)]
    const then = [sample('odd', 0), sample('odd', 1)].map(s => s.eventId)
    const troubled = ({ eventId }: SampleRow): boolean => then.includes(eventId)
    const { excluded, admitted } = run(samples, { troubled })
    expect(countCodes(excluded)).toEqual({ DEVICE_DRIFT: 2 })
    expect(admitted.filter(s => s.thing === 'odd')).toHaveLength(2)
  })
})

describe('one sample', () => {
  const odd = (more: Partial<SampleRow>): Record<string, number> =>
    countCodes(run([...fleet(4, 5), sample('odd', 0, more)]).excluded)
  const { label: _, labelClass: __, ...unlabelled } = sample('odd', 0)
  it.each<[string, Partial<SampleRow>]>([
    ['HARD_LANE', { lane: 'hard' }],
    ['FOREIGN_EVENT_ID', { eventId: 'unit-0-1-zz' }],
    ['FEATURES_CHANGED', { version: 9 }],
    ['FEATURE_COUNT', { row: [1] }],
    ['MISSING_VALUE', { row: [null, 1] }],
    ['OUT_OF_RANGE', { row: [101, 1] }],
    ['NOT_A_NUMBER', { row: [1, Number.POSITIVE_INFINITY] }],
    ['UNKNOWN_CLASS', { labelClass: 'maybe' }],
    ['DUPLICATE_ROW', { row: sample('unit-0', 0).row }],
  ])('stays out by %s, alone', (code, more) => {
    expect(odd(more)).toEqual({ [code]: 1 })
  })
  it('stays out without a label', () => {
    expect(countCodes(run([...fleet(4, 5), unlabelled]).excluded)).toEqual({ UNLABELLED: 1 })
  })
  it('goes in when there is nothing against it', () => {
    expect(odd({})).toEqual({})
  })
  it('is held to the configuration as it is now: ranges, names of features, classes', () => {
    const now = (more: Record<string, unknown>) => run(fleet(4, 5), { config: config(more) })
    const narrow = now({ features: [{ name: 'a', max: 2 }, { name: 'b' }] })
    expect(countCodes(narrow.excluded)).toEqual({ OUT_OF_RANGE: 8 })
    const swapped = now({ features: [{ name: 'b' }, { name: 'a' }] })
    expect(countCodes(swapped.excluded)).toEqual({ FEATURES_CHANGED: 20 })
    const turned = now({ label: { column: 'y', classes: ['yes', 'no'] } })
    expect(turned.admitted.map(s => s.label)).toEqual(new Array(20).fill(0))
  })
  it('of a regression needs a finite label', () => {
    const regression = config({ task: 'regression', label: { column: 'y' } })
    const bad = sample('odd', 0, { label: Number.NaN })
    const { admitted, excluded } = run([...fleet(4, 5), bad], { config: regression })
    expect(admitted).toHaveLength(20)
    expect(countCodes(excluded)).toEqual({ NOT_A_NUMBER: 1 })
  })
})

describe('all samples together', () => {
  it('equal rows count once, for whoever was received first, whatever label the copy has', () => {
    const victim = of('unit-0', 5)
    const copies = victim.map((s, n) =>
      sample('thief', n, { row: s.row, receivedAt: at(600 + n), label: 0, labelClass: 'no' }),
    )
    const admission = run([...copies, ...fleet(4, 5)])
    expect(from(admission, 'unit-0')).toBe(5)
    expect(from(admission, 'thief')).toBe(0)
    expect(countCodes(admission.excluded)).toEqual({ DUPLICATE_ROW: 5 })
  })
  it('too few devices admit nothing', () => {
    expect(run(fleet(2, 50))).toMatchObject({ admitted: [], devices: 2, cap: 0 })
    expect(countCodes(run(fleet(2, 50)).excluded)).toEqual({ TOO_FEW_DEVICES: 100 })
    expect(run(fleet(3, 50)).admitted).toHaveLength(150)
  })
  it('a device that only copies is no device', () => {
    const copies = of('unit-0', 5).map((s, n) => sample('thief', n, { row: s.row, receivedAt: at(600) }))
    expect(run([...fleet(2, 5), ...copies]).admitted).toEqual([])
  })
  it('a revoked device keeps what it sent before and loses the rest', () => {
    const revoked = (thing: string, time: string) => thing === 'unit-1' && time >= at(7)
    const admission = run(fleet(4, 10), { revoked })
    const kept = admission.admitted.filter(s => s.thing === 'unit-1').map(s => s.receivedAt)
    expect(kept.sort()).toEqual([0, 1, 2, 3, 4, 5, 6].map(at))
    expect(countCodes(admission.excluded)).toEqual({ DEVICE_REVOKED: 3 })
  })
  it('one device that sends 100 times as much gets no more than its share', () => {
    const admission = run([...fleet(99, 10), ...of('flood', 1000)])
    expect(from(admission, 'flood')).toBeLessThanOrEqual(0.1 * admission.admitted.length)
    expect(from(admission, 'unit-0')).toBe(10)
    expect(countCodes(admission.excluded)).toEqual({ DEVICE_CAP: 1000 - from(admission, 'flood') })
  })
})

/** Counts of honest devices, and what a malicious one does. */
const attack = fc.record({
  honest: fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 3, maxLength: 100, size: 'max' }),
  flood: fc.integer({ min: 1, max: 600 }),
  copies: fc.integer({ min: 0, max: 40 }),
  seed: fc.nat(),
})
function attacked({
  honest,
  flood,
  copies,
  seed,
}: typeof attack extends fc.Arbitrary<infer T> ? T : never): SampleRow[] {
  const good = honest.flatMap((count, d) => of(`unit-${d}`, count))
  const stolen = good.slice(0, copies).map((s, n) => sample('bad', 10_000 + n, { row: s.row }))
  return shuffled([...good, ...of('bad', flood), ...stolen], seed)
}

describe('whatever one device does', () => {
  it('it stays within max(share, 1/(⌊D/2⌋+1)) of the admitted set: within its share from 18 devices on', () => {
    void fc.assert(
      fc.property(attack, story => {
        const admission = run(attacked(story))
        const share = Math.max(0.1, 1 / (Math.floor(admission.devices / 2) + 1))
        expect(from(admission, 'bad')).toBeLessThanOrEqual(share * admission.admitted.length + 1e-9)
        if (admission.devices >= 18) expect(share).toBe(0.1)
      }),
    )
  })
  it('it takes nothing from the others', () => {
    void fc.assert(
      fc.property(attack, story => {
        const without = run(attacked({ ...story, flood: 0, copies: 0 }))
        const admission = run(attacked(story))
        for (const [d] of story.honest.entries()) {
          const thing = `unit-${d}`
          const lost = from(without, thing) - from(admission, thing)
          // One more device can move the median by one place, and nothing else.
          expect(lost).toBeLessThanOrEqual(Math.max(0, without.cap - admission.cap))
        }
        const rows = admission.admitted.map(s => JSON.stringify(s.row))
        expect(new Set(rows).size).toBe(rows.length)
      }),
    )
  })
  it('the order in which samples are read changes no byte', () => {
    void fc.assert(
      fc.property(attack, fc.nat(), (story, seed) => {
        const samples = attacked(story)
        const [one, two] = [run(samples), run(shuffled(samples, seed))]
        expect(Buffer.from(admittedBytes(rules, two.admitted))).toEqual(
          Buffer.from(admittedBytes(rules, one.admitted)),
        )
        expect(two.excluded).toEqual(one.excluded)
        expect(one.admitted.length + one.excluded.length).toBe(samples.length)
      }),
    )
  })
  it('which of its samples stay follows from all samples: another’s changes the draw', () => {
    const flood = of('bad', 300)
    const drawn = (others: readonly SampleRow[]): string[] =>
      run([...others, ...flood])
        .admitted.filter(s => s.thing === 'bad')
        .map(s => s.eventId)
    const others = fleet(30, 5)
    expect(drawn(others)).toEqual(drawn(shuffled(others, 1)))
    expect(drawn(fleet(30, 5).with(0, sample('unit-0', 77)))).not.toEqual(drawn(others))
  })
})

describe('an admitted set that is used again', () => {
  const document = JSON.parse(Buffer.from(admittedBytes(rules, run(fleet(4, 5)).admitted)).toString())
  const left = (more: Record<string, unknown>, revoked = (_thing: string, _at: string) => false) =>
    stillFit(document, config(more), revoked).length
  it('is taken as it is, without what was revoked or no longer fits', () => {
    expect(left({})).toBe(20)
    expect(left({}, (thing, time) => thing === 'unit-2' && time >= at(3))).toBe(18)
    expect(left({ features: [{ name: 'a', max: 2 }, { name: 'b' }] })).toBe(12)
    expect(left({ features: [{ name: 'b' }, { name: 'a' }] })).toBe(0)
    expect(left({ label: { column: 'y', classes: ['yes', 'no'] } })).toBe(0)
  })
})

it('asks for labels of every device before it asks for a second of one', () => {
  const ordered = fairOrder([...of('flood', 50), ...of('quiet', 2), ...of('calm', 1)])
  expect(ordered.slice(0, 3).map(s => s.thing)).toEqual(expect.arrayContaining(['flood', 'quiet', 'calm']))
  expect(
    ordered
      .slice(3, 5)
      .map(s => s.thing)
      .sort(),
  ).toEqual(['flood', 'quiet'])
  expect(ordered[0]?.receivedAt).toBe(at(49))
  expect(ordered).toHaveLength(53)
})
