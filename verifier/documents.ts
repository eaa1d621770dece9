/**
 * The signed documents of a fleet, as in-toto statements in DSSE envelopes. Each has a predicate type of its own, so
 * that none can stand in for another. A package's own bundle is the fourth: see oms.ts.
 */
export const STATEMENT = 'https://in-toto.io/Statement/v1'
export const TRUST_ROOT = 'https://edgeloop.dev/trust-root/v1'
export const FLEET_MANIFEST = 'https://edgeloop.dev/fleet-manifest/v1'
export const FRESHNESS_BEACON = 'https://edgeloop.dev/freshness-beacon/v1'

/** Largest signed document in its envelope: what AWS IoT Core carries in one message. */
export const MAX_DOCUMENT_BYTES = 131_072
/** Counters may not rise by more at once, so that a stolen key cannot use them up with one message. */
export const MAX_COUNTER_JUMP = 1_000_000

/** What a device may never run again. Only ever grows, until the trust root opens a new epoch. */
export interface Bars {
  /** Lowest release counter (model version) by model. */
  readonly minimumRelease: Readonly<Record<string, number>>
  /** SHA-256 of OMS bundle files. */
  readonly revokedBundles: readonly string[]
}

/** Offline keys say which online keys count. Link N + 1 is signed by a threshold of link N's and of its own root keys. */
export interface TrustRoot extends Bars {
  /** 1 for the first, one more for each that follows. */
  readonly version: number
  /** Rises when an online key was lost: whatever was signed in an earlier epoch is void. */
  readonly epoch: number
  readonly issued: string
  readonly expires: string
  /** Key id → DER SPKI, base64. A key's id is what OMS calls its hint: SHA-256 of the SPKI PEM, hex. */
  readonly keys: Readonly<Record<string, string>>
  readonly roles: {
    readonly root: { readonly keyids: readonly string[]; readonly threshold: number }
    readonly model: { readonly keyids: readonly string[] }
    readonly deployment: { readonly keyids: readonly string[] }
  }
}

/** Says, on a schedule, what time it is and how old an instruction may be. */
export interface FreshnessBeacon {
  readonly fleet: string
  readonly epoch: number
  /** Lowest manifest counter that still counts. */
  readonly minimumCounter: number
  /** Lowest version of the trust root that a device must have. */
  readonly minimumRoot: number
  readonly issued: string
  readonly expires: string
}

/** A file named by its digest. */
export interface BlobRef {
  /** Lower-case hex SHA-256. */
  readonly sha256: string
  readonly length: number
}
/** One release of a model for one hardware, with everything needed to check it before and after the download. */
export interface Release {
  readonly model: string
  /** Also the release counter. */
  readonly version: number
  /** What must run it, for example `edgeloop-wasm`. */
  readonly runtime: string
  readonly bundle: BlobRef
  readonly package: BlobRef
}
/** Seconds over which the devices that have to fetch the release spread their starts; left out, they start at once. */
export interface Spread {
  readonly startWithin?: number
}
/** One line of the hard lane; a row is judged by the first that it fits. Probabilities are above 0 and at most 1. */
export type HardStrategy =
  | { readonly strategy: 'margin'; readonly below: number; readonly probability: number }
  /** A share of ln k. */
  | { readonly strategy: 'entropy'; readonly above: number; readonly probability: number }
  /** Nats per feature. */
  | { readonly strategy: 'outOfDistribution'; readonly surprise: number; readonly probability: number }
  | { readonly strategy: 'class'; readonly classes: string[]; readonly probability: number }
export interface SamplingPolicy {
  readonly audit: number
  readonly hard?: { readonly margin: number; readonly probability: number } | HardStrategy[]
  readonly limits?: { readonly itemsPerHour?: number; readonly bytesPerDay?: number }
}
/** The next `count` rows of each of these devices, once. */
export interface Burst {
  readonly id: string
  readonly things: 'all' | string[]
  readonly count: number
  readonly until: string
}
/** Takes the place of the policy that the package carries. */
export interface SlotSampling extends SamplingPolicy {
  /** SHA-256 of the policy. */
  readonly policy: string
  /** Times every probability but a burst's; above 0 and at most 1. */
  readonly factor: number
  readonly burst?: Burst
}
export interface ManifestSlot {
  readonly slot: string
  readonly hardware: string
  readonly committed: (Release & Spread) | null
  readonly candidate:
    | (Spread & {
        readonly rollout: string
        readonly release: Release
        readonly seed: string
        readonly exposure: number
        /** Share from the top of the draw that the canaries are compared with. */
        readonly control: number
        /** `shadow`: runs beside what the slot has, and its answers are not used. */
        readonly mode: 'active' | 'shadow'
      })
    | null
  /** Thing → bundle digest, against the draw. */
  readonly pins: Readonly<Record<string, string>>
  readonly sampling?: SlotSampling
}
/** The desired state of a fleet: every slot, so that nothing can be mixed from two manifests. */
export interface FleetManifest extends Bars {
  readonly audience: { readonly fleet: string }
  readonly epoch: number
  readonly counter: number
  readonly issued: string
  readonly expires: string
  readonly slots: readonly ManifestSlot[]
}
