import type { FieldSample, Samples } from './sampler.ts'

export interface Waiting {
  readonly slot: string
  readonly bundle: string
  readonly sample: FieldSample
  /** As JSON. */
  readonly bytes: number
}
type Numbered = Waiting & { readonly number: number }

/** Samples that wait to be sent, in a bounded number of bytes. What is too much goes: the oldest hard one, else the oldest audited one. */
export interface Ring {
  /** @returns what had to go for it, which may be itself */
  add(item: Waiting): readonly Waiting[]
  /** The oldest, as far as they are of one slot and bundle and fit; null when it is empty. */
  take(maxItems: number, maxBytes: number): Samples | null
  readonly length: number
  readonly bytes: number
}

export function createRing(maxBytes: number): Ring {
  const lanes: Record<FieldSample['lane'], Numbered[]> = { audit: [], hard: [] }
  let number = 0
  let bytes = 0
  const shift = (lane: Numbered[]): Numbered => {
    const item = lane.shift()!
    bytes -= item.bytes
    return item
  }
  /** The lane whose oldest sample is the oldest of all. */
  const oldest = (): Numbered[] | undefined =>
    [lanes.audit, lanes.hard].filter(l => l.length > 0).sort((a, b) => a[0]!.number - b[0]!.number)[0]
  return {
    add(item) {
      lanes[item.sample.lane].push({ ...item, number: number++ })
      bytes += item.bytes
      const gone: Waiting[] = []
      while (bytes > maxBytes) gone.push(shift(lanes.hard.length > 0 ? lanes.hard : lanes.audit))
      return gone
    },
    take(maxItems, most) {
      const first = oldest()?.[0]
      if (first === undefined) return null
      const { slot, bundle } = first
      const samples: FieldSample[] = []
      let size = 0
      for (let lane = oldest(); lane !== undefined && samples.length < maxItems; lane = oldest()) {
        const next = lane[0]!
        if (next.slot !== slot || next.bundle !== bundle) break
        if (samples.length > 0 && size + next.bytes > most) break
        size += next.bytes
        samples.push(shift(lane).sample)
      }
      return { slot, bundle, samples }
    },
    get length() {
      return lanes.audit.length + lanes.hard.length
    },
    get bytes() {
      return bytes
    },
  }
}
