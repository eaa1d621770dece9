import type * as z from 'zod'
import { type samplesBody, uplinkLimits } from '../../src/contracts/mqtt.ts'
import type { IoContract } from '../../src/contracts/packages.ts'
import { placement } from '../placement.ts'
import type { Clock } from '../ports.ts'

export type Samples = z.infer<typeof samplesBody>
export type FieldSample = Samples['samples'][number]

const MAX_SAMPLES = 200
/** Leaves room for the envelope and the body's other keys. */
const MAX_BYTES = uplinkLimits.samples.maxBytes - 1_024
const BATCH_MS = 5_000

/**
 * The lane that takes a row, or null. Decided by hashes of the event id alone, so that a re-send decides alike: the
 * audit lane takes SHA-256('audit' ‖ 0 ‖ id) < π; the hard lane takes, of the rows left over whose top two
 * probabilities are closer than its margin, those with SHA-256('hard' ‖ 0 ‖ id) < π.
 */
export function chooseLane(
  policy: IoContract['sampling'],
  eventId: string,
  probabilities: readonly number[],
): Pick<FieldSample, 'lane' | 'pi'> | null {
  if (placement('audit', eventId) < policy.audit) return { lane: 'audit', pi: policy.audit }
  const { hard } = policy
  if (hard === undefined || probabilities.length < 2) return null
  const [first = 0, second = 0] = probabilities.toSorted((a, b) => b - a)
  if (first - second >= hard.margin || placement('hard', eventId) >= hard.probability) return null
  return { lane: 'hard', pi: hard.probability }
}

export interface Sampler {
  /** @returns false when the row cannot travel: JSON has no infinities */
  offer(sample: FieldSample): boolean
  flush(): void
}

/** Batches samples: at most 200 and 64 KB in a message, and none waits longer than some seconds. */
export function createSampler(deps: {
  readonly slot: string
  readonly bundle: string
  readonly clock: Clock
  readonly send: (body: Samples) => void
}): Sampler {
  const { slot, bundle, clock } = deps
  let batch: FieldSample[] = []
  let bytes = 0
  let cancel = (): void => undefined
  const flush = (): void => {
    cancel()
    if (batch.length === 0) return
    const samples = batch
    batch = []
    bytes = 0
    deps.send({ slot, bundle, samples })
  }
  return {
    offer(sample) {
      const numbers = [...sample.row.filter(value => value !== null), ...sample.margins, sample.prediction]
      if (!numbers.every(Number.isFinite)) return false
      const more = Buffer.byteLength(JSON.stringify(sample)) + 1
      if (bytes + more > MAX_BYTES) flush()
      if (batch.length === 0) cancel = clock.after(BATCH_MS, flush)
      batch.push(sample)
      bytes += more
      if (batch.length === MAX_SAMPLES) flush()
      return true
    },
    flush,
  }
}
