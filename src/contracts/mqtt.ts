import * as z from 'zod'
import { dsseEnvelope } from './manifest.ts'
import { featureName, hardwareName, sha256, slotName, thingName, timestamp } from './names.ts'
import { strategies } from './sampling-policy.ts'

/** AWS IoT Core refuses larger payloads and disconnects; ours are smaller per kind (see `uplinkLimits`). */
export const MQTT_MAX_PAYLOAD = 131_072
/** Largest block that serve-blob sends; leaves room under the 128 KiB limit. */
export const BLOB_MAX_BLOCK = 98_304

export const topics = {
  manifest: (fleet: string) => `edgeloop/v1/fleet/${fleet}/manifest`,
  beacon: (fleet: string) => `edgeloop/v1/fleet/${fleet}/beacon`,
  trust: 'edgeloop/v1/trust',
  up: (thing: string, kind: UplinkKind) => `edgeloop/v1/${thing}/up/${kind}`,
  answer: (thing: string, corr: string) => `edgeloop/v1/${thing}/down/answer/${corr}`,
  blob: (thing: string, digest: string, offset: number) =>
    `edgeloop/v1/${thing}/down/blob/${digest}/${offset}`,
  prediction: (thing: string, corr: string) => `edgeloop/v1/${thing}/down/predict/${corr}`,
  hint: (thing: string) => `edgeloop/v1/${thing}/down/hint`,
  /** The one filter a device needs besides the trust chain and its fleet's beacon and manifest. */
  down: (thing: string) => `edgeloop/v1/${thing}/down/#`,
} as const

/** Counter part of an idempotency key: a JavaScript-safe integer. */
const sequence = z.int().min(0)
export const corr = z.string().regex(/^[A-Za-z0-9-]{1,64}$/, 'letters, digits and hyphens, at most 64')
const position = z.strictObject({ epoch: sequence, counter: sequence })

export const helloBody = z.strictObject({
  hardware: hardwareName,
  runtime: z.string().max(64),
  manifest: position.nullable(),
  /** Bundle digest that runs in each slot. */
  slots: z.record(slotName, z.strictObject({ active: sha256.nullable(), previous: sha256.nullable() })),
  outbox: z.strictObject({ queued: z.int().min(0), dropped: z.int().min(0) }),
})

export const reportSteps = [
  'ACCEPTED',
  'FETCHED',
  'VERIFIED',
  'TESTED',
  'SHADOWING',
  'COMMITTED',
  'FAILED',
  'REFUSED',
] as const
/** COMMITTED, FAILED and REFUSED are terminal: the device keeps them until they are acknowledged. */
export const terminalSteps = ['COMMITTED', 'FAILED', 'REFUSED'] as const
/** Reason codes of FAILED and REFUSED, one per check, in the order of the checks. The verifier has the same list. */
export const reasonCodes = [
  'ROOT_MALFORMED',
  'ROOT_TYPE',
  'ROOT_VERSION',
  'ROOT_SIGNATURE',
  'ROOT_EQUIVOCATION',
  'ROOT_EPOCH',
  'ROOT_EXPIRED',
  'BEACON_MALFORMED',
  'BEACON_SIGNATURE',
  'BEACON_TYPE',
  'BEACON_AUDIENCE',
  'BEACON_EPOCH',
  'BEACON_ROLLBACK',
  'BEACON_EQUIVOCATION',
  'BEACON_JUMP',
  'BEACON_EXPIRED',
  'MANIFEST_MALFORMED',
  'MANIFEST_SIGNATURE',
  'MANIFEST_TYPE',
  'MANIFEST_AUDIENCE',
  'MANIFEST_RUNTIME',
  'MANIFEST_EPOCH',
  'MANIFEST_ROLLBACK',
  'MANIFEST_EQUIVOCATION',
  'MANIFEST_JUMP',
  'MANIFEST_EXPIRED',
  'MANIFEST_FROZEN',
  'MANIFEST_STALE',
  'RELEASE_TOO_OLD',
  'RELEASE_REVOKED',
  'PACKAGE_LENGTH',
  'PACKAGE_DIGEST',
  'BUNDLE_DIGEST',
  'BUNDLE_MALFORMED',
  'BUNDLE_SIGNATURE',
  'BUNDLE_CONTENT',
  'PACKAGE_ARCHIVE',
  'PACKAGE_CONTENT',
  'PACKAGE_CONTRACT',
  'FETCH_FAILED',
  'NO_SPACE',
  'MODEL_FORMAT',
  'SELF_TEST',
  'INTERNAL',
] as const
export const reportBody = z.strictObject({
  slot: slotName,
  /** Manifest that this report answers. */
  manifest: position,
  bundle: sha256,
  rollout: z.string().max(128).optional(),
  step: z.enum(reportSteps),
  code: z.enum(reasonCodes).optional(),
  detail: z.string().max(512).optional(),
  /** With FETCHED: how the package came, and the bytes of what came for it; none when it was there already. */
  via: z.enum(['full', 'delta', 'cached']).optional(),
  bytes: z.int().min(0).optional(),
})

