import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide } from '../../src/domain/rollout/decide.ts'
import {
  armOf,
  contribution,
  type DeviceEvidence,
  difference,
  type Fact,
  fold,
  noEvidence,
  phaseAt,
  sumCounts,
} from '../../src/domain/rollout/evidence.ts'
import { evolve } from '../../src/domain/rollout/evolve.ts'
import type { Counts, Rollout } from '../../src/domain/rollout/types.ts'
import { decided, fleetOf, minutes, running } from './support.ts'

const FLEET = fleetOf(40)
const rollout: Rollout = (() => {
  const first = running(
    {
      phases: [
        { name: 'canary', exposure: 0.4, bakeMinutes: 1 },
        { name: 'fleet', exposure: 1 },
      ],
      insufficient: 'proceed',
    },
    FLEET,
  )
  const n = first.phases[0]?.devices.canary as number
  return evolve(first, decided(first, { committed: n, started: n }, minutes(10)))
})()

interface Message {
  readonly id: string
  readonly thing: string
  readonly receivedAt: Date
  readonly fact: Fact
}

/** What ingestion does, in memory: each message once, then the device's own row, then the counters. */
function ingest(messages: readonly Message[]): { counts: Counts; devices: Map<string, DeviceEvidence> } {
  const seen = new Set<string>()
  const devices = new Map<string, DeviceEvidence>()
  let counts: Counts = {}
  for (const { id, thing, receivedAt, fact } of messages) {
    if (seen.has(id)) continue
    seen.add(id)
    const phase = phaseAt(rollout, receivedAt)
    if (phase === undefined) continue
    const before = devices.get(thing) ?? noEvidence(thing)
    const after = fold(before, fact, phase, armOf(rollout, thing, 'board', phase))
    devices.set(thing, after)
    counts = sumCounts([counts, difference(contribution(after), contribution(before))])
  }
  return { counts, devices }
}
const nonZero = (counts: Counts): Counts =>
  Object.fromEntries(Object.entries(counts).filter(([, n]) => n !== 0))

const sum = fc.record({ n: fc.integer({ min: 0, max: 50 }), sum: fc.integer({ min: 0, max: 500_000 }) })
const fact: fc.Arbitrary<Fact> = fc.oneof(
  fc.constant<Fact>({ kind: 'started' }),
  fc.constant<Fact>({ kind: 'silent' }),
  fc.record({
    kind: fc.constant('outcome' as const),
    outcome: fc.constantFrom(
      'COMMITTED' as const,
      'RETRYABLE' as const,
      'FAILED' as const,
      'REFUSED' as const,
    ),
  }),
  fc.record({
    kind: fc.constant('outcome' as const),
    outcome: fc.constantFrom('FAILED' as const, 'REFUSED' as const),
    code: fc.constantFrom('SELF_TEST', 'BUNDLE_SIGNATURE'),
  }),
  fc.record({
    kind: fc.constant('window' as const),
    errors: fc.nat(2),
    resets: fc.nat(1),
    values: fc.record({ latency: sum, confidence: sum, disagreement: sum }),
  }),
)
const history = fc
  .array(
    fc.record({
      thing: fc.integer({ min: 0, max: 39 }).map(i => `d${i}`),
      minute: fc.integer({ min: -5, max: 30 }),
      fact,
    }),
    { maxLength: 60 },
  )
  .map(list =>
    list.map(({ minute, ...rest }, i): Message => ({ ...rest, id: String(i), receivedAt: minutes(minute) })),
  )

describe('evidence', () => {
  it('and the decision on it are the same for any order and repetition of the same messages', () => {
    const cases = history.chain(all =>
      fc.tuple(
        fc.constant(all),
        fc.array(fc.nat({ max: Math.max(0, all.length - 1) }), { maxLength: 30 }).chain(again => {
          const more = [...all, ...again.flatMap(i => all[i] ?? [])]
          return fc.shuffledSubarray(more, { minLength: more.length, maxLength: more.length })
        }),
        fc.integer({ min: 0, max: 3_000 }),
      ),
    )
    void fc.assert(
      fc.property(cases, ([once, shuffled, minute]) => {
        const [a, b] = [ingest(once), ingest(shuffled)]
        expect(nonZero(b.counts)).toEqual(nonZero(a.counts))
        const now = minutes(minute)
        expect(decide(rollout, { counts: nonZero(b.counts), now })).toEqual(
          decide(rollout, { counts: nonZero(a.counts), now }),
        )
      }),
      { numRuns: 400 },
    )
  })
  it('is the sum of what the devices say, however it was added up', () => {
    void fc.assert(
      fc.property(history, messages => {
        const { counts, devices } = ingest(messages)
        expect(nonZero(counts)).toEqual(nonZero(sumCounts([...devices.values()].map(contribution))))
      }),
      { numRuns: 300 },
    )
  })
  it('lets a retry succeed and a failure stand, whichever comes first', () => {
    const of = (...outcomes: ('RETRYABLE' | 'COMMITTED' | 'FAILED')[]) =>
      outcomes.reduce((d, outcome) => fold(d, { kind: 'outcome', outcome }, 0, 'canary'), noEvidence('d'))
        .outcome
    expect([of('RETRYABLE', 'COMMITTED'), of('COMMITTED', 'RETRYABLE')]).toEqual(['COMMITTED', 'COMMITTED'])
    expect([of('FAILED', 'COMMITTED'), of('COMMITTED', 'FAILED')]).toEqual(['FAILED', 'FAILED'])
  })
  it('counts a device once, however often it fails', () => {
    const window: Fact = { kind: 'window', errors: 1_000, resets: 3, values: {} }
    const device = [window, window, window].reduce((d, f) => fold(d, f, 0, 'canary'), noEvidence('d'))
    expect(contribution(device)).toMatchObject({
      p0_canary_errors: 1,
      p0_canary_resets: 1,
      p0_canary_devices: 1,
    })
  })
})
