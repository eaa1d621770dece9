import type * as z from 'zod'
import { type metricsBody, uplinkLimits } from '../../src/contracts/mqtt.ts'
import type { Baseline } from '../../src/contracts/packages.ts'
import type { Clock, Random } from '../ports.ts'
import {
  type Counts,
  count,
  countLatency,
  emptyCounts,
  emptyShadow,
  type ShadowCounts,
  tenThousandths,
} from './counts.ts'
import type { LaneCounts } from './sampler.ts'

export type Metrics = z.infer<typeof metricsBody>

/** Room for the envelope around the body: fixed keys, four numbers, and a thing name of 128 characters. */
const ENVELOPE_BYTES = 320
const BODY_BYTES = uplinkLimits.metrics.maxBytes - ENVELOPE_BYTES
/** So that a fleet does not speak at the same instant when a window ends. */
const MAX_DELAY_MS = 30_000

export interface Windows {
  /** @param at device time in ms since 1970 */
  record(
    at: number,
    featureValue: (feature: string) => number | null | undefined,
    score: number,
    confidence: number,
    micros: number,
  ): void
  /** An inference that ended with an error instead of an answer. */
  failed(at: number): void
  /** What a candidate in the shadow made of a row that was recorded. */
  beside(result: ShadowResult): void
  /** Closes the open window, whether or not it has passed. */
  flush(): void
}

export interface ShadowResult {
  readonly bundle: string
  /** Undefined when it failed. */
  readonly answer:
    | { readonly agrees: boolean; readonly confidence: number; readonly micros: number }
    | undefined
}

/** Counts every inference into the window of its time; a window is sent once when it has passed. */
export function createWindows(deps: {
  readonly slot: string
  readonly bundle: string
  readonly baseline: Baseline
  readonly windowSeconds: number
  readonly clock: Clock
  readonly random: Random
  readonly send: (body: Metrics) => void
  /** Takes the starts after a crash that no window has reported. */
  readonly takeResets: () => number
  /** Takes what the lanes chose and lost since the last window. */
  readonly takeSamples?: () => LaneCounts | undefined
}): Windows {
  const { slot, bundle, baseline, windowSeconds, clock, random } = deps
  let open: { window: number; counts: Counts; shadow: ShadowCounts | null; cancel: () => void } | null = null

  const flush = (): void => {
    if (open === null) return
    const { window, counts, shadow, cancel } = open
    open = null
    cancel()
    // Without an inference there is nothing to say about the model; its errors go with the next window that has one.
    if (counts.inferences === 0) {
      carried += counts.errors
      return
    }
    const body = {
      slot,
      bundle,
      window,
      ...counts,
      errors: counts.errors + carried,
      resets: deps.takeResets(),
    }
    carried = 0
    const samples = deps.takeSamples?.()
    deps.send(
      fitMessage(
        {
          ...body,
          ...(shadow === null ? {} : { shadow }),
          ...(samples === undefined ? {} : { samples }),
          historical: false,
        },
        random,
      ),
    )
  }
  let carried = 0
  const opened = (at: number): NonNullable<typeof open> => {
    const window = Math.max(0, Math.floor(at / 1_000 / windowSeconds))
    if (open !== null && open.window !== window) flush()
    if (open === null) {
      const left = (window + 1) * windowSeconds * 1_000 - at
      const delay = random() * Math.min(MAX_DELAY_MS, windowSeconds * 50)
      open = { window, counts: emptyCounts(baseline), shadow: null, cancel: clock.after(left + delay, flush) }
    }
    return open
  }
  return {
    record(at, featureValue, score, confidence, micros) {
      count(opened(at).counts, baseline, featureValue, score, confidence, micros)
    },
    failed(at) {
      opened(at).counts.errors++
    },
    beside({ bundle: other, answer }) {
      if (open === null) return
      if (open.shadow?.bundle !== other) open.shadow = emptyShadow(other)
      const { shadow } = open
      if (answer === undefined) {
        shadow.errors++
        return
      }
      shadow.compared++
      if (!answer.agrees) shadow.disagreed++
      shadow.confidence += tenThousandths(answer.confidence)
      countLatency(shadow.latency, answer.micros)
    },
    flush,
  }
}

/**
 * A window always fits one message. When a model has too many features for that, a run of them from a random place
 * goes along and the rest is left out: each feature is then watched part of the time, with complete counts.
 */
export function fitMessage(body: Metrics, random: Random, limit: number = BODY_BYTES): Metrics {
  if (size(body) <= limit) return body
  const all = Object.entries(body.features)
  const kept: [string, number[]][] = []
  let bytes = size({ ...body, features: {} })
  const first = Math.floor(random() * all.length)
  for (let i = 0; i < all.length; i++) {
    const entry = all[(first + i) % all.length]!
    bytes += size({ [entry[0]]: entry[1] })
    if (bytes > limit) break
    kept.push(entry)
  }
  return { ...body, features: Object.fromEntries(kept) }
}

const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value))
