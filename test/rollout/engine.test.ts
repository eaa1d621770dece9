import { describe, expect, it } from 'vitest'
import { command } from '../../src/domain/rollout/commands.ts'
import { evolve } from '../../src/domain/rollout/evolve.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import { opensNext } from '../../src/domain/rollout/windows.ts'
import { decided, fleetOf, minutes, planned, release, running, verdictOf } from './support.ts'

const TWO = {
  phases: [
    { name: 'canary', exposure: 0.25 },
    { name: 'fleet', exposure: 1 },
  ],
}

describe('planning', () => {
  it('draws arms that are apart and says what each phase can prove', () => {
    const { phases } = planned(TWO)
    const [canary, fleet] = phases
    expect(canary?.devices.canary).toBeGreaterThan(70)
    expect(canary?.devices.control).toBeGreaterThan(70)
    expect(fleet?.devices).toEqual({ canary: 400, control: 0 })
    expect(canary?.proof.map(row => row.sentence).join(' ')).toMatch(/canaries promote with/)
    const small = planned(TWO, fleetOf(8)).phases[0]
    expect(small?.proof[0]?.sentence).toMatch(/cannot show that fewer than 5 % fail/)
  })
  it('raises the exposure for the devices it must have, in every hardware where that is asked for', () => {
    const devices = [
      ...fleetOf(60),
      ...Array.from({ length: 6 }, (_, i) => ({ thing: `t${i}`, hardware: 'tablet' })),
    ]
    const policy = {
      phases: [
        { name: 'canary', exposure: 0.01, minDevices: 3 },
        { name: 'all', exposure: 1 },
      ],
      stratify: true,
    }
    const { phases } = planned(policy, devices)
    expect(phases[0]?.devices.canary).toBe(3)
    expect(phases[0]?.exposures).toHaveProperty('board')
  })
  it('takes a large fleet by its size', async () => {
    const { planRollout } = await import('../../src/domain/rollout/plan.ts')
    const base = planned(TWO)
    const rollout = planRollout({
      ...{
        id: 'm-v2',
        model: 'm',
        version: 2,
        fleet: 'f',
        slot: 's',
        seed: 'seed',
        by: 'engine',
        generation: 0,
      },
      ...{ releases: { board: release(2) }, at: minutes(0), policy: base.policy },
      sight: { kind: 'size', byHardware: { board: 1_000_000, tablet: 5 } },
    })
    expect(rollout.phases[0]?.devices).toEqual({ canary: 250_000, control: 250_000 })
    expect(rollout.shards).toBe(64)
  })
})

