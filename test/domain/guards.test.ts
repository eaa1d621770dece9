import { describe, expect, it } from 'vitest'
import { evaluateGuards, failedGuards, type RetrainFacts } from '../../src/domain/retrain/guards.ts'
import { config } from './support.ts'

const BUDGET = { trainingsPerMonth: 3, costPerMonth: 10, pricePerHour: { 'ml.m5.large': 2 } }
const rules = config({
  retrain: {
    ...{ coolDownMinutes: 60, minLabels: 100, minDevices: 5, maxGeneration: 3 },
    budget: BUDGET,
    freeze: [{ from: '2026-01-02T00:00:00Z', until: '2026-01-03T00:00:00Z', reason: 'stocktaking' }],
    triggers: { drift: { minLabels: 40 } },
  },
  fieldSamples: { minimumDevices: 4 },
})
const month = { month: '2026-01', trainings: 2, complete: true, cost: 8, next: 2, unpriced: [] }
const free: RetrainFacts = {
  trigger: 'harm',
  now: '2026-01-01T02:00:00.000Z',
  lastTrainingAt: '2026-01-01T01:00:00.000Z',
  trainingInProgress: false,
  rolloutInFlight: false,
  newLabels: 100,
  devices: 5,
  fieldDevices: 4,
  generation: 2,
  month,
  breaker: { rejected: [7] },
  episode: { episode: 'harm-v1' },
}
const blocked = (facts: RetrainFacts, by = rules): string[] => failedGuards(evaluateGuards(facts, by))

it('passes all guards exactly at their limits', () => {
  expect(blocked(free)).toEqual([])
  expect(blocked({ ...free, shift: { labels: 9, error: 0.0501, accepted: 0.05 } })).toEqual([])
  const { lastTrainingAt: _, episode: __, ...never } = free
  expect(blocked(never)).toEqual([])
})

it.each<[string, Partial<RetrainFacts>, RegExp]>([
  ['coolDown', { lastTrainingAt: '2026-01-01T01:00:01.000Z' }, /^60\.0 min since .*, 60 needed$/],
  ['minLabels', { newLabels: 99 }, /^99 new labels, 100 needed$/],
  [
    'errorRose',
    { shift: { labels: 400, error: 0.0312, accepted: 0.05 } },
    /^error 0\.0312 on 400 labels since the shift, 0\.05 accepted$/,
  ],
  ['errorRose', { shift: { labels: 0, error: null, accepted: 0.05 } }, /^error unknown on 0 labels/],
  ['minDevices', { devices: 4 }, /^4 devices, 5 needed$/],
  ['fieldDevices', { fieldDevices: 3 }, /^3 devices with valid field samples, 4 needed$/],
  ['noTrainingInProgress', { trainingInProgress: true }, /being trained/],
  ['noRolloutInFlight', { rolloutInFlight: true }, /in flight/],
  ['maxGeneration', { generation: 3 }, /^turn 3 .*, 3 allowed$/],
  ['budget', { month: { ...month, trainings: 3 } }, /^3 of 3 trainings in 2026-01; /],
  [
    'budget',
    { month: { ...month, cost: 8.01 } },
    /at most 8\.01 USD spent and 2\.00 USD for this one, 10\.00 USD/,
  ],
  ['budget', { month: { ...month, unpriced: ['ml.p3.2xlarge'] } }, /ml\.p3\.2xlarge has no price/],
  ['budget', { month: { ...month, complete: false } }, /more versions in this month than are read/],
  [
    'episodeDedupe',
    { episode: { episode: 'harm-v1', answeredBy: 'harm-1' } },
    /^harm-v1 was answered by harm-1$/,
  ],
  [
    'circuitBreaker',
    { breaker: { rejected: [8, 7], since: 'then' } },
    /^2 challengers .* \(v8, v7\) since then, open from 2 on$/,
  ],
  ['freeze', { now: '2026-01-02T00:00:00.000Z' }, /^until 2026-01-03T00:00:00Z: stocktaking$/],
])('%s alone blocks, and says with what', (guard, change, detail) => {
  const facts = { ...free, ...change }
  expect(blocked(facts)).toEqual([guard])
  expect(evaluateGuards(facts, rules).find(g => g.guard === guard)?.detail).toMatch(detail)
})

