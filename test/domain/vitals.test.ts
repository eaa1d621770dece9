/** Gauges of the reconciler: what they say, and what they cost. */
import { describe, expect, it } from 'vitest'
import { startVitals } from '../../src/domain/operators/vitals.ts'
import type { Core } from '../../src/domain/ports.ts'
import { standing } from '../../src/domain/rollout/standing.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import type { Row } from '../../src/domain/store.ts'

const at = (minutes: number): Date => new Date(Date.UTC(2026, 0, 1) + minutes * 60_000)
const rollout = (more: object = {}): Rollout =>
  ({
    ...{ id: 'r', status: 'RUNNING', phase: 0, shadow: false, phaseSince: at(0).toISOString(), approved: [] },
    phases: [
      { name: 'canary', deadlineMinutes: 100, approval: false },
      { name: 'fleet', deadlineMinutes: 100, approval: false },
    ],
    policy: { approval: false, windows: [], shadowMinutes: 30 },
    ...more,
  }) as unknown as Rollout

describe('what a rollout is doing', () => {
  const phases = [
    { name: 'canary', deadlineMinutes: 100, approval: false },
    { name: 'fleet', deadlineMinutes: 100, approval: true },
  ]
  // 2026-01-01 is a Thursday.
  const windows = [{ days: ['fri'], from: '00:00', minutes: 60 }]
  it.each<[string, object, number, string]>([
    ['before its deadline', {}, 100, 'moving'],
    ['an hour after it', {}, 160, 'moving'],
    ['and later', {}, 161, 'stuck'],
    ['while devices spread their starts', { phases: [{ ...phases[0], startWithin: 3_600 }] }, 219, 'moving'],
    ['in the shadow', { shadow: true }, 189, 'moving'],
    ['held', { status: 'HELD' }, 1, 'waiting'],
    ['paused', { status: 'PAUSED' }, 1, 'waiting'],
    ['before a phase that needs an approval', { phases }, 161, 'waiting'],
    ['after that was given', { phases, approved: ['fleet'] }, 161, 'stuck'],
    ['planned', { status: 'PLANNED' }, 59, 'moving'],
    ['planned for long', { status: 'PLANNED' }, 61, 'stuck'],
    [
      'planned, and somebody must approve',
      { status: 'PLANNED', policy: { approval: true, windows: [], shadowMinutes: 0 } },
      1,
      'waiting',
    ],
    [
      'planned, and its window is closed',
      { status: 'PLANNED', policy: { approval: false, windows, shadowMinutes: 0 } },
      600,
      'moving',
    ],
    [
      'planned, and its window is open',
      { status: 'PLANNED', policy: { approval: false, windows, shadowMinutes: 0 } },
      1_450,
      'stuck',
    ],
    ['completed', { status: 'COMPLETED' }, 9_999, 'over'],
  ])('%s', (_, more, minutes, wanted) => {
    expect(standing(rollout(more), at(minutes))).toBe(wanted)
  })
})

describe('the vitals', () => {
  const asked: string[] = []
  const run = async (seen: readonly (readonly ['rollout' | 'outbox', unknown])[], silent = 0) => {
    const told: Record<string, number> = {}
    const core = {
      now: () => at(200),
      count: (name: string) => {
        told[name] = 1
      },
      measure: (name: string, value: number) => {
        told[name] = value
      },
      store: {
        pendingBefore: async (kind: string, _: string, limit: number) => {
          asked.push(`${kind} ${limit}`)
          return Array.from({ length: kind === 'silent' ? silent : 1 }, () => ({}))
        },
      },
    } as unknown as Core
    const vitals = startVitals(core)
    for (const [kind, data] of seen) vitals.saw(kind, { data } as Row<unknown>)
    await vitals.report()
    return told
  }
  const entry = (minutes: number) => ({
    detail: JSON.stringify({ metadata: { occurredAt: at(minutes).toISOString() } }),
  })

  it('say the age of the oldest event, and how rollouts stand', async () => {
    const told = await run([
      ['outbox', entry(198)],
      ['outbox', entry(190)],
      ['rollout', rollout()],
      ['rollout', rollout({ status: 'HELD' })],
      ['rollout', rollout({ status: 'PAUSED' })],
    ])
    expect(told).toEqual({
      ...{ ReconcilerRuns: 1, OutboxAge: 600, RolloutsStuck: 1, RolloutsWaiting: 2 },
      ...{ SilentDevices: 0, DevicesAwaited: 1 },
    })
  })
  it('are all there when nothing is wrong: a gauge that is missing is an alarm that sleeps', async () => {
    expect(await run([])).toMatchObject({ OutboxAge: 0, RolloutsStuck: 0, RolloutsWaiting: 0 })
  })
  it('cost two queries of keys, bounded', async () => {
    asked.length = 0
    await run([], 1_000)
    expect(asked).toEqual(['silent 1000', 'device 1'])
  })
})