describe('deciding', () => {
  it('starts at once, or with approval, or in the maintenance window', () => {
    expect(decided(planned(TWO), {}).decision).toBe('start')
    const guarded = planned({ ...TWO, approval: true })
    expect(verdictOf(guarded, {})).toMatchObject({
      decision: 'wait',
      reason: expect.stringContaining('approval'),
    })
    const approved = evolve(
      guarded,
      command(guarded, { command: 'approve', reason: 'ok' }, 'ann', {}, minutes(1)),
    )
    expect(decided(approved, {}).decision).toBe('start')
    const nightly = planned({ ...TWO, windows: [{ from: '02:00', minutes: 60 }] })
    expect(verdictOf(nightly, {})).toMatchObject({
      reason: expect.stringContaining('2026-03-03T02:00:00.000Z'),
    })
    expect(decided(nightly, {}, minutes(16 * 60 + 30)).decision).toBe('start')
  })
  it('passes a phase by proof, and only then', () => {
    const rollout = running(TWO)
    const wait = verdictOf(rollout, { committed: 40, started: 90 })
    expect(wait).toMatchObject({ decision: 'wait', devicesNeeded: 19 })
    const done = rollout.phases[0]?.devices.canary as number
    const passed = decided(rollout, { committed: done, started: done })
    expect(passed).toMatchObject({ decision: 'promote', proven: true })
    expect(passed.reason).toMatch(/proves that fewer than 5 % fail/)
    expect(passed.tests.at(-1)).toMatchObject({ verdict: 'safe', alpha: 0.05 })
    const next = evolve(rollout, passed)
    expect(next).toMatchObject({ status: 'RUNNING', phase: 1, looks: [] })
    expect(decided(next, { committed: 400, started: 400 }).decision).toBe('complete')
  })
  it('stops at proven harm, names it, and keeps the evidence', () => {
    const stopped = decided(running(TWO), { failed: 5, committed: 3, started: 20, code_SELF_TEST: 5 })
    expect(stopped).toMatchObject({ decision: 'roll-back', by: 'engine', phase: 'canary' })
    expect(stopped.reason).toMatch(/5 of 8 failed.*SELF_TEST/)
    const [test] = stopped.tests
    expect(test).toMatchObject({ metric: 'failures', verdict: 'harm' })
    expect(test?.statistic).toBeGreaterThanOrEqual(test?.threshold as number)
  })
  it.each(['errors', 'resets', 'silent'] as const)(
    'stops when canaries have more %s than the control',
    metric => {
      const rollout = running(TWO)
      expect(decided(rollout, { [`p0_canary_${metric}`]: 20 }).reason).toContain(metric)
      // An outage that hits both arms alike is no harm.
      const both = { [`p0_canary_${metric}`]: 90, [`p0_control_${metric}`]: 90 }
      expect(verdictOf(rollout, both).decision).toBe('wait')
    },
  )
  it('stops when answers take much longer than in the control', () => {
    const of = (arm: string, n: number, value: number) => ({
      [`p0_${arm}_latency_n`]: n,
      [`p0_${arm}_latency_sum`]: n * value,
      [`p0_${arm}_latency_sq`]: n * value * value + n * 100,
    })
    const rollout = running(TWO)
    expect(decided(rollout, { ...of('canary', 60, 5_000), ...of('control', 60, 4_000) }).reason).toContain(
      'latency',
    )
    expect(verdictOf(rollout, { ...of('canary', 60, 4_300), ...of('control', 60, 4_000) }).decision).toBe(
      'wait',
    )
  })
  it('asks a person where the evidence cannot suffice, and says how much would', () => {
    const rollout = running(TWO, fleetOf(20))
    const n = rollout.phases[0]?.devices.canary as number
    const held = decided(rollout, { committed: n, started: n })
    expect(held).toMatchObject({ decision: 'hold', proven: false, devicesNeeded: 59 - n })
    const holding = evolve(rollout, held)
    expect(holding.status).toBe('HELD')
    // Harm is watched for all the same.
    expect(decided(holding, { committed: n, failed: 5 }).decision).toBe('roll-back')
    expect(verdictOf(holding, { committed: n }).decision).toBe('wait')
    const on = evolve(
      holding,
      command(holding, { command: 'promote', reason: 'seen' }, 'ann', {}, minutes(5)),
    )
    expect(on).toMatchObject({ status: 'RUNNING', phase: 1 })
  })
  it('goes on without proof only where the policy says so, and with the record saying so', () => {
    const rollout = running({ ...TWO, insufficient: 'proceed' }, fleetOf(20))
    const n = rollout.phases[0]?.devices.canary as number
    expect(verdictOf(rollout, { committed: n - 1, started: n }).decision).toBe('wait')
    expect(decided(rollout, { committed: n, started: n })).toMatchObject({
      decision: 'promote',
      proven: false,
    })
    // Nobody at all has reported: then there is nothing to go on from.
    expect(decided(rollout, {}, minutes(1_500))).toMatchObject({ decision: 'hold' })
  })
  it('does not go on without proof when more have failed than is tolerated, until a person has looked', () => {
    const rollout = running({ ...TWO, insufficient: 'proceed' }, fleetOf(20))
    const n = rollout.phases[0]?.devices.canary as number
    const one = { committed: n - 1, failed: 1, started: n }
    const held = decided(rollout, one)
    expect(held).toMatchObject({
      decision: 'hold',
      reason: expect.stringContaining(`1 of ${n} canaries failed`),
    })
    // The only canary of a small fleet failed: the worst that is no proof.
    expect(decided(rollout, { failed: 1, started: 1 }, minutes(1_500)).decision).toBe('hold')
    const holding = evolve(rollout, held)
    const on = evolve(
      holding,
      command(holding, { command: 'resume', reason: 'a full disk' }, 'ann', one, minutes(5)),
    )
    expect(decided(on, one, minutes(6))).toMatchObject({ decision: 'promote', proven: false })
  })
  it('bakes, and asks at the deadline', () => {
    const rollout = running({
      phases: [
        { name: 'canary', exposure: 0.25, bakeMinutes: 60, deadlineMinutes: 120 },
        { name: 'fleet', exposure: 1 },
      ],
    })
    const n = rollout.phases[0]?.devices.canary as number
    expect(verdictOf(rollout, { committed: n, started: n }, minutes(59))).toMatchObject({
      reason: expect.stringContaining('bakes until'),
    })
    expect(decided(rollout, { committed: n, started: n }, minutes(60)).decision).toBe('promote')
    expect(decided(rollout, { committed: 10, started: n }, minutes(121)).decision).toBe('hold')
  })
  it('begins in the shadow where that is asked for, and lets the candidate out when nothing is wrong', () => {
    const rollout = running({ ...TWO, shadowMinutes: 30 })
    expect(rollout.shadow).toBe(true)
    expect(verdictOf(rollout, {}, minutes(29)).decision).toBe('wait')
    const out = decided(rollout, {}, minutes(30))
    expect(out.decision).toBe('activate')
    expect(evolve(rollout, out)).toMatchObject({ shadow: false, phase: 0 })
    const disagrees = {
      p0_canary_disagreement_n: 40,
      p0_canary_disagreement_sum: 40 * 6_000,
      p0_canary_disagreement_sq: 40 * 6_000 * 6_000 + 40_000,
    }
    expect(decided(rollout, disagrees, minutes(5)).reason).toContain('disagreement')
  })
  it('does not hold against a resumed rollout what a person has seen', () => {
    const counts = { failed: 2, committed: 10, started: 20 }
    const rollout = running(TWO)
    const paused = evolve(
      rollout,
      command(rollout, { command: 'pause', reason: 'look' }, 'ann', counts, minutes(2)),
    )
    expect(paused.status).toBe('PAUSED')
    const seen = { failed: 6, committed: 10, started: 20 }
    expect(decided(paused, seen).decision).toBe('roll-back')
    const resumed = evolve(
      paused,
      command(paused, { command: 'resume', reason: 'known' }, 'ann', seen, minutes(3)),
    )
    expect(verdictOf(resumed, seen).decision).toBe('wait')
    expect(decided(resumed, { ...seen, failed: 11 }).decision).toBe('roll-back')
  })
})

