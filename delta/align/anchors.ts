/** Bytes that must be equal for a place to count as found. */
const WINDOW = 20
/** At most this many places of the base are remembered, evenly spread. */
const MAX_PLACES = 2 ** 21
const FACTOR = 0x2f0b4c47

/** An exact match: `length` bytes of the target at `target` equal those of the base at `base`. */
export interface Anchor {
  readonly target: number
  readonly base: number
  readonly length: number
}

const MULTIPLIER_OUT = (() => {
  let m = 1
  for (let i = 0; i < WINDOW; i++) m = Math.imul(m, FACTOR)
  return m
})()

const startHash = (bytes: Uint8Array, at: number): number => {
  let h = 0
  for (let i = 0; i < WINDOW; i++) h = (Math.imul(h, FACTOR) + bytes[at + i]! + 1) | 0
  return h
}
const roll = (h: number, out: number, into: number): number =>
  (Math.imul(h, FACTOR) + into + 1 - Math.imul(out + 1, MULTIPLIER_OUT)) | 0

/**
 * Exact matches from left to right, none overlapping in the target. Rolling hash of 20-byte windows into a table with
 * one place per slot: time and memory are linear whatever the bytes are. Runs of one byte are no anchors.
 */
export function findAnchors(base: Uint8Array, target: Uint8Array): Anchor[] {
  if (base.length < WINDOW || target.length < WINDOW) return []
  const places = base.length - WINDOW + 1
  const step = Math.ceil(places / MAX_PLACES)
  const bits = Math.max(8, Math.min(22, Math.ceil(Math.log2(places / step)) + 1))
  const table = new Int32Array(2 ** bits).fill(-1)
  const slotOf = (h: number): number => Math.imul(h ^ (h >>> 15), 0x2c1b3c6d) >>> (32 - bits)
  let h = startHash(base, 0)
  for (let at = 0; ; at++) {
    if (at % step === 0 && !uniform(base, at)) {
      const slot = slotOf(h)
      if (table[slot] === -1) table[slot] = at
    }
    if (at + WINDOW >= base.length) break
    h = roll(h, base[at]!, base[at + WINDOW]!)
  }
  const anchors: Anchor[] = []
  let done = 0
  let last = 0
  h = startHash(target, 0)
  for (let at = 0; at + WINDOW <= target.length; ) {
    // The diagonal of the last match first: of many equal places it is the likely one.
    const along = at + last
    let place = along >= 0 && sameWindow(base, along, target, at) && !uniform(target, at) ? along : -1
    if (place < 0) {
      const found = table[slotOf(h)]!
      if (found >= 0 && sameWindow(base, found, target, at)) place = found
    }
    if (place < 0) {
      if (at + WINDOW < target.length) h = roll(h, target[at]!, target[at + WINDOW]!)
      at++
      continue
    }
    let start = at
    while (start > done && place - (at - start) > 0 && base[place - (at - start) - 1] === target[start - 1])
      start--
    let end = at + WINDOW
    while (end < target.length && place + end - at < base.length && base[place + end - at] === target[end])
      end++
    anchors.push({ target: start, base: place - (at - start), length: end - start })
    last = place - at
    done = end
    at = end
    if (at + WINDOW <= target.length) h = startHash(target, at)
  }
  return anchors
}

function uniform(bytes: Uint8Array, at: number): boolean {
  for (let i = 1; i < WINDOW; i++) if (bytes[at + i] !== bytes[at]) return false
  return true
}
function sameWindow(base: Uint8Array, b: number, target: Uint8Array, t: number): boolean {
  if (b + WINDOW > base.length) return false
  for (let i = 0; i < WINDOW; i++) if (base[b + i] !== target[t + i]) return false
  return true
}
