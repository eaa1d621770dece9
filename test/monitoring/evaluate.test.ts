/** A fleet window by window: what is the model's, what is a device's, and when it is over. */
import { describe, expect, it } from 'vitest'
import type { Baseline } from '../../src/contracts/packages.ts'
import { type EpisodeRow, keys, type MonitorRow } from '../../src/domain/entities.ts'
import { binColumn, countColumn } from '../../src/domain/monitoring/bins.ts'
import { conclude } from '../../src/domain/monitoring/conclude.ts'
import { GENERATION } from '../../src/domain/monitoring/devices.ts'
import { evaluate } from '../../src/domain/monitoring/evaluate.ts'
import { inProblem } from '../../src/domain/monitoring/problems.ts'
import { decodeState, EMPTY, encodeState, type MonitorState } from '../../src/domain/monitoring/state.ts'
import type { Put, Row } from '../../src/domain/store.ts'
import { normal, seeded } from '../domain/support.ts'

const DEVICES = 50
const ROWS = 5_000
const READINGS = 60
const random = seeded(5)
const gauss = (n: number, shift = 0): number[] => Array.from({ length: n }, () => normal(random) + shift)
const [x, y, score] = ['x', 'y', 'prediction'].map(name => binColumn(name, gauss(ROWS)))
const baseline: Baseline = {
  ...{ source: 'training', rows: ROWS, error: 0.1 },
  features: [x!, y!],
  prediction: score!,
}
const NOW = '2026-01-01T00:00:00.000Z'
const policy = { tolerance: 0.1, minDevices: 10 }

/** Values of the x of a device in a window. */
type World = (device: number, window: number) => (number | null)[]
const calm: World = () => gauss(READINGS)

class Fleet {
  row: MonitorRow | undefined
  state: MonitorState = EMPTY
  episode: Row<EpisodeRow> | undefined
  readonly requests: { readonly window: number; readonly data: object }[] = []
  readonly events: { readonly type: string; readonly window: number; readonly data: object }[] = []
  window(window: number, world: World, devices = DEVICES): void {
    const parts = Array.from({ length: devices }, (_, d) => ({
      thing: `t-${d}`,
      features: {
        x: countColumn(
          x!.edges,
          world(d, window).map(v => v ?? Number.NaN),
        ),
        y: countColumn(y!.edges, gauss(READINGS)),
      },
      prediction: countColumn(score!.edges, gauss(READINGS)),
    }))
    const { after, judgements } = evaluate({
      ...{ window, baseline, parts, before: this.state, policy },
      ...{ prefix: 'drift-v1', again: false },
    })
    const place = { model: 'demo', version: 1, window, windowSeconds: 60, accepted: 0.1, at: NOW }
    const episode = this.row?.episode === undefined ? undefined : this.episode
    const before = { monitor: this.row, episode }
    const { row, writes, events } = conclude(place, before, judgements, 'digest')
    this.row = row
    for (const write of writes) {
      const data = (write as Put<EpisodeRow>).data
      this.episode = { key: keys.episode('demo', data.episode), rev: 1, counters: {}, data }
    }
    // As the handler does between two windows.
    this.state = decodeState(encodeState(after))!
    for (const { type, data } of events)
      if (type === 'LabelsRequested') this.requests.push({ window, data: data as object })
      else this.events.push({ type, window, data: data as object })
  }
  windows(from: number, to: number, world: World): void {
    for (let w = from; w <= to; w++) this.window(w, world)
  }
  readonly said = (): string[] => this.events.map(e => `${e.type} ${e.window}`)
}

