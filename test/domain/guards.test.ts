import { expect, it } from 'vitest'
import { evaluateGuards, type RetrainFacts } from '../../src/domain/retrain/guards.ts'
import { config } from './support.ts'

const rules = config({
  retrain: { coolDownMinutes: 60, minLabels: 100, minDevices: 5, maxGeneration: 3 },
  fieldSamples: { minimumDevices: 4 },
})
const free: RetrainFacts = {
  trigger: 'drift',
  now: '2026-01-01T02:00:00.000Z',
  lastTrainingAt: '2026-01-01T01:00:00.000Z',
  trainingInProgress: false,
  rolloutInFlight: false,
  newLabels: 100,
  devices: 5,
  fieldDevices: 4,
  generation: 2,
}
const blocked = (facts: RetrainFacts): string[] =>
  evaluateGuards(facts, rules)
    .filter(g => !g.passed)
    .map(g => g.guard)

it('passes all guards exactly at their limits', () => {
  expect(blocked(free)).toEqual([])
  const { lastTrainingAt: _, ...never } = free
  expect(blocked(never)).toEqual([])
})

it.each<[string, Partial<RetrainFacts>, RegExp]>([
  ['coolDown', { lastTrainingAt: '2026-01-01T01:00:01.000Z' }, /^60\.0 min since .*, 60 needed$/],
  ['minLabels', { newLabels: 99 }, /^99 new labels, 100 needed$/],
  ['minDevices', { devices: 4 }, /^4 devices, 5 needed$/],
  ['fieldDevices', { fieldDevices: 3 }, /^3 devices with valid field samples, 4 needed$/],
  ['noTrainingInProgress', { trainingInProgress: true }, /being trained/],
  ['noRolloutInFlight', { rolloutInFlight: true }, /in flight/],
  ['maxGeneration', { generation: 3 }, /^turn 3 .*, 3 allowed$/],
])('%s alone blocks, and says with what', (guard, change, detail) => {
  const facts = { ...free, ...change }
  expect(blocked(facts)).toEqual([guard])
  expect(evaluateGuards(facts, rules).find(g => g.guard === guard)?.detail).toMatch(detail)
})

it('records all of them, whatever stands in the way', () => {
  const worst = {
    ...free,
    newLabels: 0,
    devices: 0,
    fieldDevices: 0,
    trainingInProgress: true,
    rolloutInFlight: true,
    generation: 9,
  }
  const outcomes = evaluateGuards({ ...worst, lastTrainingAt: worst.now }, rules)
  expect(outcomes).toHaveLength(7)
  expect(outcomes.every(g => !g.passed && g.detail !== '')).toBe(true)
})
