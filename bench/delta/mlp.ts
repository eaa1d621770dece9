import { createRandom, type Random } from '../../trainer/gbdt/random.ts'

/** Inputs row-major, and the class of each row. */
export interface Rows {
  readonly inputs: Float32Array
  readonly labels: Uint8Array
}
interface Layer {
  readonly from: number
  readonly to: number
  /** Row-major, `to` rows of `from`. */
  readonly weights: Float32Array
  readonly bias: Float32Array
}
export interface Mlp {
  readonly layers: readonly Layer[]
}
export interface Training {
  readonly optimizer: 'adam' | 'sgd'
  readonly rate: number
  readonly epochs: number
  readonly seed: number
  /** Trains the last layer only. */
  readonly lastOnly?: true
}

const BATCH = 32

export const gaussian = (random: Random): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())

/** He initialisation. */
export function createMlp(sizes: readonly number[], seed: number): Mlp {
  const random = createRandom(seed)
  const layers = sizes.slice(1).map((to, i) => {
    const from = sizes[i]!
    const scale = Math.sqrt(2 / from)
    return {
      from,
      to,
      weights: Float32Array.from({ length: from * to }, () => scale * gaussian(random)),
      bias: new Float32Array(to),
    }
  })
  return { layers }
}

function forward(layer: Layer, input: Float32Array, relu: boolean): Float32Array {
  const { from, to, weights, bias } = layer
  const out = new Float32Array(to)
  for (let o = 0; o < to; o++) {
    let sum = bias[o]!
    for (let i = 0, w = o * from; i < from; i++, w++) sum += weights[w]! * input[i]!
    out[o] = relu && sum < 0 ? 0 : sum
  }
  return out
}

function activations(mlp: Mlp, input: Float32Array): Float32Array[] {
  const all = [input]
  mlp.layers.forEach((layer, l) => {
    all.push(forward(layer, all[l]!, l + 1 < mlp.layers.length))
  })
  return all
}

/** Share of rows whose largest output is their class. */
export function accuracy(mlp: Mlp, { inputs, labels }: Rows): number {
  const width = mlp.layers[0]!.from
  let right = 0
  labels.forEach((label, r) => {
    const out = activations(mlp, inputs.subarray(r * width, (r + 1) * width)).at(-1)!
    if (out.indexOf(Math.max(...out)) === label) right++
  })
  return right / labels.length
}

/** A copy of the model, trained further on `rows` with softmax cross-entropy in batches of 32. */
export function trainFurther(start: Mlp, rows: Rows, training: Training): Mlp {
  const layers = start.layers.map(l => ({ ...l, weights: l.weights.slice(), bias: l.bias.slice() }))
  const mlp = { layers }
  const random = createRandom(training.seed)
  const width = layers[0]!.from
  const first = training.lastOnly ? layers.length - 1 : 0
  const gradients = layers.map(l => ({
    weights: new Float32Array(l.weights.length),
    bias: new Float32Array(l.bias.length),
  }))
  const steps = layers.map(l => ({
    weights: createStep(training, l.weights.length),
    bias: createStep(training, l.bias.length),
  }))
  const count = rows.labels.length
  for (let batch = 0; batch < (training.epochs * count) / BATCH; batch++) {
    for (let b = 0; b < BATCH; b++) {
      const r = Math.floor(random() * count)
      backward(mlp, rows.inputs.subarray(r * width, (r + 1) * width), rows.labels[r]!, gradients, first)
    }
    for (let l = first; l < layers.length; l++) {
      steps[l]!.weights(layers[l]!.weights, gradients[l]!.weights)
      steps[l]!.bias(layers[l]!.bias, gradients[l]!.bias)
    }
  }
  return mlp
}

type Gradients = readonly { readonly weights: Float32Array; readonly bias: Float32Array }[]

/** Adds one row's gradients of the layers from `first` on. */
function backward(mlp: Mlp, input: Float32Array, label: number, into: Gradients, first: number): void {
  const all = activations(mlp, input)
  const out = all.at(-1)!
  const top = Math.max(...out)
  const exp = out.map(v => Math.exp(v - top))
  const sum = exp.reduce((a, v) => a + v, 0)
  let error = exp.map((v, o) => v / sum - (o === label ? 1 : 0))
  for (let l = mlp.layers.length - 1; l >= first; l--) {
    const { from, to, weights } = mlp.layers[l]!
    const below = all[l]!
    const gradient = into[l]!
    const next = new Float32Array(from)
    for (let o = 0; o < to; o++) {
      const e = error[o]!
      if (e === 0) continue
      gradient.bias[o] = gradient.bias[o]! + e
      for (let i = 0, w = o * from; i < from; i++, w++) {
        gradient.weights[w] = gradient.weights[w]! + e * below[i]!
        next[i] = next[i]! + e * weights[w]!
      }
    }
    error = next.map((v, i) => (below[i]! > 0 ? v : 0))
  }
}

/** Applies summed gradients of a batch and clears them. Adam: Kingma and Ba 2015, with their constants. */
function createStep({ optimizer, rate }: Training, size: number) {
  if (optimizer === 'sgd')
    return (values: Float32Array, gradient: Float32Array): void => {
      for (let i = 0; i < size; i++) values[i] = values[i]! - (rate * gradient[i]!) / BATCH
      gradient.fill(0)
    }
  const mean = new Float32Array(size)
  const square = new Float32Array(size)
  let t = 0
  return (values: Float32Array, gradient: Float32Array): void => {
    t++
    const [c1, c2] = [1 - 0.9 ** t, 1 - 0.999 ** t]
    for (let i = 0; i < size; i++) {
      const g = gradient[i]! / BATCH
      const m = 0.9 * mean[i]! + 0.1 * g
      const v = 0.999 * square[i]! + 0.001 * g * g
      mean[i] = m
      square[i] = v
      values[i] = values[i]! - (rate * (m / c1)) / (Math.sqrt(v / c2) + 1e-8)
    }
    gradient.fill(0)
  }
}
