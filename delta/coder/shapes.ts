import { bitLength, residual, type Wide, type Width } from './numbers.ts'
import type { Shape, Span } from './shape.ts'

const WIDTHS: readonly Width[] = [1, 2, 4, 8]
/** WebAssembly's `f32.const`: the immediate behind it is a little-endian f32. */
const F32_CONST = 0x43
/** It is looked for where it is more than one byte in so many. */
const RARE = 100
const MAX_STRIDE = 2_048
/** Differences that are looked at for a stride; more of them say the same. */
const SAMPLE = 1_500
/** A lag counts as a stride when it is this many times as common as an average one. */
const STRIKING = 1.5

/** Bytes as they are: the reading of a block without numbers. */
export const NO_SHAPE: Shape = { kind: 'bytes', width: 1, phase: 0, marker: -1, stride: 0 }

/**
 * The readings of a block that are worth a try. Of the number formats the best two by a rough count of bits: order-0
 * entropy of the residuals' bit lengths, and the bits themselves.
 */
export function likelyShapes(spans: readonly Span[], prediction: Uint8Array, target: Uint8Array): Shape[] {
  const marks = target.reduce((n, byte) => n + (byte === F32_CONST ? 1 : 0), 0)
  const marked = marks * RARE > target.length ? [{ ...NO_SHAPE, marker: F32_CONST }] : []
  if (spans.every(span => span.kind !== 'residual')) return [NO_SHAPE, ...marked]
  const numeric: { readonly shape: Shape; readonly bits: number }[] = []
  for (const width of WIDTHS)
    for (let phase = 0; phase < width; phase++) {
      const bits = roughBits(spans, prediction, target, width, phase)
      numeric.push({ shape: { kind: 'numbers', width, phase, marker: -1, stride: 0 }, bits })
    }
  numeric.sort((a, b) => a.bits - b.bits)
  const shapes = [NO_SHAPE, ...marked, ...numeric.slice(0, 2).map(n => n.shape)]
  const stride = findStride(spans, prediction, target)
  return stride === 0 ? shapes : shapes.flatMap(shape => [shape, { ...shape, stride }])
}

function roughBits(
  spans: readonly Span[],
  prediction: Uint8Array,
  target: Uint8Array,
  width: Width,
  phase: number,
): number {
  const counts = new Float64Array(65)
  const value: Wide = { low: 0, high: 0 }
  let total = 0
  let bits = 0
  let start = 0
  for (const { kind, length } of spans) {
    const end = start + length
    if (kind === 'residual') {
      for (let at = start + ((((phase - start) % width) + width) % width); at + width <= end; at += width) {
        residual(target, prediction, at, width, value)
        const n = bitLength(value)
        counts[n] = counts[n]! + 1
        total++
        if (n > 1) bits += n - 1
      }
    }
    start = end
  }
  for (const n of counts) if (n > 0) bits += n * Math.log2(total / n)
  return bits
}

/** The lag at which differing bytes most often differ again, if it stands out: a matrix row, a table's entry. */
function findStride(spans: readonly Span[], prediction: Uint8Array, target: Uint8Array): number {
  const places: number[] = []
  let start = 0
  for (const { kind, length } of spans) {
    if (kind === 'residual')
      for (let at = start; at < start + length; at++) if (prediction[at] !== target[at]) places.push(at)
    start += length
  }
  const lags = new Float64Array(MAX_STRIDE + 1)
  const every = Math.max(1, Math.floor(places.length / SAMPLE))
  let pairs = 0
  for (let i = 0; i < places.length; i += every)
    for (let j = i + 1; j < places.length; j++) {
      const lag = places[j]! - places[i]!
      if (lag > MAX_STRIDE) break
      lags[lag] = lags[lag]! + 1
      pairs++
    }
  let best = 0
  for (let lag = 2; lag <= MAX_STRIDE; lag++) if (lags[lag]! > lags[best]!) best = lag
  return lags[best]! > 20 && lags[best]! > (STRIKING * pairs) / MAX_STRIDE ? best : 0
}
