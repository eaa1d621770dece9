/** What deltas are for: real updates of small real models. The full table is bench/delta/main.ts. */
import { describe, expect, it } from 'vitest'
import { createMlp, gaussian, type Mlp, trainFurther } from '../../bench/delta/mlp.ts'
import { applyDelta, makeDelta } from '../../delta/index.ts'
import { createRandom } from '../../trainer/gbdt/random.ts'
import { concat, digest, randomSource } from './support.ts'

const share = (base: Uint8Array, target: Uint8Array): number => {
  const delta = makeDelta(base, target)
  expect(Buffer.compare(applyDelta(base, delta, digest(target)), target)).toBe(0)
  return delta.length / target.length
}

const WIDTH = 64
function rows(count: number, drift: number, seed: number) {
  const shape = createRandom(1)
  const centres = Array.from({ length: 12 * WIDTH }, () => gaussian(shape))
  const moves = Array.from({ length: 12 * WIDTH }, () => gaussian(shape))
  const random = createRandom(seed)
  const labels = Uint8Array.from({ length: count }, () => Math.floor(random() * 12))
  const inputs = Float32Array.from({ length: count * WIDTH }, (_, i) => {
    const at = labels[Math.floor(i / WIDTH)]! * WIDTH + (i % WIDTH)
    return centres[at]! + drift * moves[at]! + 1.5 * gaussian(random)
  })
  return { inputs, labels: labels.map(l => l % 6) }
}

/** Frozen scales: those of the first model. */
const int8 = (model: Mlp, first: Mlp): Uint8Array =>
  concat(
    ...model.layers.map(({ weights }, l) => {
      const scale = first.layers[l]!.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127
      return new Uint8Array(Int8Array.from(weights, w => Math.round(w / scale)).buffer)
    }),
  )
const unchanged = (a: Uint8Array, b: Uint8Array): number => a.filter((v, i) => v === b[i]).length / a.length

describe('int8 weights of a trained network', () => {
  const start = createMlp([WIDTH, 160, 96, 6], 2)
  const v1 = trainFurther(start, rows(1_000, 0, 3), { optimizer: 'adam', rate: 2e-3, epochs: 3, seed: 4 })
  const base = int8(v1, v1)
  const after = rows(1_000, 0.4, 5)
  it('light: at most 4 % of the full bytes', () => {
    const target = int8(trainFurther(v1, after, { optimizer: 'sgd', rate: 7e-4, epochs: 2, seed: 6 }), v1)
    expect(unchanged(base, target)).toBeLessThan(0.985)
    expect(unchanged(base, target)).toBeGreaterThan(0.965)
    expect(share(base, target)).toBeLessThan(0.04)
  })
  it('heavy: at most 21 %', () => {
    const target = int8(trainFurther(v1, after, { optimizer: 'adam', rate: 1e-4, epochs: 2, seed: 7 }), v1)
    expect(unchanged(base, target)).toBeLessThan(0.75)
    expect(unchanged(base, target)).toBeGreaterThan(0.65)
    expect(share(base, target)).toBeLessThan(0.21)
  })
})

describe('structure', () => {
  const random = randomSource(8)
  const base = random.bytes(60_000)
  it('what is equal costs next to nothing, whatever was put in front of it', () => {
    expect(share(base, base)).toBeLessThan(0.003)
    expect(share(base, concat(random.bytes(60), base))).toBeLessThan(0.005)
    expect(share(base, concat(base.subarray(30_000), base.subarray(0, 30_000)))).toBeLessThan(0.004)
  })
  it('one number added to every address of a table is one number', () => {
    const table = (shift: number): Uint8Array => {
      const bytes = base.slice(0, 36_000)
      const view = new DataView(bytes.buffer)
      for (let at = 8; at + 4 <= bytes.length; at += 12)
        view.setUint32(at, at % 24 === 8 ? 0x10_000 + at * 7 + shift : 0, true)
      return bytes
    }
    expect(share(table(0), table(8))).toBeLessThan(0.03)
  })
  it('noise against noise is stored', () => {
    expect(share(base.subarray(0, 20_000), random.bytes(20_000))).toBeLessThan(1.006)
  })
})
