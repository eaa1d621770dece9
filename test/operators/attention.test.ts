import { describe, expect, it } from 'vitest'
import { type Facts, ranked } from '../../src/domain/operators/attention.ts'
import { withinRow } from '../../src/domain/operators/overview.ts'

const NOW = '2026-03-01T12:00:00.000Z'
const ago = (minutes: number): string => new Date(Date.parse(NOW) - minutes * 60_000).toISOString()
const harm: Facts['models'][number]['harm'] = {
  ...{ labels: 90, errors: 1, estimate: 0.01, lowerBound: 0, accepted: 0.05 },
  state: 'ok',
}
const drift = {
  ...{ episode: null, window: 4, at: NOW, worst: null, drifting: 0, insufficient: 0, quantities: 3 },
  deviceProblems: 0,
  offDevices: [],
} as const
const model = {
  model: 'm',
  fleet: 'f',
  champion: 2,
  harm,
  drift,
  retraining: null,
  lastDecision: null,
} as const
const fleet = {
  ...{ fleet: 'f', registered: 100, connected: 100, silent: 0, revoked: 0, withoutModel: 0 },
  ...{ hardware: [], versions: [], history: [], lastSeen: ago(1), onTarget: { devices: 100, of: 100 } },
}
const well: Facts = {
  ...{ now: NOW, fleets: [fleet], rollouts: [], models: [model], newest: [], reviews: [], ended: [] },
  ...{
    depths: [{ queue: 'reports-dead', messages: 0 }],
    unpublished: [],
    reconciler: ago(1),
    people: {},
    quietMs: () => 2 * 3_600_000,
  },
}
const kinds = (facts: Partial<Facts>, before = {}): string[] =>
  ranked({ ...well, ...facts }, before).attention.map(a => `${a.severity} ${a.kind} ${a.subject}`)

describe('the overview', () => {
  it('fits into a row, with what is newest of each fleet', () => {
    const point = (i: number) => ({
      at: ago(i),
      registered: 1,
      connected: 1,
      versions: { 'a@1': 1, 'a@2': 1 },
    })
    const history = Array.from({ length: 262 }, (_, i) => point(262 - i))
    const fleets = Array.from({ length: 20 }, () => ({ ...fleet, history }))
    const kept = withinRow(fleets)
    expect(JSON.stringify(kept).length).toBeLessThan(200_000)
    for (const f of kept) {
      expect(f.history.at(-1)).toEqual(history.at(-1))
      expect(f.history.length).toBeGreaterThan(30)
    }
    expect(withinRow(fleets.slice(0, 2))).toEqual(fleets.slice(0, 2))
  })
})

describe('what needs attention', () => {
  it('is nothing when all is well', () => {
    expect(ranked(well, {})).toEqual({
      ...{ attention: [], total: 0, first: {}, by: { page: 0, ticket: 0, info: 0 } },
    })
  })
  it.each<[string, Partial<Facts>]>([
    ['page reconciler reconcile', { reconciler: ago(6) }],
    ['page stale-telemetry f', { fleets: [{ ...fleet, lastSeen: ago(121) }] }],
    ['info devices-silent f', { fleets: [{ ...fleet, silent: 5 }] }],
    ['ticket devices-silent f', { fleets: [{ ...fleet, silent: 6 }] }],
    ['page harm m', { models: [{ ...model, harm: { ...harm, state: 'harmed' } }] }],
    ['ticket drift m', { models: [{ ...model, drift: { ...drift, episode: 'e', drifting: 1 } }] }],
    [
      'ticket device-problem m',
      { models: [{ ...model, drift: { ...drift, deviceProblems: 2, offDevices: ['d', 'e'] } }] },
    ],
    [
      'ticket device-problem d',
      { models: [{ ...model, drift: { ...drift, deviceProblems: 1, offDevices: ['d'] } }] },
    ],
    ['ticket dead-letters reports-dead', { depths: [{ queue: 'reports-dead', messages: 1 }] }],
    ['info reviews m', { reviews: [{ model: 'm', open: 7 }] }],
  ])('%s', (kind, facts) => {
    expect(kinds(facts)).toEqual([kind])
  })
  it('a rollout that waits for a person names who asked as people know them', () => {
    const rollout = {
      ...{ rollout: 'm-v1', model: 'm', version: 1, fleet: 'f', status: 'PLANNED', shadow: false },
      ...{ phase: 'canary', phases: [], createdAt: NOW, createdBy: 'sub-of-ida', phaseSince: NOW },
      ...{ reason: null, waitsForApproval: 'canary', waitsForStart: false },
    } as unknown as Facts['rollouts'][number]
    const people = { 'sub-of-ida': 'ida' }
    const told = (more: object) =>
      ranked({ ...well, people, rollouts: [{ ...rollout, ...more }] }, {}).attention.map(a => [
        a.kind,
        a.cause,
      ])
    expect(told({})).toEqual([
      ['rollout-approval', 'Phase canary waits for the approval of a person other than ida.'],
    ])
    expect(told({ waitsForStart: true })).toEqual([
      ['rollout-planned', 'ida planned it and has not started it.'],
    ])
    expect(told({ waitsForApproval: null })).toEqual([])
    // What holds it is first: an approval would not move it.
    expect(told({ status: 'HELD', reason: 'too few' })).toEqual([
      ['rollout-held', 'Phase canary is held: too few.'],
    ])
  })
  it('a manifest that is on its way is none of it for a minute', () => {
    const first = ranked({ ...well, unpublished: ['f'] }, {})
    expect([first.attention, first.first]).toEqual([[], { 'manifest-unpublished f': NOW }])
    const before = { 'manifest-unpublished f': ago(1) }
    expect(kinds({ unpublished: ['f'] }, before)).toEqual(['ticket manifest-unpublished f'])
    expect(ranked(well, before).first).toEqual({})
  })
  it('puts pages first, then the oldest, shows ten and says how many there are', () => {
    const depths = Array.from({ length: 12 }, (_, i) => ({ queue: `q-${i}`, messages: 1 }))
    const { attention, total } = ranked(
      { ...well, depths, reconciler: ago(9) },
      { 'dead-letters q-7': ago(60) },
    )
    expect(total).toBe(13)
    expect(attention).toHaveLength(10)
    expect(attention.slice(0, 2).map(a => a.subject)).toEqual(['reconcile', 'q-7'])
  })
  it('a suppressed retrain says what held it back, while there is something to answer', () => {
    const lastDecision = {
      ...{ decision: 'd', trigger: 'drift', approved: false, at: ago(3), blockedBy: ['minLabels'] },
    }
    expect(kinds({ models: [{ ...model, lastDecision }] })).toEqual([])
    const drifting = { ...model, lastDecision, drift: { ...drift, episode: 'e', drifting: 1 } }
    const { attention } = ranked({ ...well, models: [drifting] }, {})
    expect(attention.map(a => [a.kind, a.cause.includes('minLabels')])).toEqual([
      ['drift', false],
      ['retrain-suppressed', true],
    ])
  })
})