describe('a fleet of 50', () => {
  it('that is calm raises nothing in 60 windows', () => {
    const fleet = new Fleet()
    fleet.windows(1, 60, calm)
    expect(fleet.said()).toEqual([])
    expect(fleet.row?.latest.map(q => [q.name, q.state, q.scope])).toEqual(
      ['prediction', 'x', 'y'].map(name => [name, 'ok', 'none']),
    )
  })

  it('with one broken sensor has a device problem, and no drift of the model', () => {
    const fleet = new Fleet()
    const broken: World = (d, w) => (d === 7 && w > 5 ? gauss(READINGS).map(() => 0.1) : gauss(READINGS))
    fleet.windows(1, 30, broken)
    const [found = 0, ...later] = fleet.events.map(e => e.window)
    expect([fleet.events[0]?.type, later]).toEqual(['DeviceDriftDetected', []])
    // Sixty readings a window, five windows of which were good.
    expect(found).toBeLessThanOrEqual(10)
    expect(fleet.events[0]?.data).toMatchObject({
      ...{ model: 'demo', version: 1, window: found, found: 1 },
      devices: [{ thing: 't-7', evidence: [{ name: 'x' }] }],
    })
    const [problem, ...others] = fleet.row?.problems ?? []
    expect(others).toEqual([])
    expect(problem).toMatchObject({ thing: 't-7', from: 0, found })
    expect(problem?.evidence[0]?.lowerBound).toBeGreaterThan(policy.tolerance)
  })

  it('keeps the problem as history once the device is well again', () => {
    const fleet = new Fleet()
    fleet.windows(1, 40, (d, w) => (d === 7 && w > 5 && w <= 12 ? gauss(READINGS, 5) : gauss(READINGS)))
    expect(fleet.row?.problems.map(p => p.until)).toEqual([undefined])
    fleet.windows(41, 2 * GENERATION + 13, calm)
    const [problem] = fleet.row?.problems ?? []
    expect(problem?.until).toBeGreaterThan(40)
    expect(problem?.until).toBeLessThanOrEqual(2 * GENERATION)
    const sample = (thing: string, window: number) =>
      inProblem(fleet.row?.problems ?? [], { thing, at: (window + 0.5) * 3_600_000 }, 3_600)
    expect([sample('t-7', 10), sample('t-7', 2 * GENERATION + 1), sample('t-8', 10)]).toEqual([
      true,
      false,
      false,
    ])
    expect(fleet.events.map(e => e.type)).toEqual(['DeviceDriftDetected'])
  })

  it('that moves as a whole drifts after two windows, once, and nobody blames devices', () => {
    const fleet = new Fleet()
    fleet.windows(1, 20, (_d, w) => gauss(READINGS, w > 5 ? 0.5 : 0))
    expect(fleet.said()).toEqual(['DriftDetected 7'])
    expect(fleet.events[0]?.data).toMatchObject({ episode: 'drift-v1-w7', evidence: [{ name: 'x' }] })
    expect(fleet.row).toMatchObject({ episode: 'drift-v1-w7', problems: [] })
    expect(fleet.row?.latest.find(q => q.name === 'x')).toMatchObject({ state: 'drift', scope: 'model' })
  })

  it('that comes back ends its episode, and a new shift begins another', () => {
    const fleet = new Fleet()
    const season: World = (_d, w) => gauss(READINGS, (w > 5 && w <= 10) || w > 30 ? 0.8 : 0)
    fleet.windows(1, 30, season)
    expect(fleet.said()).toEqual(['DriftDetected 7'])
    expect(fleet.row?.episode).toBeUndefined()
    const closed = fleet.episode?.data.closed ?? 0
    expect(closed).toBeGreaterThan(10)
    // One request a window from the first to the last, each for what was captured since the episode's first window.
    expect(fleet.requests.map(r => r.window)).toEqual(Array.from({ length: closed - 7 }, (_, i) => i + 7))
    for (const { window, data } of fleet.requests)
      expect(data).toEqual({
        ...{ model: 'demo', version: 1, cause: 'drift-v1-w7', request: `drift-v1-w7-w${window}` },
        since: new Date(7 * 60_000).toISOString(),
      })
    fleet.windows(31, 35, season)
    expect(fleet.said()).toEqual(['DriftDetected 7', 'DriftDetected 32'])
  })

  it('asks for no more labels once it is decided on', () => {
    const fleet = new Fleet()
    const moved: World = (_d, w) => gauss(READINGS, w > 5 ? 0.8 : 0)
    fleet.windows(1, 9, moved)
    fleet.episode = { ...fleet.episode!, data: { ...fleet.episode!.data, decision: 'd-1' } }
    fleet.windows(10, 12, moved)
    expect(fleet.requests.map(r => r.window)).toEqual([7, 8, 9])
  })

  it('of which nine in fifty are off has nine device problems, and the model is not blamed', () => {
    const fleet = new Fleet()
    fleet.windows(1, 20, (d, w) => gauss(READINGS, d < 9 && w > 5 ? 4 : 0))
    expect([...new Set(fleet.events.map(e => e.type))]).toEqual(['DeviceDriftDetected'])
    expect(fleet.row?.problems.map(p => p.thing).sort()).toEqual(
      Array.from({ length: 9 }, (_, d) => `t-${d}`),
    )
  })

  it('of which a third is off is a matter of the model', () => {
    const fleet = new Fleet()
    fleet.windows(1, 20, (d, w) => gauss(READINGS, d < 20 && w > 5 ? 4 : 0))
    expect([...new Set(fleet.events.map(e => e.type))]).toEqual(['DriftDetected'])
  })
})

