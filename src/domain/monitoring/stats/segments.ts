import { addClustering, type Clustering, clusteringOf } from './clustering.ts'
import { addCounts, type Counts, total } from './counts.ts'
import type { Reference } from './reference.ts'

/** One window of one quantity, or some that follow each other: everything that is kept of them. */
export interface Segment {
  /** Numbers of the first and the last window. */
  readonly from: number
  readonly to: number
  /** Windows in it. */
  readonly windows: number
  /** 1 + windows seen before its first. */
  readonly ordinal: number
  readonly counts: Counts
  /** See `Sizes`. */
  readonly norm: number
  readonly clustering: Clustering
}

/** Segments of one length before two of them merge into one of twice the length. */
const PER_LENGTH = 3
/** Longest segment, in windows: with hourly windows, the oldest start lies between 63 and 105 days back. */
const LONGEST = 512
/** At most this many segments are kept. */
export const MAX_SEGMENTS = PER_LENGTH * (Math.log2(LONGEST) + 1)

/** Devices in one row of counts each; rows of devices without readings do not matter. */
export function segmentOf(window: number, devices: readonly Counts[], reference: Reference): Segment {
  const bins = reference.p0.length
  const wrong = devices.find(d => d.length !== bins)
  if (wrong) throw new RangeError(`counts must have the reference's ${bins} bins; got ${wrong.length}`)
  const counts = devices.reduce<number[]>(addCounts, new Array<number>(bins).fill(0))
  const norm = Math.sqrt(devices.reduce((sum, d) => sum + total(d) ** 2, 0))
  const clustering = clusteringOf(devices, reference.contrasts)
  return { from: window, to: window, windows: 1, ordinal: 1, counts, norm, clustering }
}

/** Both together; order and grouping do not matter. */
export const mergeSegments = (a: Segment, b: Segment): Segment => ({
  from: Math.min(a.from, b.from),
  to: Math.max(a.to, b.to),
  windows: a.windows + b.windows,
  ordinal: Math.min(a.ordinal, b.ordinal),
  counts: addCounts(a.counts, b.counts),
  norm: a.norm + b.norm,
  clustering: addClustering(a.clustering, b.clustering),
})

/**
 * Adds a window to the segments, oldest first. An exponential histogram (Datar, Gionis, Indyk & Motwani, SIAM J. Comput.
 * 31, 2002, as in ADWIN): recent windows one by one, older ones in ever longer segments, at most `MAX_SEGMENTS`
 * altogether, so that starts far back are kept at bounded size. Which windows lie together depends on their number
 * alone, never on what they say. A window that closed late joins the segment that its number lies in.
 */
export function addWindow(segments: readonly Segment[], window: Segment): readonly Segment[] {
  const last = segments.at(-1)
  if (last !== undefined && window.to <= last.to) {
    const at = Math.max(
      0,
      segments.findLastIndex(s => s.from <= window.from),
    )
    return segments.map((s, i) => (i === at ? { ...mergeSegments(s, window), ordinal: s.ordinal } : s))
  }
  return shortened([...segments, { ...window, ordinal: last ? last.ordinal + last.windows : 1 }])
}

/** Puts a window that is still on its own in its segment's place; of others nobody knows any more what they had. */
export const replaceWindow = (segments: readonly Segment[], window: Segment): readonly Segment[] =>
  segments.map(s => (s.windows === 1 && s.from === window.from ? { ...window, ordinal: s.ordinal } : s))

const lengthOf = (s: Segment): number => Math.floor(Math.log2(s.windows))

function shortened(segments: readonly Segment[]): readonly Segment[] {
  const result = [...segments]
  for (let length = 0; 2 ** length <= LONGEST; length++) {
    const same = result.flatMap((s, i) => (lengthOf(s) === length ? [i] : []))
    if (same.length <= PER_LENGTH) continue
    const first = same[0]!
    if (2 ** length === LONGEST) result.splice(first, 1)
    else result.splice(first, 2, mergeSegments(result[first]!, result[first + 1]!))
  }
  return result
}
