/** What the slot may still send of samples. A power cut takes some of it and gives none back. */
import { trustedTime } from '../../verifier/index.ts'

const PERIODS_MS = { itemsPerHour: 3_600_000, bytesPerDay: 86_400_000 }
/** The disk is always a part of a bucket ahead, so it is written once per part. */
const PARTS = 8
/** And so many rows of a burst. */
const BURST_RESERVE = 32

/** What is in a bucket; one that nobody knows yet is full, and a clock that was set back refills nothing. */
function levelOf(bucket, most, periodMs, at) {
  if (bucket === undefined) return most
  return Math.min(most, bucket.left + (most * Math.max(0, at - bucket.at)) / periodMs)
}

export function createBudget({ thing, store }) {
  // The state has what a start may count on; these are exact.
  let { buckets = {}, burst = null } = store.state
  /** Without a place to write it down nothing is spent. */
  const written = work => {
    try {
      store.change(work)
      return true
    } catch {
      return false
    }
  }
  return {
    /** @returns whether all limits have room for a sample of so many bytes, which is then taken */
    spend(limits, bytes) {
      const at = Date.now()
      const costs = { itemsPerHour: 1, bytesPerDay: bytes }
      const after = {}
      const promise = {}
      let ahead = true
      for (const [name, periodMs] of Object.entries(PERIODS_MS)) {
        const most = limits[name]
        if (most === undefined) continue
        const left = levelOf(buckets[name], most, periodMs, at) - costs[name]
        if (left < 0) return false
        after[name] = { left, at }
        promise[name] = { left: Math.max(0, left - most / PARTS), at }
        ahead &&= levelOf(store.state.buckets?.[name], most, periodMs, at) <= left
      }
      const keep = draft => {
        draft.buckets = { ...draft.buckets, ...promise }
      }
      if (!ahead && !written(keep)) return false
      buckets = { ...buckets, ...after }
      return true
    },
    /** @returns whether the burst takes this row: once per id, as many as it says */
    take({ id, things, count, until }) {
      if (trustedTime(store.state.trust, Date.now()) >= Date.parse(until)) return false
      if (things !== 'all' && !things.includes(thing)) return false
      const left = burst?.id === id ? burst.left : count
      if (left === 0) return false
      const kept = store.state.burst
      const reserve = draft => {
        draft.burst = { id, left: Math.max(0, left - BURST_RESERVE) }
      }
      if (!(kept?.id === id && kept.left < left) && !written(reserve)) return false
      burst = { id, left: left - 1 }
      return true
    },
    /** Exact figures for the next start. */
    save(draft) {
      draft.buckets = buckets
      draft.burst = burst
    },
  }
}
