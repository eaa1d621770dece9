import * as z from 'zod'
import { sha256, thingName, timestamp } from './names.ts'

/** What a lane decides by. `random` is the audit lane's, `burst` what an operator asked for; the rest is the hard lane's. */
export const strategies = ['random', 'margin', 'entropy', 'outOfDistribution', 'class', 'burst'] as const
export type Strategy = (typeof strategies)[number]

const probability = z.number().gt(0).max(1)

/** One line of the hard lane: which rows it is about, and the share of them that it takes. */
export const hardStrategy = z.discriminatedUnion('strategy', [
  /** Rows whose top two probabilities are closer than `below`. */
  z.strictObject({ strategy: z.literal('margin'), below: z.number().gt(0).max(1), probability }),
  /** Rows whose probabilities have more entropy than this share of ln k, the most that k classes can have. */
  z.strictObject({ strategy: z.literal('entropy'), above: z.number().min(0).lt(1), probability }),
  /** Rows whose features are, in their mean, more surprising than so many nats: −ln of the baseline's share of the value's bin. */
  z.strictObject({
    strategy: z.literal('outOfDistribution'),
    surprise: z.number().gt(0).max(50),
    probability,
  }),
  /** Rows that the model puts into one of these classes. */
  z.strictObject({
    strategy: z.literal('class'),
    classes: z.array(z.string().min(1)).min(1).max(100),
    probability,
  }),
])
export type HardStrategy = z.infer<typeof hardStrategy>

/** How the hard lane was said before it had strategies: one margin. */
export const hardMargin = z.strictObject({
  margin: z.number().min(0).max(1),
  probability: z.number().min(0).max(1),
})

/** Of one device and slot, as token buckets that hold as much as they refill in their period. */
export const samplingLimits = z.strictObject({
  itemsPerHour: z.int().min(1).max(1_000_000).exactOptional(),
  /** Of the samples as JSON. */
  bytesPerDay: z.int().min(1_024).max(1_000_000_000).exactOptional(),
})

/** What a device is told of sampling. The canonical JSON of these keys is what a policy's digest is of. */
export const samplingPolicy = z.strictObject({
  /** Inclusion probability of the audit lane; decided by a hash of the event id, so a re-send decides alike. */
  audit: z.number().min(0).max(1),
  /** In this order; the first that a row fits decides about it. */
  hard: z.union([hardMargin, z.array(hardStrategy).min(1).max(8)]).exactOptional(),
  limits: samplingLimits.exactOptional(),
})
export type SamplingPolicy = z.infer<typeof samplingPolicy>

export const BURST_MAX_THINGS = 100
export const BURST_MAX_ITEMS = 1_000
/** The next `count` rows of each of these devices, once, as long as `until` has not come. */
export const burst = z.strictObject({
  id: z.string().regex(/^[a-z0-9-]{1,64}$/, 'lower-case letters, digits and hyphens, at most 64'),
  things: z.union([z.literal('all'), z.array(thingName).min(1).max(BURST_MAX_THINGS)]),
  count: z.int().min(1).max(BURST_MAX_ITEMS),
  until: timestamp,
})
export type Burst = z.infer<typeof burst>

/** A slot's policy in the manifest, which takes the place of the package's. */
export const slotSampling = samplingPolicy.extend({
  /** SHA-256 of the policy. */
  policy: sha256,
  /** All probabilities but a burst's are multiplied by it: below 1 while the fleet sends more than its budget. */
  factor: z.number().gt(0).max(1),
  burst: burst.exactOptional(),
})
export type SlotSampling = z.infer<typeof slotSampling>