describe('commands', () => {
  const ended = (rollout: Rollout): Rollout =>
    evolve(rollout, command(rollout, { command: 'roll-back', reason: 'x' }, 'ann', {}, minutes(1)))
  it('need another person for an approval', () => {
    const rollout = { ...planned({ ...TWO, approval: true }), createdBy: 'ann' }
    const approve = { command: 'approve', reason: 'ok' } as const
    expect(() => command(rollout, approve, 'ann', {}, minutes(1))).toThrow(/another person must approve/)
    expect(command(rollout, approve, 'bob', {}, minutes(1))).toMatchObject({
      decision: 'approve',
      phase: 'canary',
    })
    expect(() => command(running(TWO), approve, 'bob', {}, minutes(1))).toThrow(/waits for no approval/)
  })
  it.each(['start', 'pause', 'resume', 'promote', 'abort', 'roll-back'] as const)(
    '%s is refused once a rollout has ended',
    name => {
      expect(() =>
        command(ended(running(TWO)), { command: name, reason: 'x' }, 'ann', {}, minutes(2)),
      ).toThrow(/is ROLLED_BACK/)
    },
  )
  it('start lets begin what was planned only, once, and not before it is approved', () => {
    const start = { command: 'start', reason: 'seen' } as const
    const waiting = { ...planned({ ...TWO, approval: true }), createdBy: 'ann', waitsForStart: true as const }
    expect(verdictOf(waiting, {})).toMatchObject({
      decision: 'wait',
      reason: expect.stringContaining('waits for the command start'),
    })
    const permitted = evolve(waiting, command(waiting, start, 'ann', {}, minutes(1)))
    expect(permitted.status).toBe('PLANNED')
    expect(verdictOf(permitted, {}).reason).toContain('waits for the approval of a person other than ann')
    expect(() => command(permitted, start, 'ann', {}, minutes(2))).toThrow(/does not wait for its start/)
    const approve = { command: 'approve', reason: 'ok' } as const
    const approved = evolve(permitted, command(permitted, approve, 'bob', {}, minutes(2)))
    expect(verdictOf(approved, {}).decision).toBe('start')
  })
  it('promote does not stand in for an approval', () => {
    const asked = { ...TWO, phases: TWO.phases.map((p, i) => ({ ...p, approval: i === 1 })) }
    const rollout = { ...running(asked), createdBy: 'ann' }
    const promote = { command: 'promote', reason: 'hurry' } as const
    expect(() => command(rollout, promote, 'ann', {}, minutes(1))).toThrow(/waits for an approval/)
    const approved = evolve(
      rollout,
      command(rollout, { command: 'approve', reason: 'ok' }, 'bob', {}, minutes(1)),
    )
    expect(command(approved, promote, 'ann', {}, minutes(2)).decision).toBe('promote')
  })
  it('abort keeps or reverts', () => {
    const rollout = running(TWO)
    const abort = (devices: 'keep' | 'revert') =>
      command(rollout, { command: 'abort', devices, reason: 'x' }, 'ann', {}, minutes(1))
    expect([abort('keep').keep, abort('revert').keep]).toEqual([true, false])
  })
})

describe('maintenance windows', () => {
  const night = [{ days: ['mon' as const], from: '23:00', minutes: 120 }]
  it('may cross midnight and come again in a week', () => {
    const at = (text: string) => opensNext(night, new Date(text))?.toISOString()
    expect(at('2026-03-02T23:00:00Z')).toBeUndefined()
    expect(at('2026-03-03T00:59:59Z')).toBeUndefined()
    expect(at('2026-03-03T01:00:00Z')).toBe('2026-03-09T23:00:00.000Z')
    expect(opensNext([], new Date(0))).toBeUndefined()
  })
})