describe('devices that each are at a place of their own', () => {
  it('say little about one another, and a dead sensor says everything', () => {
    const fleet = new Fleet()
    const dead: World = (d, w) =>
      d === 7 && w > 3 ? new Array(READINGS).fill(null) : gauss(READINGS, (d % 9) - 4)
    fleet.windows(1, 3, dead)
    expect(fleet.said()).toEqual([])
    fleet.windows(4, 8, dead)
    expect(fleet.said()).toEqual(['DeviceDriftDetected 5'])
    expect(fleet.row?.problems.map(p => p.thing)).toEqual(['t-7'])
  })
})

describe('what comes out', () => {
  it('is watched with its confidence, and kept apart from features of the same names', () => {
    const named = {
      ...baseline,
      features: [
        { ...x!, name: 'prediction' },
        { ...y!, name: 'confidence' },
      ],
      confidence: { ...score!, name: 'confidence' },
    }
    const parts = Array.from({ length: 20 }, (_, d) => ({
      thing: `t-${d}`,
      features: {
        prediction: countColumn(x!.edges, gauss(READINGS)),
        confidence: countColumn(y!.edges, gauss(READINGS)),
      },
      prediction: countColumn(score!.edges, gauss(READINGS)),
      confidenceCounts: countColumn(score!.edges, gauss(READINGS, 2)),
    }))
    const { judgements, after } = evaluate({
      ...{ window: 1, baseline: named, parts, before: EMPTY, policy },
      ...{ prefix: 'drift-v1', again: false },
    })
    expect(judgements.map(j => [j.name, j.verdict.state])).toEqual([
      ['#prediction', 'ok'],
      ['#confidence', 'drift'],
      ['prediction', 'ok'],
      ['confidence', 'ok'],
    ])
    expect(Object.keys(after.devices['t-0'] ?? {})).toHaveLength(4)
  })
})

describe('what can be said', () => {
  it('of few devices is nothing', () => {
    const fleet = new Fleet()
    for (let w = 1; w <= 5; w++) fleet.window(w, () => gauss(READINGS, 3), 5)
    expect(fleet.said()).toEqual([])
    expect(fleet.row?.latest.map(q => [q.state, q.reason])).toEqual(
      Array.from({ length: 3 }, () => ['insufficient', 'devices']),
    )
  })
})

describe('the state between windows', () => {
  it('is the same bytes for the same windows, and of another release not read', () => {
    const parts = [{ thing: 't', features: { x: countColumn(x!.edges, [1, 2]) }, prediction: [] as number[] }]
    const once = () =>
      encodeState(
        evaluate({
          window: 1,
          baseline: { ...baseline, features: [x!] },
          parts: parts.map(p => ({ ...p, prediction: countColumn(score!.edges, [0, 1]) })),
          before: EMPTY,
          policy,
          prefix: 'd',
          again: false,
        }).after,
      )
    const bytes = once()
    expect(once()).toEqual(bytes)
    expect(decodeState(bytes)?.devices['t']?.['x']?.current.reduce((a, b) => a + b)).toBe(2)
    expect(decodeState(encodeState({ ...decodeState(bytes)!, format: 0 } as MonitorState))).toBeUndefined()
  })
})
