import type { Span } from '../coder/shape.ts'
import { type Anchor, findAnchors } from './anchors.ts'
import { tarRegions } from './tar.ts'

/** Most diagonals that are weighed against each other in one block. */
const MAX_DIAGONALS = 12
/** Rough costs in bits: a byte that equals the base, a byte without a base, another diagonal. */
const EQUAL = 0.05
const LITERAL = 5.5
const SWITCH = 40
/** A run of equal bytes from here on is copied without being looked at: time saved for two bytes of plan. */
const COPY_RUN = 1_024

/** A byte at most this far from the base's is near to it: a number that has moved a little. */
const NEAR = 8
/**
 * What a byte that differs from the base costs. `exact`: more than one without a base, as in code and text, where
 * bytes at the wrong place are worth nothing. `drifted`: less, as in numbers that have all moved.
 */
const DIFFERENT = { exact: { near: 7, far: 7 }, drifted: { near: 3, far: 5 } } as const
export type Alignment = keyof typeof DIFFERENT

export interface Aligner {
  /** The cheapest way to explain the bytes of one block by the base. */
  spans(offset: number, length: number, alignment: Alignment): Span[]
}

/** Where each byte of the target probably comes from: same-named files first, then contents found elsewhere. */
export function createAligner(base: Uint8Array, target: Uint8Array): Aligner {
  const anchors = findAnchors(base, target)
  const before = new Map(tarRegions(base).map(region => [region.name, region]))
  const files = tarRegions(target).flatMap(region => {
    const old = before.get(region.name)
    if (old === undefined) return []
    const start = old.offset - region.offset
    return [{ ...region, diagonals: [start, start + old.length - region.length] }]
  })
  let previous = 0

  const candidates = (offset: number, length: number): number[] => {
    const weight = new Map<number, number>()
    for (const anchor of within(anchors, offset, length)) {
      const d = anchor.base - anchor.target
      const end = Math.min(anchor.target + anchor.length, offset + length)
      weight.set(d, (weight.get(d) ?? 0) + end - Math.max(anchor.target, offset))
    }
    const found = [...weight].sort((a, b) => b[1] - a[1]).map(([d]) => d)
    const named = files
      .filter(f => f.offset < offset + length && f.offset + f.length > offset)
      .flatMap(f => f.diagonals)
    return [...new Set([previous, 0, ...named, ...found])].slice(0, MAX_DIAGONALS)
  }

  return {
    spans(offset, length, alignment) {
      const diagonals = candidates(offset, length)
      const states = cheapestPath(base, target, offset, length, diagonals, DIFFERENT[alignment])
      const spans: Span[] = []
      for (let from = 0; from < length; ) {
        const state = states[from]!
        let to = from + 1
        while (to < length && states[to] === state) to++
        const diagonal = diagonals[state]
        if (diagonal === undefined) spans.push({ kind: 'literal', length: to - from, offset: 0 })
        else {
          spans.push(...withCopies(base, target, offset + from, offset + to, diagonal))
          previous = diagonal
        }
        from = to
      }
      return spans
    },
  }
}

/** Those that touch the block; anchors are sorted by where they start in the target. */
function within(anchors: readonly Anchor[], offset: number, length: number): Anchor[] {
  let low = 0
  let high = anchors.length
  while (low < high) {
    const middle = (low + high) >> 1
    const { target, length: n } = anchors[middle]!
    if (target + n <= offset) low = middle + 1
    else high = middle
  }
  const found: Anchor[] = []
  for (let i = low; i < anchors.length && anchors[i]!.target < offset + length; i++) found.push(anchors[i]!)
  return found
}

/** Viterbi over the diagonals and, as the last state, no base at all. */
function cheapestPath(
  base: Uint8Array,
  target: Uint8Array,
  offset: number,
  length: number,
  diagonals: readonly number[],
  { near, far }: (typeof DIFFERENT)[Alignment],
): Uint8Array {
  const count = diagonals.length + 1
  const literal = count - 1
  const cost = new Float64Array(count)
  for (let s = 0; s < count; s++) cost[s] = s === 0 || s === literal ? 0 : SWITCH
  /** Per byte and state: 1 if the path came here by a switch from the cheapest state before. */
  const switched = new Uint8Array(length * count)
  const cheapest = new Uint8Array(length)
  for (let i = 0; i < length; i++) {
    let best = 0
    for (let s = 1; s < count; s++) if (cost[s]! < cost[best]!) best = s
    cheapest[i] = best
    const entry = cost[best]! + SWITCH
    const byte = target[offset + i]!
    for (let s = 0; s < count; s++) {
      if (cost[s]! > entry) {
        cost[s] = entry
        switched[i * count + s] = 1
      }
      if (s === literal) cost[s] = cost[s]! + LITERAL
      else {
        const known = base[offset + i + diagonals[s]!]
        // Outside the base there is no such byte.
        let price = 1e9
        if (known === byte) price = EQUAL
        else if (known !== undefined) price = ((byte - known + NEAR) & 0xf0) === 0 ? near : far
        cost[s] = cost[s]! + price
      }
    }
  }
  const states = new Uint8Array(length)
  let state = 0
  for (let s = 1; s < count; s++) if (cost[s]! < cost[state]!) state = s
  for (let i = length - 1; i >= 0; i--) {
    states[i] = state
    if (switched[i * count + state] === 1) state = cheapest[i]!
  }
  return states
}

function withCopies(
  base: Uint8Array,
  target: Uint8Array,
  from: number,
  to: number,
  diagonal: number,
): Span[] {
  const spans: Span[] = []
  let start = from
  const flush = (end: number): void => {
    if (end > start) spans.push({ kind: 'residual', length: end - start, offset: start + diagonal })
  }
  for (let at = from; at < to; ) {
    let end = at
    while (end < to && base[end + diagonal] === target[end]) end++
    if (end - at >= COPY_RUN) {
      flush(at)
      spans.push({ kind: 'copy', length: end - at, offset: at + diagonal })
      start = end
    }
    at = end + 1
  }
  flush(to)
  return spans
}
