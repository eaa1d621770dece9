import { describe, expect, it } from 'vitest'
import type { SampleRow } from '../../src/domain/entities.ts'
import {
  auditLabels,
  smallestOf,
  strataOf,
  stratumCounters,
} from '../../src/domain/monitoring/audit-labels.ts'
import { judgeErrors } from '../../src/domain/monitoring/harm.ts'
import { config } from '../domain/support.ts'

const sample = (thing: string, wrong: boolean, more: Partial<SampleRow> = {}): SampleRow => ({
  ...{ eventId: `${thing}-1-0`, thing, model: 'm', version: 1, lane: 'audit', pi: 0.25 },
  ...{ capturedAt: '2026-01-01T00:00:00.000Z', receivedAt: '2026-01-01T00:00:00.000Z' },
  ...{ row: [1], prediction: 1, label: wrong ? 0 : 1 },
  ...more,
})
const release = { error: 0.05, tolerance: 0.02 }
const fleet = (wrongOf: (device: number, n: number) => boolean): SampleRow[] =>
  Array.from({ length: 20 }, (_, d) =>
    Array.from({ length: 50 }, (_, n) => sample(`t-${d}`, wrongOf(d, n))),
  ).flat()

describe('counters by π', () => {
  it('add up, take labels back, and come out as strata', () => {
    const counters: Record<string, number> = {}
    const add = (by: Record<string, number>): void => {
      for (const [name, n] of Object.entries(by)) counters[name] = (counters[name] ?? 0) + n
    }
    add(stratumCounters(0.25, { labels: 3, errors: 1 }))
    add(stratumCounters(0.02, { labels: 5, errors: 0 }))
    add(stratumCounters(0.25, { labels: -1, errors: -1 }))
    add(stratumCounters(0.001, { labels: 9, errors: 9 }))
    expect(strataOf({ ...counters, labels: 16, errors: 9 }, 0.02)).toEqual({
      smallestPi: 0.02,
      strata: [
        { pi: 0.25, labels: 2, errors: 0 },
        { pi: 0.02, labels: 5, errors: 0 },
      ],
    })
  })
  it('leave out what a budget thinned out too far, by a bound that is known beforehand', () => {
    const plain = config({ sampling: { audit: 0.2 } })
    const budgeted = config({ sampling: { audit: 0.2, fleet: { itemsPerDay: 1_000 } } })
    expect([smallestOf(plain), smallestOf(plain, budgeted)]).toEqual([0.2, 0.2 * 0.1])
  })
})

describe('labels of samples', () => {
  it('are of the audit lane, labelled, and by device', () => {
    const samples = [
      sample('a', false),
      sample('a', true),
      sample('b', false, { pi: 0.5 }),
      sample('b', true, { lane: 'hard' }),
      sample('b', true, { pi: 0.01 }),
    ]
    const { label: _, ...unlabelled } = sample('c', true)
    expect(auditLabels([...samples, unlabelled], 0.1)).toEqual({
      smallestPi: 0.1,
      strata: [
        { pi: 0.25, labels: 2, errors: 1 },
        { pi: 0.5, labels: 1, errors: 0 },
      ],
      devices: [
        { labels: 2, errors: 1 },
        { labels: 1, errors: 0 },
      ],
    })
  })
  it('of one device that is always wrong are not harm; the same errors from all of them are', () => {
    const one = auditLabels(
      fleet((d, n) => d < 3 || n === 0),
      0.25,
    )
    const all = auditLabels(
      fleet((_d, n) => n % 6 === 0),
      0.25,
    )
    const errors = (of: typeof one): number => of.strata.reduce((sum, s) => sum + s.errors, 0)
    expect([errors(one), errors(all)]).toEqual([167, 180])
    expect([judgeErrors(one, release).harmed, judgeErrors(all, release).harmed]).toEqual([false, true])
    const { devices: _, ...blind } = one
    expect(judgeErrors(blind, release).harmed).toBe(true)
  })
})
