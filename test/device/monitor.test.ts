import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decide, eventIdPrefix } from '../../device/infer.ts'
import { binOf, count, emptyCounts, latencyBucket } from '../../device/monitor/counts.ts'
import { createWindows, fitMessage, type Metrics } from '../../device/monitor/window.ts'
import { placement } from '../../device/placement.ts'
import { fieldSample } from '../../src/contracts/mqtt.ts'
import { manualClock, THING, testDevice } from './cloud.ts'
import { baselineOf, makePackage, sha256, slotOf } from './helpers.ts'

const value = fc.oneof(
  fc.constant(null),
  fc.double({ noDefaultInfinity: false }),
  fc.constantFrom(0.25, 0.5, 0.75, 5, 10, -0),
)

describe('counting', () => {
  it('equals brute force over any rows', () => {
    const baseline = baselineOf()
    void fc.assert(
      fc.property(fc.array(fc.tuple(value, value, fc.double({ min: 0, max: 1, noNaN: true }))), rows => {
        const counts = emptyCounts(baseline)
        for (const [a, b, score] of rows)
          count(counts, baseline, name => (name === 'a' ? a : b), score, 0.5, 10)
        const brute = (edges: readonly number[], values: readonly (number | null)[]) => {
          const bounds = [Number.NEGATIVE_INFINITY, ...edges, Number.POSITIVE_INFINITY]
          const present = values.filter(v => v !== null && Number.isFinite(v)) as number[]
          const inBins = bounds
            .slice(1)
            .map((upper, i) => present.filter(v => v >= bounds[i]! && v < upper).length)
          return [...inBins, values.length - present.length]
        }
        expect(counts.inferences).toBe(rows.length)
        expect(counts.features['a']).toEqual(
          brute(
            baseline.features[0]!.edges,
            rows.map(r => r[0]),
          ),
        )
        expect(counts.features['b']).toEqual(
          brute(
            baseline.features[1]!.edges,
            rows.map(r => r[1]),
          ),
        )
        expect(counts.prediction).toEqual(
          brute(
            baseline.prediction.edges,
            rows.map(r => r[2]),
          ),
        )
      }),
    )
  })

  it('puts a value on an edge into the bin above it', () => {
    expect([-1, 0, 0.5, 1, 2].map(v => binOf([0, 1], v))).toEqual([0, 1, 1, 2, 2])
  })

  it('buckets latency by quarter powers of two', () => {
    expect([0, 0.5, 1, 2, 1_024, 1e300].map(latencyBucket)).toEqual([0, 0, 0, 4, 40, 999])
  })
})

describe('windows', () => {
  const windowsOf = () => {
    const clock = manualClock()
    const sent: Metrics[] = []
    const windows = createWindows({
      slot: 'quality',
      bundle: sha256('b'),
      baseline: baselineOf(),
      windowSeconds: 60,
      clock,
      random: () => 0.5,
      send: body => sent.push(body),
      takeResets: () => 0,
    })
    return { clock, sent, record: (at: number) => windows.record(at, () => 1, 0.5, 0.5, 10), windows }
  }

  it('close when the next inference falls into another one, or by their timer', async () => {
    const { clock, sent, record } = windowsOf()
    const start = clock.now()
    record(start)
    record(start + 59_999)
    expect(sent).toHaveLength(0)
    record(start + 60_000)
    expect(sent.map(w => [w.window, w.inferences])).toEqual([[start / 60_000, 2]])
    await clock.advance(61_000)
    expect(sent).toHaveLength(1)
    await clock.advance(70_000)
    expect(sent.map(w => w.inferences)).toEqual([2, 1])
    expect(clock.pending()).toBe(0)
  })

  it('count each inference once, whatever the clock does', () => {
    void fc.assert(
      fc.property(fc.array(fc.nat(1_000_000)), times => {
        const { sent, record, windows } = windowsOf()
        for (const at of times) record(at)
        windows.flush()
        windows.flush()
        expect(sent.reduce((sum, w) => sum + w.inferences, 0)).toBe(times.length)
        for (const w of sent) expect(times.some(at => Math.floor(at / 60_000) === w.window)).toBe(true)
      }),
    )
  })

  it('fit one message, with the features that have room, each complete', () => {
    const names = Array.from({ length: 256 }, (_, i) => `feature_${i}`)
    const body: Metrics = {
      slot: 'quality',
      bundle: sha256('b'),
      window: 1,
      inferences: 1_000_000,
      features: Object.fromEntries(names.map(name => [name, new Array<number>(22).fill(123_456)])),
      prediction: new Array<number>(22).fill(1),
      latency: { '20': 1_000_000 },
      confidence: 9_000_000_000,
      errors: 0,
      resets: 0,
      historical: false,
    }
    const seen = new Set<string>()
    for (let i = 0; i < 64; i++) {
      const fitted = fitMessage(body, () => i / 64)
      expect(JSON.stringify(fitted).length).toBeLessThan(4_700)
      expect(fitted.inferences).toBe(1_000_000)
      for (const [name, counts] of Object.entries(fitted.features)) {
        seen.add(name)
        expect(counts).toEqual(body.features[name])
      }
    }
    expect(seen.size).toBe(256)
    expect(fitMessage({ ...body, features: {} }, () => 0).features).toEqual({})
  })
})