const counts = z.array(z.int().min(0)).min(2).max(66)
/** Rows that a lane chose in this window, and rows that were lost since the last: by a limit, or because too much waited. */
const laneCounts = z.strictObject({ chosen: z.int().min(0), dropped: z.int().min(0) })
const latencyCounts = z.record(z.string().regex(/^\d{1,3}$/), z.int().min(1))
export const metricsBody = z.strictObject({
  slot: slotName,
  bundle: sha256,
  /** floor(device time in seconds / windowSeconds). */
  window: z.int().min(0),
  inferences: z.int().min(1),
  /** Counts per bin in the order of the baseline, the missing values last. */
  features: z.record(featureName, counts),
  prediction: counts,
  /** Log-bucket histogram of inference time: bucket b counts times in [2^(b/4), 2^((b+1)/4)) µs. */
  latency: latencyCounts,
  /** Sum over the inferences of the chosen class's probability, each rounded to 1e-4; 0 for regression. */
  confidence: z.int().min(0),
  /** The same by bin of the baseline's `confidence`, where it has one, the missing values last. */
  confidenceCounts: counts.optional(),
  /** Inferences that ended with an error instead of an answer; not among `inferences`. */
  errors: z.int().min(0),
  /** Starts of the program that nobody asked for, such as watchdog resets, since the last window. */
  resets: z.int().min(0),
  /** A candidate that ran beside the model on the same rows: what it answered otherwise, what it failed on. */
  shadow: z
    .strictObject({
      bundle: sha256,
      compared: z.int().min(0),
      disagreed: z.int().min(0),
      errors: z.int().min(0),
      confidence: z.int().min(0),
      latency: latencyCounts,
    })
    .optional(),
  /** Of the slot, whichever model chose them; left out when there is nothing to say. */
  samples: z.strictObject({ audit: laneCounts, hard: laneCounts }).exactOptional(),
  /** Sent after the window had to wait on the device, because it was offline. */
  historical: z.boolean(),
})

export type MetricsBody = z.infer<typeof metricsBody>

export const fieldSample = z.strictObject({
  eventId: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, `_` and `-`, at most 64'),
  /** Device time, milliseconds since 1970. */
  t: z.int().min(0),
  lane: z.enum(['audit', 'hard']),
  /** Probability with which its lane chose this row: weights are 1/π. */
  pi: z.number().gt(0).max(1),
  /** What the lane decided by; left out by devices from before there were several. */
  strategy: z.enum(strategies).exactOptional(),
  /** First 16 digits of the digest of the policy that was in force. */
  policy: z.string().min(1).max(64).exactOptional(),
  /** Feature values in the contract's order, null = missing. */
  row: z.array(z.number().nullable()).min(1).max(1024),
  margins: z.array(z.number()).min(1).max(1024),
  /** Class index, or value for regression. */
  prediction: z.number(),
})
export const samplesBody = z.strictObject({
  slot: slotName,
  bundle: sha256,
  samples: z.array(fieldSample).min(1).max(200),
})

/**
 * Asks for everything signed that is newer than what the device has; with `delta`, only whether there is a delta that
 * makes one package out of another, both by their SHA-256 digests; with `url`, only for an address from which a blob
 * can be read over HTTPS. Not both.
 */
export const askBody = z
  .strictObject({
    corr,
    have: z.strictObject({ root: z.int().min(1), manifest: position.nullable() }),
    delta: z.strictObject({ target: sha256, base: sha256 }).optional(),
    url: z.strictObject({ digest: sha256 }).optional(),
  })
  .refine(({ delta, url }) => delta === undefined || url === undefined, {
    path: ['url'],
    message: 'one question at a time: `delta` or `url`',
  })
export const blobBody = z.strictObject({
  corr,
  digest: sha256,
  offset: z.int().min(0),
  length: z.int().min(1).max(BLOB_MAX_BLOCK),
})
export const predictBody = z.strictObject({
  corr,
  slot: slotName,
  row: z.array(z.number().nullable()).min(1).max(1024),
})

