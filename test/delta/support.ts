import { createHash } from 'node:crypto'
import type { Digest } from '../../delta/index.ts'

export const digest = (bytes: Uint8Array): Digest => ({
  sha256: createHash('sha256').update(bytes).digest('hex'),
  length: bytes.length,
})

/** A seeded source of whole numbers in [0, n). */
export function randomSource(seed: number) {
  let state = seed >>> 0 || 1
  const next = (): number => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return state >>> 0
  }
  const below = (n: number): number => Math.floor((next() / 2 ** 32) * n)
  return {
    below,
    unit: (): number => next() / 2 ** 32,
    bytes: (n: number): Uint8Array => Uint8Array.from({ length: n }, () => below(256)),
  }
}
export type RandomSource = ReturnType<typeof randomSource>

export const concat = (...parts: readonly Uint8Array[]): Uint8Array => new Uint8Array(Buffer.concat(parts))

const floats = (values: readonly number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer)

/** Bytes that look like something: noise, text, a float table, zeros, code that repeats itself. */
export function content(random: RandomSource, length: number): Uint8Array {
  const kinds = [
    () => random.bytes(length),
    () => Buffer.from(Array.from({ length }, () => 'abcdef 0123456789{}[],:"'[random.below(24)]).join('')),
    () => floats(Array.from({ length: Math.ceil(length / 4) }, () => random.unit() - 0.5)),
    () => new Uint8Array(length),
    () =>
      Uint8Array.from({ length }, (_, i) => [0x20, 0, 0x2a, 2, 4, 0x43, random.below(9), 1, 0x60][i % 9]!),
  ]
  return new Uint8Array(kinds[random.below(kinds.length)]!().subarray(0, length))
}

/** One edit of the kinds that updates are made of. */
export function edit(random: RandomSource, bytes: Uint8Array): Uint8Array {
  const at = random.below(bytes.length + 1)
  const some = random.below(Math.max(1, bytes.length - at))
  const rest = bytes.subarray(at)
  const kinds: (() => Uint8Array)[] = [
    () => concat(bytes.subarray(0, at), content(random, random.below(600)), rest),
    () => concat(bytes.subarray(0, at), bytes.subarray(at + some)),
    () => concat(rest, bytes.subarray(0, at)),
    () => concat(bytes, bytes.subarray(at, at + some)),
    () => bytes.map(b => (random.below(40) === 0 ? random.below(256) : b)),
    () => bytes.map(b => (random.below(4) === 0 ? b + random.below(3) - 1 : b)),
    () => drift(random, bytes, 2, n => n + random.below(7) - 3),
    () => drift(random, bytes, 4, n => n + random.below(90_000) - 45_000),
    () => drift(random, bytes, 8, n => n + random.below(5)),
  ]
  return kinds[random.below(kinds.length)]!()
}

/** Every number of so many bytes, moved; the phase is at random. */
function drift(
  random: RandomSource,
  bytes: Uint8Array,
  width: 2 | 4 | 8,
  move: (n: number) => number,
): Uint8Array {
  const out = bytes.slice()
  const view = new DataView(out.buffer)
  for (let at = random.below(width); at + width <= out.length; at += width) {
    if (width === 2) view.setUint16(at, move(view.getUint16(at, true)), true)
    else if (width === 4) view.setUint32(at, move(view.getUint32(at, true)), true)
    else view.setBigUint64(at, view.getBigUint64(at, true) + BigInt(move(0)), true)
  }
  return out
}
