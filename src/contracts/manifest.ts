import * as z from 'zod'
import {
  fleetName,
  hardwareName,
  modelName,
  runtimeName,
  sha256,
  slotName,
  thingName,
  timestamp,
  versionNumber,
} from './names.ts'
import { slotSampling } from './sampling-policy.ts'

/** Own predicate types: an OMS signature can never be taken for an instruction, nor one document for another. */
export const FLEET_MANIFEST_TYPE = 'https://edgeloop.dev/fleet-manifest/v1'
export const FRESHNESS_BEACON_TYPE = 'https://edgeloop.dev/freshness-beacon/v1'
export const TRUST_ROOT_TYPE = 'https://edgeloop.dev/trust-root/v1'
export const IN_TOTO_STATEMENT = 'https://in-toto.io/Statement/v1'
export const DSSE_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** ECDSA P-256 over SHA-256 of the PAE, DER, base64. The key's id is the SHA-256 of its SPKI PEM; empty in OMS bundles. */
const signature = z.strictObject({ sig: z.base64(), keyid: z.string() })
/** DSSE envelope; one signature on everything but a trust root, whose signatures are in the order of their key ids. */
export const dsseEnvelope = z.strictObject({
  payload: z.base64(),
  payloadType: z.literal(DSSE_PAYLOAD_TYPE),
  signatures: z.array(signature).min(1).max(32),
})
export type DsseEnvelope = z.infer<typeof dsseEnvelope>

/** `edgeloop/v1/trust`: every link of the chain of trust roots, the first one first. */
export const trustChain = z.strictObject({ v: z.literal(1), chain: z.array(dsseEnvelope).min(1).max(256) })
export type TrustChain = z.infer<typeof trustChain>

/** What may never run again: the lowest release counter (version) by model, and bundle digests. */
export const bars = z.strictObject({
  minimumRelease: z.record(modelName, versionNumber),
  revokedBundles: z.array(sha256).max(512),
})
export interface Bars {
  readonly minimumRelease: Readonly<Record<string, number>>
  readonly revokedBundles: readonly string[]
}

/** One release of a model for one hardware, with everything needed to check it before and after the download. */
export const release = z.strictObject({
  model: modelName,
  /** Also the release counter. */
  version: versionNumber,
  /** What must run it, `edgeloop-wasm` for what the reference device takes. */
  runtime: runtimeName,
  bundle: z.strictObject({ sha256, length: z.int().min(1).max(1_048_576) }),
  package: z.strictObject({ sha256, length: z.int().min(1).max(268_435_456) }),
})
export type Release = z.infer<typeof release>

/**
 * Seconds over which the devices that have to fetch a release spread their starts, so that what serves them is never
 * asked by all at once: each waits its own share of it. Left out, they start when they hear of it.
 */
export const startWithin = z.int().min(1).max(86_400)

/** What a slot settled on. */
export const committedRelease = release.extend({ startWithin: startWithin.exactOptional() })

/**
 * Desired state of one slot on one hardware. A device computes `u = SHA-256(seed ‖ thing)` in [0, 1) and takes
 * the candidate when `u < exposure`; otherwise it takes `committed`. A pin decides against the draw: to the candidate's
 * or the committed bundle, and one to any other bundle leaves what runs. In mode `shadow` the candidate runs beside
 * what the slot has, and its answers are not used. Devices with `u ≥ 1 − control` are what the canaries are compared
 * with; they need not know.
 */
export const manifestSlot = z.strictObject({
  slot: slotName,
  hardware: hardwareName,
  committed: committedRelease.nullable(),
  candidate: z
    .strictObject({
      rollout: z.string(),
      release,
      seed: z.string().min(1),
      exposure: z.number().min(0).max(1),
      control: z.number().min(0).max(1),
      mode: z.enum(['active', 'shadow']),
      startWithin: startWithin.exactOptional(),
    })
    .nullable(),
  pins: z.record(thingName, sha256),
  /** Left out, the package's own policy holds. */
  sampling: slotSampling.exactOptional(),
})
export type ManifestSlot = z.infer<typeof manifestSlot>

export const fleetManifest = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.literal(FLEET_MANIFEST_TYPE),
  predicate: z.strictObject({
    audience: z.strictObject({ fleet: fleetName }),
    /** Strictly increasing as a pair; `epoch` only ever changes with the trust root. */
    epoch: z.int().min(1),
    counter: z.int().min(1),
    issued: timestamp,
    expires: timestamp,
    /** Every slot of the fleet, so that nothing can be mixed from two manifests. */
    slots: z.array(manifestSlot).min(1),
    ...bars.shape,
  }),
})
export type FleetManifest = z.infer<typeof fleetManifest>

/** Signed time, and how old an instruction may be at that time. Retained, and signed anew on a schedule. */
export const freshnessBeacon = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.literal(FRESHNESS_BEACON_TYPE),
  predicate: z.strictObject({
    fleet: fleetName,
    epoch: z.int().min(1),
    /** Lowest manifest counter that still counts. */
    minimumCounter: z.int().min(0),
    /** Lowest version of the trust root that a device must have. */
    minimumRoot: z.int().min(1),
    issued: timestamp,
    expires: timestamp,
  }),
})
export type FreshnessBeacon = z.infer<typeof freshnessBeacon>
