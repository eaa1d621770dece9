import * as z from 'zod'
import { slotName } from '../../src/contracts/names.ts'
import type { Burst } from '../../verifier/index.ts'
import type { Clock, Storage } from '../ports.ts'
import type { Policy } from './policy.ts'

const FILE = 'sampling.json'
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS
/** A file is written once per eighth of a budget, and says that the eighth is spent before it is. */
const BLOCKS = 8
const BURST_BLOCK = 32

/** What may still be spent, as it was at a time in ms since 1970. */
const bucket = z.strictObject({ left: z.number().min(0), at: z.number() })
type Bucket = z.infer<typeof bucket>
const lost = z.strictObject({ audit: z.int().min(0), hard: z.int().min(0) })
const slotBudget = z.strictObject({
  items: bucket.exactOptional(),
  bytes: bucket.exactOptional(),
  burst: z.strictObject({ id: z.string(), left: z.int().min(0) }).exactOptional(),
  /** Rows that were lost and that no window has told of. */
  lost: lost.exactOptional(),
})
type SlotBudget = z.infer<typeof slotBudget>
const file = z.record(slotName, slotBudget)
export type Lost = z.infer<typeof lost>
const NONE_LOST: Lost = { audit: 0, hard: 0 }

/**
 * What the slots of a device may still send. A power cut costs at most an eighth of a bucket and 32 rows of a burst, and
 * never gives any back: what the file promises is always less than what is left.
 */
export interface Budget {
  /** Takes one sample of so many bytes out of the slot's buckets, or nothing when one has not enough. */
  spend(slot: string, limits: Policy['limits'], bytes: number): boolean
  /** Takes one row out of a burst that is on: once per id, up to its count. */
  burst(slot: string, thing: string, burst: Burst | null): boolean
  /** Exact figures, and what no window has told of, for the next start. */
  save(lostBySlot: ReadonlyMap<string, Lost>): void
  /** What the last start could not tell any more; once. */
  takeLost(slot: string): Lost
}

export function createBudget(storage: Storage, clock: Clock): Budget {
  /** As in the file. */
  let saved = load(storage)
  /** As it is. */
  const now = new Map(Object.entries(saved))
  const of = (slot: string): SlotBudget => now.get(slot) ?? {}
  const write = (slot: string, promise: SlotBudget): boolean => {
    const next = { ...saved, [slot]: { ...saved[slot], ...promise } }
    try {
      storage.write(FILE, Buffer.from(JSON.stringify(next)))
      saved = next
      return true
    } catch {
      // Without a place to write it down nothing is spent: a full disk must not turn into a flood.
      return false
    }
  }
  return {
    spend(slot, { itemsPerHour, bytesPerDay }, bytes) {
      const at = clock.now()
      const after: Pick<SlotBudget, 'items' | 'bytes'> = {}
      const promise: Pick<SlotBudget, 'items' | 'bytes'> = {}
      for (const [key, most, periodMs, cost] of [
        ['items', itemsPerHour, HOUR_MS, 1],
        ['bytes', bytesPerDay, DAY_MS, bytes],
      ] as const) {
        if (most === undefined) continue
        const left = refilled(of(slot)[key], most, periodMs, at) - cost
        if (left < 0) return false
        after[key] = { left, at }
        // What a start would find now must not be more than there is.
        const promised = saved[slot]?.[key]
        if (promised === undefined || refilled(promised, most, periodMs, at) > left)
          promise[key] = { left: Math.max(0, left - most / BLOCKS), at }
      }
      if (Object.keys(promise).length > 0 && !write(slot, promise)) return false
      now.set(slot, { ...of(slot), ...after })
      return true
    },
    burst(slot, thing, burst) {
      if (burst === null || clock.now() >= Date.parse(burst.until)) return false
      if (burst.things !== 'all' && !burst.things.includes(thing)) return false
      const { id, count } = burst
      const known = of(slot).burst
      const left = known?.id === id ? known.left : count
      if (left === 0) return false
      const promised = saved[slot]?.burst
      const kept = promised?.id === id && promised.left < left
      if (!kept && !write(slot, { burst: { id, left: Math.max(0, left - BURST_BLOCK) } })) return false
      now.set(slot, { ...of(slot), burst: { id, left: left - 1 } })
      return true
    },
    save(lostBySlot) {
      for (const [slot, lost] of lostBySlot) now.set(slot, { ...of(slot), lost })
      for (const [slot, budget] of now) write(slot, budget)
    },
    takeLost(slot) {
      const { lost = NONE_LOST } = of(slot)
      if (lost.audit + lost.hard > 0 && write(slot, { lost: NONE_LOST }))
        now.set(slot, { ...of(slot), lost: NONE_LOST })
      return lost
    },
  }
}

/** What is in a bucket at a time. A clock that was set back refills nothing. */
const refilled = (bucket: Bucket | undefined, most: number, periodMs: number, at: number): number =>
  bucket === undefined ? most : Math.min(most, bucket.left + (Math.max(0, at - bucket.at) * most) / periodMs)

function load(storage: Storage): Record<string, SlotBudget> {
  const bytes = storage.read(FILE)
  if (bytes === null) return {}
  try {
    return file.parse(JSON.parse(Buffer.from(bytes).toString('utf8')))
  } catch {
    // A damaged file starts full buckets, and a burst anew: nothing else is in it.
    storage.remove(FILE)
    return {}
  }
}
