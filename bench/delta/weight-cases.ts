import { packageArchive } from '../../src/domain/package/archive.ts'
import { createRandom } from '../../trainer/gbdt/random.ts'
import type { UpdateCase } from './cases.ts'
import { accuracy, createMlp, gaussian, type Mlp, type Rows, type Training, trainFurther } from './mlp.ts'

export const WEIGHT_SEED = 20_260
const SIZES = [128, 384, 192, 10]
const TRAIN_ROWS = 4_000
const TEST_ROWS = 1_000

/** Ten classes of three clusters each, seen through noise; `drift` moves every cluster a little, always the same way. */
function makeRows(count: number, drift: number, seed: number): Rows {
  const width = SIZES[0]!
  const shape = createRandom(WEIGHT_SEED)
  const centres = Array.from({ length: 30 }, () =>
    Float32Array.from({ length: width }, () => gaussian(shape)),
  )
  const moves = Array.from({ length: 30 }, () => Float32Array.from({ length: width }, () => gaussian(shape)))
  const random = createRandom(seed)
  const inputs = new Float32Array(count * width)
  const labels = new Uint8Array(count)
  for (let r = 0; r < count; r++) {
    const c = Math.floor(random() * centres.length)
    labels[r] = c % 10
    for (let i = 0; i < width; i++)
      inputs[r * width + i] = centres[c]![i]! + drift * moves[c]![i]! + 2.2 * gaussian(random)
  }
  return { inputs, labels }
}

/** Symmetric, one scale per layer, taken from `reference`: frozen scales across releases. */
function int8(mlp: Mlp, reference: Mlp): Uint8Array {
  const parts = mlp.layers.flatMap((layer, l) => {
    const scale = reference.layers[l]!.weights.reduce((most, w) => Math.max(most, Math.abs(w)), 0) / 127
    const q = Int8Array.from(layer.weights, w => Math.max(-127, Math.min(127, Math.round(w / scale))))
    return [Buffer.from(q.buffer), floats(layer.bias), floats(Float32Array.of(scale))]
  })
  return Buffer.concat(parts)
}
const floats = (values: Float32Array): Uint8Array =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength)
const fp32 = (mlp: Mlp): Uint8Array =>
  Buffer.concat(mlp.layers.flatMap(l => [floats(l.weights), floats(l.bias)]))

/** The update of `to` where it is among the largest `share` per layer, and `from` everywhere else. */
function sparse(from: Mlp, to: Mlp, share: number): Mlp {
  return {
    layers: to.layers.map((layer, l) => {
      const old = from.layers[l]!
      const sizes = layer.weights.map((w, i) => Math.abs(w - old.weights[i]!)).sort()
      const threshold = sizes[Math.floor((1 - share) * sizes.length)]!
      const weights = old.weights.map((w, i) => {
        const now = layer.weights[i]!
        return Math.abs(now - w) > threshold ? now : w
      })
      return { ...old, weights }
    }),
  }
}

const archive = (version: number, weights: Uint8Array): Uint8Array =>
  packageArchive([
    { name: 'contract.json', bytes: Buffer.from(`{"model":"mlp","version":${version}}\n`) },
    { name: 'model.bin', bytes: weights },
  ])

/** Updates of a trained network, as int8 and as f32; `unchanged` is the share of equal int8 weights. */
export function weightCases(): UpdateCase[] {
  const before = makeRows(TRAIN_ROWS, 0, 1)
  const after = makeRows(TRAIN_ROWS, 0.35, 2)
  const test = makeRows(TEST_ROWS, 0.35, 3)
  const v1 = trainFurther(createMlp(SIZES, 4), before, { optimizer: 'adam', rate: 1e-3, epochs: 6, seed: 5 })
  const go = (training: Training): Mlp => trainFurther(v1, after, training)
  const heaviest = go({ optimizer: 'adam', rate: 2e-4, epochs: 3, seed: 6 })
  const updates: readonly (readonly [string, Mlp])[] = [
    ['all layers, SGD (light)', go({ optimizer: 'sgd', rate: 1.5e-4, epochs: 2, seed: 7 })],
    ['all layers, Adam (heavy)', go({ optimizer: 'adam', rate: 4e-5, epochs: 2, seed: 6 })],
    ['all layers, Adam, rate x 5', heaviest],
    ['top 1 % of the weights', sparse(v1, heaviest, 0.01)],
    ['last layer only', go({ optimizer: 'adam', rate: 2e-4, epochs: 2, seed: 8, lastOnly: true })],
    [
      'trained from scratch',
      trainFurther(createMlp(SIZES, 9), after, { optimizer: 'adam', rate: 1e-3, epochs: 6, seed: 10 }),
    ],
  ]
  const old = int8(v1, v1)
  const start = accuracy(v1, test)
  return updates.flatMap(([kind, v2]): UpdateCase[] => {
    const now = int8(v2, v1)
    const unchanged = now.filter((b, i) => b === old[i]).length / now.length
    const scores = { accuracy: { before: start, after: accuracy(v2, test) }, unchanged }
    return [
      { group: 'MLP int8', kind, base: archive(1, old), target: archive(2, now), ...scores },
      { group: 'MLP f32', kind, base: archive(1, fp32(v1)), target: archive(2, fp32(v2)), ...scores },
    ]
  })
}