describe('inference', () => {
  const running = async (contract: NonNullable<Parameters<typeof makePackage>[0]>['contract'] = {}) => {
    const pkg = makePackage({ contract })
    const d = testDevice()
    d.cloud.hold(pkg)
    await d.cloud.up()
    await d.cloud.publish(1, [slotOf({ committed: pkg.release })])
    return d
  }

  it('answers, counts and samples the same rows', async () => {
    const d = await running({ sampling: { policy: 'p', audit: 1 } })
    const answers = [
      [0.1, 3],
      [0.9, null],
      [null, 20],
    ].map(row => d.device.infer('quality', row))
    d.device.flush()
    await d.clock.advance(10)
    const [metrics] = d.cloud.of('metrics')
    expect(metrics!.body).toMatchObject({
      inferences: 3,
      features: { a: [1, 0, 0, 1, 1], b: [1, 0, 1, 1] },
      historical: false,
    })
    const [samples] = d.cloud.of('samples')
    expect(samples!.body.samples.map(s => s.eventId)).toEqual(answers.map(a => a.eventId))
    expect(samples!.body.samples[1]).toMatchObject({ lane: 'audit', pi: 1, row: [0.9, null], prediction: 1 })
    expect(answers.map(a => a.missing)).toEqual([[], [], ['a']])
    const [first] = answers
    expect(first!.probabilities[1]).toBeCloseTo(1 / (1 + Math.exp(-first!.margins[0]!)), 15)
    expect(first!.prediction).toBe(first!.probabilities[1]! >= 0.5 ? 1 : 0)
  })

  it('batches samples by number and by time', async () => {
    const d = await running({ sampling: { policy: 'p', audit: 1 } })
    for (let i = 0; i < 450; i++) d.device.infer('quality', [0.1, i])
    await d.clock.advance(1)
    expect(d.cloud.of('samples').map(m => m.body.samples.length)).toEqual([200, 200])
    await d.clock.advance(6_000)
    expect(d.cloud.of('samples').map(m => m.body.samples.length)).toEqual([200, 200, 50])
  })

  it('closes the window of the old model when another takes over', async () => {
    const d = await running()
    d.device.infer('quality', [0.1, 3])
    const two = makePackage({ version: 2, lift: 0.5 })
    d.cloud.hold(two)
    await d.cloud.publish(2, [slotOf({ committed: two.release })])
    d.device.infer('quality', [0.1, 3])
    d.device.flush()
    await d.clock.advance(1)
    expect(
      d.cloud.of('metrics').map(m => [m.body.bundle === two.release.bundle.sha256, m.body.inferences]),
    ).toEqual([
      [false, 1],
      [true, 1],
    ])
  })

  it('says what is wrong with a row, a slot or a device without a model', async () => {
    const d = await running()
    expect(() => d.device.infer('quality', [1])).toThrow('must have 2 values: a, b')
    expect(() => d.device.infer('quality', [1, 'x' as unknown as number])).toThrow(
      'b must be a number or null',
    )
    expect(() => d.device.infer('other', [1, 2])).toThrow('no slot other')
    expect(() => testDevice().device.infer('quality', [1, 2])).toThrow('no model is installed')
  })

  it('survives values that JSON cannot carry', async () => {
    const d = await running({ sampling: { policy: 'p', audit: 1 } })
    for (const bad of [Number.NaN, Infinity, -Infinity, 1e300]) d.device.infer('quality', [bad, 1])
    d.device.flush()
    await d.clock.advance(1)
    expect(d.cloud.of('metrics')[0]!.body.features['a']).toEqual([0, 0, 0, 1, 3])
    expect(d.cloud.of('samples')[0]!.body.samples.map(s => s.row[0])).toEqual([null, 1e300])
  })

  it('decides by threshold, by the largest margin, or by the value', () => {
    expect(decide({ task: 'binary', threshold: 0.5 }, [0])).toEqual({
      prediction: 1,
      score: 0.5,
      probabilities: [0.5, 0.5],
    })
    const multi = decide({ task: 'multiclass', threshold: 0.5 }, [1_000, 1_001, -1_000])
    expect([multi.prediction, multi.score]).toEqual([1, 1])
    expect(multi.probabilities.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 12)
    expect(decide({ task: 'regression', threshold: 0 }, [3.5])).toEqual({
      prediction: 3.5,
      score: 3.5,
      probabilities: [],
    })
  })

  it('makes event ids that the contract takes for every thing name', () => {
    void fc.assert(
      fc.property(fc.stringMatching(/^[a-zA-Z0-9:_-]{1,128}$/), thing => {
        const id = `${eventIdPrefix(thing, 1_800_000_000_000)}${Number.MAX_SAFE_INTEGER.toString(36)}`
        expect(fieldSample.shape.eventId.safeParse(id).success).toBe(true)
      }),
    )
    expect(eventIdPrefix('a:b', 1)).not.toBe(eventIdPrefix('a_b', 1))
  })
})

describe('placement', () => {
  it('is the first 53 bits of SHA-256(seed ‖ 0 ‖ thing)', () => {
    const digest = sha256('seed\0cam-1')
    expect(placement('seed', THING)).toBe(Number(BigInt(`0x${digest.slice(0, 16)}`) >> 11n) / 2 ** 53)
    expect(placement('ab', 'c')).not.toBe(placement('a', 'bc'))
  })
  it('is spread evenly', () => {
    const places = Array.from({ length: 10_000 }, (_, i) => placement('seed', `thing-${i}`))
    for (const share of [0.01, 0.1, 0.5, 0.9])
      expect(Math.abs(places.filter(u => u < share).length / 10_000 - share)).toBeLessThan(0.02)
  })
})
