import { describe, expect, it } from 'vitest'
import { draw } from '../../bench/monitoring/streams.ts'
import { rng } from '../../bench/rollouts/rng.ts'
import {
  addDeviceWindow,
  type DeviceCounts,
  deviceTotal,
  findDevices,
  GENERATION,
} from '../../src/domain/monitoring/devices.ts'
import { MODEL_SHARE, scopeOf } from '../../src/domain/monitoring/scope.ts'
import { referenceOf } from '../../src/domain/monitoring/stats/reference.ts'

const P0 = [0.2, 0.2, 0.2, 0.2, 0.195, 0.005]
const reference = referenceOf(P0, 50_000)
const fleet = (shares: (d: number) => readonly number[], devices: number, each = 600, seed = 2) => {
  const random = rng(seed)
  return Array.from({ length: devices }, (_, d) => ({
    thing: `d${d}`,
    counts: { generation: 0, current: draw(random, shares(d), each), previous: P0.map(() => 0) },
  }))
}
const STUCK = [0, 0, 0, 1, 0, 0]
const MOVED = [0.05, 0.1, 0.2, 0.3, 0.345, 0.005]

describe('addDeviceWindow', () => {
  it('keeps the present generation and the one before, whatever comes late', () => {
    let state: DeviceCounts | undefined
    for (let w = 0; w < 3 * GENERATION; w++) state = addDeviceWindow(state, w, [1, 0])
    expect(state).toEqual({ generation: 2, current: [GENERATION, 0], previous: [GENERATION, 0] })
    const late = addDeviceWindow(state, 2 * GENERATION - 1, [0, 5])
    expect(late.previous).toEqual([GENERATION, 5])
    expect(addDeviceWindow(late, 3, [0, 9])).toEqual(late)
    expect(deviceTotal(late)).toEqual([2 * GENERATION, 5])
    // A device that was away for long begins anew.
    expect(addDeviceWindow(late, 9 * GENERATION, [2, 2])).toEqual({
      generation: 9,
      current: [2, 2],
      previous: [0, 0],
    })
  })
})

describe('findDevices', () => {
  it('flags the broken one with its distance, and no other', () => {
    const found = findDevices(
      fleet(d => (d === 7 ? STUCK : P0), 50),
      reference,
    )
    expect(found.filter(f => f.flagged).map(f => f.thing)).toEqual(['d7'])
    const broken = found[7]!
    expect(broken.distance.estimate).toBeCloseTo(0.8, 10)
    expect(broken.distance.lower).toBeGreaterThan(0.65)
    expect(found.every(f => f.flagged || f.logE < broken.logE)).toBe(true)
  })
  it('flags nobody in a fleet whose devices differ as they always did', () => {
    const random = rng(11)
    const own = Array.from({ length: 60 }, () => {
      const tilt = 0.35 * random.normal()
      const raw = P0.map((p, b) => p * Math.exp((tilt * (b - 2)) / 1.5))
      const sum = raw.reduce((a, b) => a + b, 0)
      return raw.map(v => v / sum)
    })
    const found = findDevices(
      fleet(d => own[d]!, 60, 2_000),
      reference,
    )
    expect(found.filter(f => f.flagged)).toEqual([])
    // It is the spread of the others that keeps them quiet: alone among equals, the farthest would stand out.
    const farthest = found.toSorted((a, b) => b.distance.estimate - a.distance.estimate)[0]!
    const alone = findDevices(
      fleet(d => (d === 0 ? own[Number(farthest.thing.slice(1))]! : P0), 60, 2_000),
      reference,
    )
    expect(alone.filter(f => f.flagged).map(f => f.thing)).toEqual(['d0'])
  })
  it('takes devices without readings, and none at all', () => {
    expect(findDevices([], reference)).toEqual([])
    const silent = findDevices(
      fleet(() => P0, 5, 0),
      reference,
    )
    expect(silent.every(f => !f.flagged && Math.abs(f.logE) < 1e-12)).toBe(true)
  })
})

describe('scopeOf', () => {
  const half = (share: number, p: readonly number[]) => (d: number) => (d < share * 50 ? p : P0)
  it('a broken sensor on one of 50 devices is that device', () => {
    const scope = scopeOf(
      false,
      fleet(d => (d === 0 ? STUCK : P0), 50),
      reference,
    )
    expect(scope.kind).toBe('device')
    expect(scope.share).toBe(0.02)
    // Even if the fleet as a whole were called drifted, the rest is where it was.
    expect(
      scopeOf(
        true,
        fleet(d => (d === 0 ? STUCK : P0), 50),
        reference,
      ).kind,
    ).toBe('device')
  })
  it.each([
    ['nothing', half(0, MOVED), false, 'none'],
    ['few devices, a lot', half(0.1, STUCK), true, 'device'],
    ['many devices, a lot', half(MODEL_SHARE, STUCK), true, 'model'],
    ['all devices, a lot', half(1, MOVED), true, 'model'],
    [
      'all devices, too little for any of them',
      half(1, [0.17, 0.18, 0.2, 0.22, 0.225, 0.005]),
      true,
      'model',
    ],
  ] as const)('%s', (_name, shares, drifts, kind) => {
    expect(scopeOf(drifts, fleet(shares, 50), reference).kind).toBe(kind)
  })
})
