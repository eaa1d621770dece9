import type * as z from 'zod'
import { type MetricsBody, type samplesBody, uplinkLimits } from '../../src/contracts/mqtt.ts'
import type { Burst } from '../../verifier/index.ts'
import type { Clock, Storage } from '../ports.ts'
import { createBudget } from './budget.ts'
import type { Policy } from './policy.ts'
import { createRing } from './ring.ts'

export type Samples = z.infer<typeof samplesBody>
export type FieldSample = Samples['samples'][number]
export type LaneCounts = NonNullable<MetricsBody['samples']>

const MAX_SAMPLES = 200
/** Leaves room for the envelope and the body's other keys. */
const MAX_BYTES = uplinkLimits.samples.maxBytes - 1_024
const BATCH_MS = 5_000
/** Bytes of samples that may wait on one device. */
const RING_BYTES = 524_288

/** The samples of a device, between the rows that were chosen and the messages that carry them. */
export interface Sampler {
  /** Takes a chosen row, or counts it as dropped: when the slot's limits are reached, or when JSON cannot carry it. */
  offer(slot: string, bundle: string, limits: Policy['limits'], sample: FieldSample): void
  /** Whether a burst takes the next row of a slot; takes it. */
  burst(slot: string, burst: Burst | null): boolean
  /** Sends all that waits, as far as there is room for it. */
  flush(): void
  /** Sends what is due; called when there is room again. */
  drain(): void
  /** Counts since the last call; undefined when nothing was chosen and nothing was lost. */
  takeCounts(slot: string): LaneCounts | undefined
  /** What waits now is lost, and is told of by a window of the next start. */
  stop(): void
  readonly waiting: number
  /** Since the start of the process. */
  readonly dropped: number
}

/** Batches samples: at most 200 and 64 KB in a message, and none waits longer than some seconds for company. */
export function createSampler(deps: {
  readonly thing: string
  readonly clock: Clock
  readonly storage: Storage
  /** Whether a message would go out now; while not, samples wait here, where the hard lane makes room for the audit lane. */
  readonly room: () => boolean
  readonly send: (body: Samples) => void
}): Sampler {
  const { thing, clock } = deps
  const ring = createRing(RING_BYTES)
  const budget = createBudget(deps.storage, clock)
  const counts = new Map<string, LaneCounts>()
  let dropped = 0
  let due = false
  let cancel: (() => void) | null = null

  const countsOf = (slot: string): LaneCounts => {
    const known = counts.get(slot)
    if (known !== undefined) return known
    const before = budget.takeLost(slot)
    const fresh = {
      audit: { chosen: 0, dropped: before.audit },
      hard: { chosen: 0, dropped: before.hard },
    }
    counts.set(slot, fresh)
    return fresh
  }
  const drop = (slot: string, lane: FieldSample['lane']): void => {
    countsOf(slot)[lane].dropped++
    dropped++
  }
  const stopTimer = (): void => {
    cancel?.()
    cancel = null
  }
  const drain = (): void => {
    while (deps.room() && (due || ring.length >= MAX_SAMPLES || ring.bytes > MAX_BYTES)) {
      const batch = ring.take(MAX_SAMPLES, MAX_BYTES)
      if (batch === null) break
      stopTimer()
      deps.send(batch)
    }
    if (ring.length === 0) due = false
    else if (!due) cancel ??= clock.after(BATCH_MS, flush)
  }
  const flush = (): void => {
    stopTimer()
    due = true
    drain()
  }
  return {
    offer(slot, bundle, limits, sample) {
      countsOf(slot)[sample.lane].chosen++
      const numbers = [...sample.row.filter(value => value !== null), ...sample.margins, sample.prediction]
      const bytes = Buffer.byteLength(JSON.stringify(sample)) + 1
      const finite = numbers.every(Number.isFinite)
      // What a person asked for has a bound of its own.
      if (!finite || (sample.strategy !== 'burst' && !budget.spend(slot, limits, bytes))) {
        drop(slot, sample.lane)
        return
      }
      for (const gone of ring.add({ slot, bundle, sample, bytes })) drop(gone.slot, gone.sample.lane)
      drain()
    },
    burst: (slot, burst) => budget.burst(slot, thing, burst),
    flush,
    drain,
    takeCounts(slot) {
      const found = countsOf(slot)
      counts.delete(slot)
      const { audit, hard } = found
      return audit.chosen + audit.dropped + hard.chosen + hard.dropped > 0 ? found : undefined
    },
    stop() {
      stopTimer()
      for (
        let batch = ring.take(MAX_SAMPLES, MAX_BYTES);
        batch !== null;
        batch = ring.take(MAX_SAMPLES, MAX_BYTES)
      )
        for (const { lane } of batch.samples) drop(batch.slot, lane)
      const lost = [...counts].map(([slot, { audit, hard }]) => {
        return [slot, { audit: audit.dropped, hard: hard.dropped }] as const
      })
      budget.save(new Map(lost))
    },
    get waiting() {
      return ring.length
    },
    get dropped() {
      return dropped
    },
  }
}
