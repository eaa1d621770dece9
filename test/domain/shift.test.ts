import { describe, expect, it } from 'vitest'
import { errorSince } from '../../src/domain/retrain/shift.ts'
import type { Labelled } from '../../src/domain/sampling/admit.ts'
import { config } from './support.ts'

const WINDOW = 100
const hourly = config()
const at = (hours: number): string => new Date(hours * 3_600_000).toISOString()
const sample = (hours: number, prediction: number, label: number, pi = 0.5, version = 1): Labelled => ({
  ...{ eventId: 't-1-0', thing: 't', model: 'probe', version, lane: 'audit', pi, row: [1, 2] },
  ...{ capturedAt: at(hours), receivedAt: at(hours), prediction, label },
})
const episode = { version: 1, window: WINDOW, accepted: 0.1 }

describe('errorSince', () => {
  it('counts labels of the version from the episode’s first window on', () => {
    const samples = [
      sample(WINDOW - 0.01, 1, 0),
      sample(WINDOW, 1, 0),
      sample(WINDOW + 1, 1, 1),
      sample(WINDOW + 1, 1, 0, 0.5, 2),
    ]
    expect(errorSince(samples, episode, hourly)).toEqual({ labels: 2, error: 0.5, accepted: 0.1 })
  })
  it('weights by 1/π', () => {
    const samples = [sample(WINDOW, 1, 0, 0.1), sample(WINDOW, 1, 1, 0.5), sample(WINDOW, 0, 0, 0.5)]
    expect(errorSince(samples, episode, hourly)?.error).toBeCloseTo(10 / 14, 12)
  })
  it('is a root mean square for regression', () => {
    const regression = config({
      task: 'regression',
      label: { column: 'y' },
      evaluation: { metric: 'rmse', floor: 1 },
    })
    expect(errorSince([sample(WINDOW, 1, 4), sample(WINDOW, 1, 1)], episode, regression)?.error).toBeCloseTo(
      Math.sqrt(4.5),
      12,
    )
  })
  it('knows nothing without labels, and says nothing of an episode that does not say what was accepted', () => {
    expect(errorSince([], episode, hourly)).toEqual({ labels: 0, error: null, accepted: 0.1 })
    expect(errorSince([], { version: 1, window: WINDOW }, hourly)).toBeUndefined()
  })
})