it('records all of them, whatever stands in the way', () => {
  const worst: RetrainFacts = {
    ...free,
    ...{ newLabels: 0, devices: 0, fieldDevices: 0, trainingInProgress: true, rolloutInFlight: true },
    ...{ generation: 9, month: { ...month, trainings: 9 }, breaker: { rejected: [3, 2, 1] } },
    ...{ now: '2026-01-02T00:00:00.000Z', lastTrainingAt: '2026-01-02T00:00:00.000Z' },
    episode: { episode: 'e', answeredBy: 'd' },
    shift: { labels: 9, error: 0, accepted: 0.1 },
  }
  const outcomes = evaluateGuards(worst, config({ ...rules, retrain: { ...rules.retrain, dryRun: true } }))
  expect(outcomes).toHaveLength(13)
  expect(outcomes.filter(g => g.passed || g.detail === '')).toEqual([])
})

describe('rules as data', () => {
  const under = (retrain: Record<string, unknown>) =>
    config({ ...rules, retrain: { ...rules.retrain, ...retrain } })
  it('ask drift for labels of its own', () => {
    const drift = { ...free, trigger: 'drift' as const, newLabels: 40 }
    expect(blocked(drift)).toEqual([])
    expect(blocked({ ...drift, newLabels: 39 })).toEqual(['minLabels'])
    expect(blocked({ ...free, newLabels: 40 })).toEqual(['minLabels'])
  })
  it('let an answered episode propose again where dedupe is off', () => {
    const again = { ...free, episode: { episode: 'e', answeredBy: 'd' } }
    expect(blocked(again, under({ episodeDedupe: false }))).toEqual([])
  })
  it('hold everything in a dry run, and nothing outside a freeze', () => {
    expect(blocked(free, under({ dryRun: true }))).toEqual(['dryRun'])
    expect(blocked({ ...free, now: '2026-01-03T00:00:00.000Z' })).toEqual([])
  })
  it('take a budget of one kind alone', () => {
    const dear = { ...free, month: { ...month, cost: 99 } }
    expect(blocked(dear, under({ budget: { trainingsPerMonth: 3 } }))).toEqual([])
    const often = { ...free, month: { ...month, trainings: 99 } }
    expect(blocked(often, under({ budget: { ...BUDGET, trainingsPerMonth: undefined } }))).toEqual([])
  })
})

describe('a person', () => {
  const all: RetrainFacts = {
    ...free,
    trigger: 'manual',
    ...{ newLabels: 0, devices: 0, generation: 9, lastTrainingAt: free.now },
    ...{ month: { ...month, trainings: 9 }, breaker: { rejected: [3, 2, 1] }, fieldDevices: 0 },
    ...{ trainingInProgress: true, rolloutInFlight: true },
  }
  const asked = { by: 'ann', reason: 'r', force: false, override: [] as string[] }
  it('is held to all guards, and by force to what protects purse, fleet and model', () => {
    const hard = ['fieldDevices', 'noTrainingInProgress', 'noRolloutInFlight', 'budget', 'circuitBreaker']
    const soft = ['coolDown', 'minLabels', 'minDevices', 'maxGeneration']
    expect(blocked({ ...all, asked }).sort()).toEqual([...hard, ...soft].sort())
    expect(blocked({ ...all, asked: { ...asked, force: true } }).sort()).toEqual([...hard].sort())
  })
  it('sets aside by name what is named, on record', () => {
    const named = { ...all, asked: { ...asked, force: true, override: ['budget'] } }
    expect(blocked(named)).not.toContain('budget')
    expect(blocked(named)).toContain('circuitBreaker')
    const budget = evaluateGuards(named, rules).find(g => g.guard === 'budget')
    expect(budget).toMatchObject({ passed: false, waived: 'override' })
  })
})

it('asks a drop only for what holds for every training', () => {
  const { now, breaker } = free
  const drop = { trigger: 'drop' as const, now, month, breaker }
  expect(evaluateGuards(drop, rules).map(g => g.guard)).toEqual(['dropTrigger', 'budget', 'freeze', 'dryRun'])
  expect(failedGuards(evaluateGuards(drop, rules))).toEqual([])
  const off = config({ ...rules, retrain: { ...rules.retrain, triggers: { drop: false } } })
  expect(failedGuards(evaluateGuards({ ...drop, month: { ...month, trainings: 3 } }, off))).toEqual([
    'dropTrigger',
    'budget',
  ])
})