export const uplinkKinds = ['hello', 'report', 'metrics', 'samples', 'ask', 'blob', 'predict'] as const
export type UplinkKind = (typeof uplinkKinds)[number]

/** Envelope of every message up. `(thing, epoch, seq)` is the idempotency key; `epoch` rises when storage is lost. */
function uplink<const K extends UplinkKind, B extends z.ZodType>(kind: K, body: B) {
  return z.strictObject({
    v: z.literal(1),
    thing: thingName,
    epoch: sequence,
    seq: sequence,
    /** Device time, milliseconds since 1970; a claim, kept beside the time of receipt. */
    t: z.int().min(0),
    kind: z.literal(kind),
    body,
  })
}
export const uplinks = {
  hello: uplink('hello', helloBody),
  report: uplink('report', reportBody),
  metrics: uplink('metrics', metricsBody),
  samples: uplink('samples', samplesBody),
  ask: uplink('ask', askBody),
  blob: uplink('blob', blobBody),
  predict: uplink('predict', predictBody),
} as const
/** As `uplinks.samples`, with the samples left unchecked: each is checked on its own, so that a bad one is refused alone. */
export const samplesIngress = uplink(
  'samples',
  samplesBody.extend({ samples: z.array(z.unknown()).min(1).max(200) }),
)
export type Uplink<K extends UplinkKind> = z.infer<(typeof uplinks)[K]>

/** Bytes accepted per kind; a monitoring message stays within one 5 KB metering unit, topic included. */
export const uplinkLimits: Readonly<
  Record<UplinkKind, { readonly maxBytes: number; readonly maxDepth: number }>
> = {
  hello: { maxBytes: 4_096, maxDepth: 6 },
  report: { maxBytes: 4_096, maxDepth: 5 },
  metrics: { maxBytes: 5_000, maxDepth: 6 },
  samples: { maxBytes: 65_536, maxDepth: 7 },
  ask: { maxBytes: 1_024, maxDepth: 5 },
  blob: { maxBytes: 1_024, maxDepth: 4 },
  predict: { maxBytes: 16_384, maxDepth: 5 },
}

/** What comes down on `down/answer/{corr}`. An acknowledgement's corr is `{epoch}-{seq}` of the report. */
export const answer = z.discriminatedUnion('kind', [
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('state'),
    /** Links of the trust chain behind the one that the device has; none when it has the last. */
    chain: z.array(dsseEnvelope).max(256),
    beacon: dsseEnvelope.nullable(),
    /** Null when the device has the newest, or there is none. */
    manifest: dsseEnvelope.nullable(),
  }),
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('delta'),
    target: sha256,
    base: sha256,
    /** A blob; null when there is none for the device's fleet. Nothing in it is signed: only what comes out is checked. */
    delta: z.strictObject({ sha256, length: z.int().min(1) }).nullable(),
  }),
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('url'),
    digest: sha256,
    /** Good for a GET of this one blob; null when the device's fleet has no such blob. Nobody signed it for the device. */
    url: z.string().max(8_192).nullable(),
    expiresAt: timestamp.optional(),
  }),
  z.strictObject({ v: z.literal(1), kind: z.literal('ack') }),
  z.strictObject({ v: z.literal(1), kind: z.literal('error'), code: z.string(), message: z.string() }),
])
export type Answer = z.infer<typeof answer>
export const ackCorr = (epoch: number, seq: number): string => `${epoch}-${seq}`

/** What comes down on `down/predict/{corr}`. */
export const predictionAnswer = z.discriminatedUnion('kind', [
  z.strictObject({
    v: z.literal(1),
    kind: z.literal('prediction'),
    version: z.int(),
    margins: z.array(z.number()),
    prediction: z.number(),
  }),
  z.strictObject({ v: z.literal(1), kind: z.literal('error'), code: z.string(), message: z.string() }),
])
/** Retained nowhere, safe to lose: there is something newer than this counter. */
export const hint = z.strictObject({ v: z.literal(1), counter: sequence })

/** What the IoT rules hand to Lambda or SQS: the raw bytes, and an identity that the broker vouches for. */
export const ingress = z.object({
  data: z.base64(),
  thing: z.string(),
  kind: z.string(),
  client: z.string(),
  principal: z.string().optional(),
  receivedAt: z.int(),
})
export type Ingress = z.infer<typeof ingress>
