/** What waits for a person is seen however much has come after it; a person's rollout is asked for once. */
import { describe, expect, it } from 'vitest'
import { rolloutPolicy } from '../../src/contracts/rollout-policy.ts'
import { type AuditRow, type DecisionRow, keys, listings, type SampleRow } from '../../src/domain/entities.ts'
import { EdgeloopError } from '../../src/domain/errors.ts'
import { refreshOverview } from '../../src/domain/operators/overview.ts'
import { commandRollout, requestRollout } from '../../src/domain/operators/rollouts.ts'
import { MAX_OPEN, putReview, renewReviews } from '../../src/domain/review/rows.ts'
import { planRollout } from '../../src/domain/rollout/plan.ts'
import type { Rollout } from '../../src/domain/rollout/types.ts'
import { put, type Write } from '../../src/domain/store.ts'
import { MemoryStore } from '../loop/memory-store.ts'
import { rows, SMALL } from './scale/rows.ts'

const NOW = new Date('2026-06-01T00:00:00Z')

async function world() {
  const store = new MemoryStore(() => NOW)
  for (const write of rows(SMALL)) await store.commit([write])
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const core = { store, now: () => NOW, count: () => {}, measure: () => {}, log }
  const artefacts = { get: () => Promise.reject(new EdgeloopError('NOT_FOUND', 'no object')) }
  return { store, deps: { ...core, quarantine: store, artefacts, stage: 'dev', depths: async () => [] } }
}
const planned = (id: string, minute: number, more: Partial<Rollout> = {}): Write => {
  const at = new Date(Date.UTC(2026, 3, 1, 0, minute))
  const row: Rollout = {
    ...planRollout({
      ...{
        id,
        model: 'cold-chain',
        version: 1,
        fleet: 'containers',
        slot: 'climate',
        releases: {},
        seed: id,
      },
      ...{ policy: rolloutPolicy.parse({}), at, by: 'ann', generation: 0 },
      sight: { kind: 'size', byHardware: {} },
    }),
    ...more,
  }
  return put(keys.rollout(id), row, undefined, {
    list: { pk: listings.rollouts, sk: `${row.createdAt}#${id}` },
    ...(row.status === 'PLANNED' ? { pending: { kind: 'rollout' as const, since: row.phaseSince } } : {}),
  })
}

describe('a planned rollout', () => {
  it('is on the overview though many came after it', async () => {
    const { store, deps } = await world()
    await store.commit([planned('old', 0, { waitsForStart: true })])
    for (let i = 1; i <= 30; i++) await store.commit([planned(`later-${i}`, i, { status: 'COMPLETED' })])
    const overview = await refreshOverview(deps)
    expect(overview.rollouts.map(r => r.rollout)).toContain('old')
    expect(overview.attention).toContainEqual(
      expect.objectContaining({ kind: 'rollout-planned', subject: 'old' }),
    )
    expect(overview.attentionBy.info).toBeGreaterThan(0)
    expect(overview.complete).toBe(true)
    // Its baseline is gone, and it is there all the same.
    expect(overview.models[0]?.harm.state).toBe('not-watched')
  })
  it('is asked for once, also when it is in flight by the time it is asked for again', async () => {
    const { store, deps } = await world()
    const asked = { model: 'cold-chain', version: 2, start: true, reason: 'again' }
    const commander = { by: 'ann', request: 'r1' }
    const first = await requestRollout(deps, asked, commander)
    await store.commit([planned(first.rollout, 0, { version: 2, status: 'RUNNING' })])
    const events = store.rows.size
    expect(await requestRollout(deps, asked, commander)).toEqual(first)
    expect(store.rows.size).toBe(events)
  })
  it('has the record and the answer of the first time when a command comes again in another state', async () => {
    const { store, deps } = await world()
    await store.commit([planned('old', 0, { status: 'RUNNING' })])
    const pause = (request: string) =>
      commandRollout(deps, 'old', { command: 'pause', reason: 'wait' }, { by: 'ann', request })
    const is = async (now: Partial<Rollout>): Promise<void> => {
      const row = await store.get<Rollout>(keys.rollout('old'))
      await store.commit([put(keys.rollout('old'), { ...row?.data, ...now }, row)])
    }
    const first = await pause('r1')
    expect(first).toEqual({ rollout: 'old', decision: 'pause', phase: 'canary', status: 'RUNNING' })
    const size = store.rows.size
    // The engine has done it, so another command of the kind would not fit.
    await is({ status: 'PAUSED' })
    expect(await pause('r1')).toEqual(first)
    await expect(pause('r2')).rejects.toMatchObject({ code: 'ILLEGAL_STATE' })
    // Resumed, and a phase further.
    await is({ status: 'RUNNING', phase: 1 })
    expect(await pause('r1')).toEqual(first)
    expect(store.rows.size).toBe(size)
    await pause('r2')
    const records = await store.list<AuditRow>(listings.audit)
    const befores = records.flatMap(({ data }) => (data.subject === 'old' ? data.before : []))
    expect(befores).toHaveLength(2)
    expect(befores).toEqual(
      expect.arrayContaining([
        { status: 'RUNNING', phase: 0 },
        { status: 'RUNNING', phase: 1 },
      ]),
    )
  })
})

