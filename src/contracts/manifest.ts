import * as z from 'zod'
import {
  fleetName,
  hardwareName,
  modelName,
  sha256,
  slotName,
  thingName,
  timestamp,
  versionNumber,
} from './names.ts'

/** Own predicate type: an OMS signature can never be taken for an instruction, nor the other way round. */
export const FLEET_MANIFEST_TYPE = 'https://edgeloop.dev/fleet-manifest/v1'
export const IN_TOTO_STATEMENT = 'https://in-toto.io/Statement/v1'
export const DSSE_PAYLOAD_TYPE = 'application/vnd.in-toto+json'

/** DSSE envelope with exactly one signature (ECDSA P-256 over SHA-256 of the PAE, DER, base64). */
export const dsseEnvelope = z.strictObject({
  payload: z.base64(),
  payloadType: z.literal(DSSE_PAYLOAD_TYPE),
  signatures: z.array(z.strictObject({ sig: z.base64(), keyid: z.string() })).length(1),
})
export type DsseEnvelope = z.infer<typeof dsseEnvelope>

/** One release of a model for one hardware, with everything needed to check it before and after the download. */
export const release = z.strictObject({
  model: modelName,
  version: versionNumber,
  bundle: z.strictObject({ sha256, length: z.int().min(1).max(1_048_576) }),
  package: z.strictObject({ sha256, length: z.int().min(1).max(268_435_456) }),
})
export type Release = z.infer<typeof release>

/**
 * Desired state of one slot on one hardware. A device computes `u = SHA-256(seed ‖ thing)` in [0, 1) and takes
 * the candidate when `u < exposure`, or what `pins` says; otherwise it takes `committed`.
 */
export const manifestSlot = z.strictObject({
  slot: slotName,
  hardware: hardwareName,
  committed: release.nullable(),
  candidate: z
    .strictObject({
      rollout: z.string(),
      release,
      seed: z.string().min(1),
      exposure: z.number().min(0).max(1),
    })
    .nullable(),
  pins: z.record(thingName, sha256),
})
export type ManifestSlot = z.infer<typeof manifestSlot>

export const fleetManifest = z.strictObject({
  _type: z.literal(IN_TOTO_STATEMENT),
  subject: z.array(z.strictObject({ name: z.string(), digest: z.strictObject({ sha256 }) })).min(1),
  predicateType: z.literal(FLEET_MANIFEST_TYPE),
  predicate: z.strictObject({
    audience: z.strictObject({ fleet: fleetName }),
    /** Strictly increasing as a pair; `epoch` only ever changes with the trust root. */
    epoch: z.int().min(0),
    counter: z.int().min(1),
    issued: timestamp,
    expires: timestamp,
    /** Every slot of the fleet, so that nothing can be mixed from two manifests. */
    slots: z.array(manifestSlot).min(1),
  }),
})
export type FleetManifest = z.infer<typeof fleetManifest>