describe('the last decision of a model', () => {
  it('stays on the overview behind a hundred newer ones of another model', async () => {
    const { store, deps } = await world()
    const decided = (model: string, decision: string, minute: number): Write => {
      const at = new Date(Date.UTC(2026, 4, 31, 0, minute)).toISOString()
      const month = { month: '2026-05', trainings: 0, complete: true, unpriced: [] }
      const facts = { trigger: 'drop', now: at, month, breaker: { rejected: [] } } as const
      const row: DecisionRow = { decision, model, trigger: 'drop', approved: true, facts, guards: [], at }
      return put(keys.decision(model, decision), row, undefined, {
        list: { pk: listings.decisions, sk: `${at}#${model}#${decision}` },
      })
    }
    const last = async () =>
      (await refreshOverview(deps)).models.find(m => m.model === 'cold-chain')?.lastDecision
    await store.commit([decided('cold-chain', 'drop-aaaaaaaaaaaa', 0)])
    expect(await last()).toMatchObject({ decision: 'drop-aaaaaaaaaaaa', approved: true })
    for (let i = 1; i <= 120; i++) await store.commit([decided('other', `drop-${i}`, i)])
    expect(await last()).toMatchObject({ decision: 'drop-aaaaaaaaaaaa', approved: true })
    await store.commit([decided('cold-chain', 'drop-bbbbbbbbbbbb', 121)])
    expect(await last()).toMatchObject({ decision: 'drop-bbbbbbbbbbbb' })
  })
})

describe('a review queue', () => {
  it('that is over its length takes nothing in', async () => {
    const { store } = await world()
    const sample = (i: number): SampleRow => ({
      ...{ eventId: `lab-${i}-1-1`, thing: `lab-${i}`, model: 'm', version: 1, row: [1], prediction: 0 },
      ...{ capturedAt: NOW.toISOString(), receivedAt: NOW.toISOString(), lane: 'audit', pi: 0.1 },
    })
    for (let i = 0; i < MAX_OPEN + 5; i++) {
      const { eventId, thing } = sample(i)
      const row = { model: 'm', eventId, thing, request: 'r', requestedAt: NOW.toISOString(), ttl: 2e9 }
      await store.commit([putReview({ ...row, status: 'OPEN', answers: [], skipped: [] }, undefined)])
    }
    const before = store.rows.size
    const wanted = Array.from({ length: 50 }, (_, i) => sample(1_000 + i))
    await renewReviews(store, 'm', { all: wanted, wanted }, 'r2', NOW.toISOString())
    expect(store.rows.size).toBe(before)
  })
})
