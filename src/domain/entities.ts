import type { DriftEvidence } from '../contracts/drift.ts'
import type { Bars, DsseEnvelope, ManifestSlot } from '../contracts/manifest.ts'
import type { ModelConfig } from '../contracts/model-config.ts'
import type { MetricsBody } from '../contracts/mqtt.ts'
import type { Baseline, PackageRef } from '../contracts/packages.ts'
import type { Strategy } from '../contracts/sampling-policy.ts'
import type { GateLine } from './evaluation/lines.ts'
import type { Problems } from './monitoring/problems.ts'
import type { Scope } from './monitoring/scope.ts'
import type { Verdict, VerdictState } from './monitoring/verdict.ts'
import type { DropFacts, GuardOutcome, RetrainFacts, RetrainTrigger } from './retrain/guards.ts'
import type { Key } from './store.ts'
import type { TrainingSetSummary } from './training/plan.ts'

/** Rows of the state table and their keys. The access patterns are listed in docs/state.md. */
export interface ModelRow {
  readonly config: ModelConfig
  readonly configDigest: string
  readonly nextVersion: number
  /** Newest version that every device is told to run. */
  readonly champion?: number
  readonly lastTrainingAt?: string
  /** Approved retrain that has come neither to a version nor to a suppression yet, and since when. */
  readonly retraining?: { readonly decision: string; readonly since: string }
}
export interface DatasetRow {
  readonly key: string
  readonly versionId?: string
  readonly digest: string
  readonly rows: number
  readonly registeredAt: string
}

export interface FieldSet {
  /** Of the admitted object that they were taken from. */
  readonly digest: string
  readonly samples: number
  readonly devices: number
  /** When they were admitted: labels of later are new. */
  readonly at: string
}

interface VersionBase {
  readonly model: string
  readonly version: number
  readonly config: ModelConfig
  readonly configDigest: string
  readonly requestedAt: string
  /** Turns of the loop since a person's drop; a retrain is one more than the version it replaces. */
  readonly generation: number
  /** Of the drop or decision that asked for it, for logs; absent in rows of before it was kept. */
  readonly correlationId?: string
  readonly origin: 'training' | 'import'
  readonly job?: string
  readonly trainingSet?: TrainingSetSummary
  readonly trainingSetDigest?: string
  /** Field samples in the training set; the list itself is in its manifest, since rows have an end at 400 KB. */
  readonly field?: FieldSet
  readonly hyperparameters?: Readonly<Record<string, string>>
  /** Training image, as it was asked for. */
  readonly image?: string
  /** Object that an import came as. */
  readonly imported?: { readonly key: string; readonly versionId?: string }
  /** Decision that asked for this version; absent for a person's drop. */
  readonly decision?: string
}
interface Evaluated extends VersionBase {
  readonly modelDigest: string
  readonly metrics: Readonly<Record<string, number>>
  /** What the gate saw on every set and slice; absent in rows of before it was kept. */
  readonly gate?: readonly GateLine[]
  readonly evaluatedAt?: string
}
/** Anchor of a version's lineage, written once when it is signed; see docs/lineage.md. */
export interface SignedLineage {
  /** Of the node `release`. */
  readonly digest: string
  /** Champion at that time, with its own anchor: the versions of a model are one chain. */
  readonly previous: { readonly version: number; readonly lineage: string | null } | null
  readonly at: string
}
/** Lifecycle of a model version; each later stage extends the earlier one. */
export type VersionRow =
  | (VersionBase & { readonly status: 'REQUESTED' | 'TRAINING' })
  | (VersionBase & { readonly status: 'FAILED'; readonly reason: string })
  | (Evaluated & { readonly status: 'REJECTED'; readonly reasons: readonly string[] })
  | (Evaluated & { readonly status: 'REGISTERED'; readonly baselineDigest: string })
  | (Evaluated & {
      readonly status: 'PACKAGED'
      readonly baselineDigest: string
      readonly packages: readonly PackageRef[]
      readonly lineage?: SignedLineage
    })
export type RegisteredVersion = Extract<VersionRow, { status: 'REGISTERED' | 'PACKAGED' }>

export type TargetRow = {
  readonly model: string
  readonly version: number
  readonly hardware: string
  readonly strategy: 'edgeloop' | 'neo' | 'none'
  readonly job?: string
} & (
  | { readonly status: 'COMPILING' }
  | {
      readonly status: 'COMPILED'
      readonly artefact: string
      readonly bytes: number
      readonly file: string
      readonly note?: string
      readonly at?: string
    }
  | { readonly status: 'FAILED'; readonly reason: string }
)

export interface FleetRow {
  readonly fleet: string
  readonly epoch: number
  readonly counter: number
  readonly slots: readonly ManifestSlot[]
  readonly bars: Bars
  readonly envelope?: DsseEnvelope
  /** Id of the deployment key that signed it. */
  readonly keyid?: string
  /** Highest counter that reached the broker; below `counter` means: publish again. */
  readonly published: number
  /** The last that was signed; it says that `published` and `root` are the newest. */
  readonly beacon?: {
    readonly envelope: DsseEnvelope
    readonly at: string
    readonly root: number
    readonly counter: number
  }
  /** Rollout in flight by slot. */
  readonly active: Readonly<Record<string, string>>
}

/** The newest trust root, and the chain that leads to it. */
export interface TrustRow extends Bars {
  readonly version: number
  readonly epoch: number
  /** SHA-256 of the newest link's payload. */
  readonly digest: string
  /** Every link, version 1 first. */
  readonly chain: readonly DsseEnvelope[]
  readonly expires: string
  /** Who may sign what; a key's id is the SHA-256 of its SPKI PEM. */
  readonly keyids: Readonly<Record<'root' | 'model' | 'deployment', readonly string[]>>
  /** Highest version that reached the broker; below `version` means: publish again. */
  readonly published: number
}

export interface DeviceSlot {
  /** What it last said that it runs. */
  readonly bundle: string | null
  /** Number of the message that said so: a later one may have come before it. */
  readonly said?: { readonly epoch: number; readonly seq: number }
  readonly step: string
  readonly code?: string
  readonly at: string
  /** What the bundle stands for; absent in rows of before it was kept, and for bundles that nobody knows here. */
  readonly release?: { readonly model: string; readonly version: number }
}
export interface DeviceRow {
  readonly thing: string
  readonly fleet: string
  readonly hardware: string
  readonly runtime: string
  readonly lastSeen: string
  /** Newest message that changed this row. */
  readonly epoch: number
  readonly seq: number
  readonly slots: Readonly<Record<string, DeviceSlot>>
  readonly silent: boolean
  readonly dropped: number
  /** Its usual time between messages, ms: a moving average. */
  readonly gapMs?: number
  /** ISO time; what is received then or later is refused, and samples of then or later are in no training set. */
  readonly revokedAt?: string
  /** ISO time since when it counts again, enrolled anew; never before `revokedAt`. */
  readonly reinstatedAt?: string
  /** It is in the counters of its fleet. */
  readonly counted?: true
}

/** A line of the allow-list, and what became of it. */
export interface EnrolmentRow {
  readonly serial: string
  readonly fleet: string
  readonly hardware: string
  readonly status: 'ALLOWED' | 'USED' | 'BLOCKED'
  readonly allowedBy: string
  readonly allowedAt: string
  /** Request that allowed it, which so finds its own work when it comes again. Not shown. */
  readonly request?: string
  /** Of the device that used it: its newest certificate, and its key, which alone may use it again. */
  readonly certificateId?: string
  readonly publicKey?: string
  readonly usedAt?: string
  /** Claim certificate that it came with. */
  readonly claim?: string
  readonly blockedAt?: string
  readonly reason?: string
}
/** Token bucket of one claim certificate. */
export interface BucketRow {
  readonly tokens: number
  readonly at: string
}
export interface RevocationRow {
  readonly thing: string
  readonly fleet: string
  readonly since: string
  readonly reason: string
  readonly by: string
  /** When the command came. */
  readonly at: string
  readonly status: 'REVOKING' | 'REVOKED' | 'LIFTED'
  readonly certificates: readonly string[]
}
/** A command that an operator gave: never changed, never removed. */
export interface AuditRow {
  readonly audit: string
  readonly at: string
  /** Subject of the token, or the dropped object. */
  readonly by: string
  readonly action:
    | 'ALLOW_DEVICES'
    | 'CHANGE_ENROLMENT'
    | 'REVOKE_DEVICE'
    | 'BAR_RELEASE'
    | 'START_ROLLOUT'
    | 'PLAN_ROLLOUT'
    | 'COMMAND_ROLLOUT'
    | 'REQUEST_BURST'
    | 'REQUEST_RETRAIN'
    | 'RESET_BREAKER'
    | 'REVIEW_SAMPLE'
    | 'POST_LABELS'
    | 'ERASE_SAMPLES'
    | 'REDRIVE'
  readonly subject: string
  readonly change: unknown
  /** What was there before; null when nothing was. */
  readonly before: unknown
  /** What the command was answered, for when it comes again and would not fit any more. Not shown. */
  readonly answer?: unknown
}

/** The last burst that an operator asked for. */
export interface BurstRow {
  readonly burst: string
  readonly model: string
  readonly fleet: string
  /** By their hardware. */
  readonly things: 'all' | Readonly<Record<string, readonly string[]>>
  readonly count: number
  readonly until: string
}
/** How a model's samples keep to the fleet's budget: what had come by a time, and the factor that holds since. */
export interface SamplingBudgetRow {
  readonly model: string
  readonly factor: number
  readonly items: number
  readonly at: string
}

/** What a bundle digest stands for, and the shape of the counts its devices send. */
export interface BundleRow {
  readonly model: string
  readonly version: number
  readonly hardware: string
  readonly fleet: string
  readonly slot: string
  readonly featureBins: Readonly<Record<string, number>>
  readonly predictionBins: number
  /** Absent where the baseline has no bins for it. */
  readonly confidenceBins?: number
  readonly artefact: string
}
export interface BlobRow {
  readonly objectKey: string
  readonly length: number
}
/** What makes one package out of another. Whether a fleet may have it is said by the blob of its digest. */
export interface DeltaRow {
  readonly digest: string
  readonly length: number
  /** Bytes of the package that it starts from. */
  readonly baseLength: number
}

/** One message about a window. What is optional is absent in rows that were written before it was kept. */
export interface DeviceWindowRow {
  readonly thing: string
  readonly inferences: number
  readonly features: Readonly<Record<string, readonly number[]>>
  readonly prediction: readonly number[]
  /** Log-bucket histogram, confidence in 1e-4, errors and resets, as in `metricsBody`. */
  readonly latency?: Readonly<Record<string, number>>
  readonly confidence?: number
  readonly confidenceCounts?: readonly number[]
  readonly errors?: number
  readonly resets?: number
  readonly historical?: boolean
  readonly samples?: MetricsBody['samples']
  /** Device time, ms since 1970: a claim. The time of receipt is not kept, since it differs between deliveries. */
  readonly sentAt?: number
}
/** A window that is closed, with the messages that were counted when it was last closed or amended. */
export interface ClosedWindowRow {
  readonly model: string
  readonly version: number
  readonly window: number
  readonly reported: number
  readonly expected: number
}
/** What the last window said of one quantity. */
export interface QuantityView extends DriftEvidence {
  readonly state: VerdictState
  /** Why nothing can be said. */
  readonly reason?: Verdict['reason']
  readonly upperBound: number
  /** Window from which on the evidence counts. */
  readonly since: number
  /** Intra-device correlation that it was judged with. */
  readonly correlation: number
  /** Its open episode. */
  readonly open?: string
  readonly scope: Scope['kind']
}
export interface MonitorRow extends Problems {
  /** SHA-256 of the state object. */
  readonly state: string
  readonly evaluated: readonly number[]
  readonly latest: readonly QuantityView[]
  /** The episode in which the model, and not single devices, drifts. */
  readonly episode?: string
}
export interface EpisodeRow {
  readonly episode: string
  readonly model: string
  readonly version: number
  readonly cause: 'drift' | 'harm'
  readonly openedAt: string
  readonly window?: number
  readonly evidence?: readonly DriftEvidence[]
  /** Error at release and how much worse it may be: above it a shift hurts. In the unit of the baseline's error. */
  readonly accepted?: number
  /** Decision that used it up. */
  readonly decision?: string
  /** The window with which it was over before anything was decided. */
  readonly closed?: number
}

/** In the quarantine table: no training job and nobody who starts one reads it. */
export interface SampleRow {
  readonly eventId: string
  readonly thing: string
  readonly model: string
  readonly version: number
  /** Bundle that answered. */
  readonly bundle?: string
  readonly capturedAt: string
  readonly receivedAt: string
  readonly lane: 'audit' | 'hard'
  readonly pi: number
  /** As the device said; absent from devices and in rows of before there were several. */
  readonly strategy?: Strategy
  readonly policy?: string
  readonly row: readonly (number | null)[]
  readonly prediction: number
  readonly label?: number
  /** The class by name: indices mean something else once model.yaml names other classes. */
  readonly labelClass?: string
  readonly labelledAt?: string
  /** People differ about its label: it has none, and no file gives it one. */
  readonly contested?: true
}

/** Some samples that were erased together: when (ISO), why, and how many. */
export interface Erasure {
  readonly erasedAt: string
  readonly reason: string
  readonly samples: number
}
/** Where an admitted object is now, after something of it was erased. */
export interface ErasedAdmittedRow {
  /** Digest under which it was admitted, and which versions and training sets go on naming. */
  readonly original: string
  /** Digest of what is left. */
  readonly current: string
  readonly erasures: readonly Erasure[]
}
/** What was erased of the samples that a training set names. */
export interface ErasedSetRow {
  readonly trainingSet: string
  readonly erasures: readonly Erasure[]
}
/** An erasure that has begun and not ended: the only place that names what is erased, and gone at its end. */
export interface ErasingRow {
  readonly what: { readonly device: string } | { readonly sample: string }
  readonly erasedAt: string
  readonly reason: string
  readonly by: string
}
/** In the quarantine table: something of this device was erased, and what it sends again is not taken. */
export interface ErasedDeviceRow {
  /** ISO time: everything that it captured until then is erased; absent when single samples are. */
  readonly until?: string
}
/** In the quarantine table, in place of an erased sample. */
export interface ErasedSampleRow {
  readonly erasedAt: string
  readonly reason: string
  /** That answered; absent when its row had gone by its ttl already. */
  readonly version?: number
}

/** What an approved retrain may train on, of all field samples. */
export interface AdmissionRow {
  readonly decision: string
  readonly model: string
  readonly trigger: RetrainTrigger
  readonly digest: string
  /** Digest of the report that lies beside the samples. */
  readonly report: string
  readonly admitted: number
  readonly devices: number
  readonly excluded: Readonly<Record<string, number>>
  readonly at: string
  /** What became of it: a version was asked for, or there was nothing new to train on. */
  readonly version?: number
  readonly suppressed?: boolean
}

export interface DecisionRow {
  readonly decision: string
  readonly model: string
  readonly trigger: RetrainTrigger
  readonly approved: boolean
  readonly facts: RetrainFacts | DropFacts
  readonly guards: readonly GuardOutcome[]
  readonly episode?: string
  readonly at: string
}
export interface RejectionRow {
  readonly rejection: string
  readonly channel: 's3' | 'mqtt' | 'bus' | 'api'
  readonly subject: string
  readonly code: string
  readonly reason: string
  readonly field?: string
  readonly model?: string
  readonly thing?: string
  readonly at: string
  /** Start of the refused payload, for the operator; base64. */
  readonly excerpt?: string
}
/** What is kept beside a version for packaging: see `Baseline`. */
export type BaselineDocument = Baseline

const padded = (n: number): string => String(n).padStart(7, '0')
export const keys = {
  model: (model: string): Key => ({ pk: `MODEL#${model}`, sk: 'MODEL' }),
  dataset: (model: string, digest: string): Key => ({ pk: `MODEL#${model}`, sk: `DATASET#${digest}` }),
  version: (model: string, version: number): Key => ({
    pk: `MODEL#${model}`,
    sk: `VERSION#${padded(version)}`,
  }),
  run: (model: string, fingerprint: string): Key => ({ pk: `MODEL#${model}`, sk: `RUN#${fingerprint}` }),
  target: (model: string, version: number, hardware: string): Key => ({
    pk: `TARGETS#${model}#${padded(version)}`,
    sk: hardware,
  }),
  job: (job: string): Key => ({ pk: `JOB#${job}`, sk: 'JOB' }),
  fleet: (fleet: string): Key => ({ pk: `FLEET#${fleet}`, sk: 'FLEET' }),
  trust: (): Key => ({ pk: 'TRUST', sk: 'TRUST' }),
  device: (thing: string): Key => ({ pk: `DEVICE#${thing}`, sk: 'DEVICE' }),
  /** Devices of a fleet that are silent. */
  silent: (fleet: string, thing: string): Key => ({ pk: `SILENT#${fleet}`, sk: thing }),
  fleetCounts: (fleet: string, shard: number): Key => ({ pk: `FLEETCOUNTS#${fleet}#${shard}`, sk: 'COUNTS' }),
  enrolment: (serial: string): Key => ({ pk: `ENROLMENT#${serial}`, sk: 'ENROLMENT' }),
  claim: (certificateId: string): Key => ({ pk: `CLAIM#${certificateId}`, sk: 'BUCKET' }),
  revocation: (thing: string): Key => ({ pk: `DEVICE#${thing}`, sk: 'REVOCATION' }),
  audit: (id: string): Key => ({ pk: `AUDIT#${id}`, sk: 'AUDIT' }),
  message: (thing: string, epoch: number, seq: number): Key => ({
    pk: `DEVICE#${thing}`,
    sk: `MESSAGE#${epoch}#${seq}`,
  }),
  /** One row per device that runs a version; their number is how many windows to expect. */
  running: (model: string, version: number, thing: string): Key => ({
    pk: `RUNNING#${model}#${padded(version)}`,
    sk: thing,
  }),
  burst: (model: string): Key => ({ pk: `MODEL#${model}`, sk: 'BURST' }),
  samplingBudget: (model: string): Key => ({ pk: `MODEL#${model}`, sk: 'SAMPLINGBUDGET' }),
  /** Counter `items`: samples that came while there is a fleet budget, bursts left out. A partition of its own, since every message adds to it. */
  sampled: (model: string): Key => ({ pk: `SAMPLED#${model}`, sk: 'SAMPLED' }),
  bundle: (digest: string): Key => ({ pk: `BUNDLE#${digest}`, sk: 'BUNDLE' }),
  blob: (digest: string, fleet: string): Key => ({ pk: `BLOB#${digest}`, sk: `FLEET#${fleet}` }),
  /** By the SHA-256 of the packages that it leads to and starts from. */
  delta: (target: string, base: string): Key => ({ pk: `DELTA#${target}`, sk: base }),
  rollout: (id: string): Key => ({ pk: `ROLLOUT#${id}`, sk: 'ROLLOUT' }),
  /** Devices and counters of a rollout are spread over partitions, each of which takes 1,000 writes a second. */
  evidence: (id: string, shard: number, thing: string): Key => ({
    pk: `EVIDENCE#${id}#${shard}`,
    sk: `DEVICE#${thing}`,
  }),
  evidenceCounts: (id: string, shard: number): Key => ({ pk: `EVIDENCE#${id}#${shard}`, sk: 'COUNTS' }),
  window: (model: string, version: number, window: number): Key => ({
    pk: `WINDOW#${model}#${padded(version)}#${window}`,
    sk: 'WINDOW',
  }),
  windowClosed: (model: string, version: number, window: number): Key => ({
    pk: `WINDOW#${model}#${padded(version)}#${window}`,
    sk: 'CLOSED',
  }),
  windowExpected: (model: string, version: number, window: number): Key => ({
    pk: `WINDOW#${model}#${padded(version)}#${window}`,
    sk: 'EXPECTED',
  }),
  windowPart: (
    model: string,
    version: number,
    window: number,
    thing: string,
    epoch: number,
    seq: number,
  ): Key => ({
    pk: `WINDOW#${model}#${padded(version)}#${window}`,
    sk: `DEVICE#${thing}#${epoch}#${seq}`,
  }),
  monitor: (model: string, version: number): Key => ({
    pk: `MONITOR#${model}#${padded(version)}`,
    sk: 'MONITOR',
  }),
  /** What a window came to; beside the monitor, newest last. */
  windowSummary: (model: string, version: number, window: number): Key => ({
    pk: `MONITOR#${model}#${padded(version)}`,
    sk: `WINDOW#${String(window).padStart(12, '0')}`,
  }),
  /** In the quarantine table, in one transaction with the labels that they count. */
  labelStats: (model: string, version: number): Key => ({
    pk: `MONITOR#${model}#${padded(version)}`,
    sk: 'LABELS',
  }),
  episode: (model: string, episode: string): Key => ({ pk: `MODEL#${model}`, sk: `EPISODE#${episode}` }),
  /** In the quarantine table. The sender is part of the key, so that nobody takes the place of another's sample. */
  sample: (model: string, eventId: string, thing: string): Key => ({
    pk: `SAMPLES#${model}`,
    sk: `${eventId}#${thing}`,
  }),
  /** In the quarantine table. `owner` and `eventId` are digests: a tombstone has no name in it. */
  erasedDevice: (model: string, owner: string): Key => ({ pk: `ERASED#${model}#${owner}`, sk: 'DEVICE' }),
  erasedSample: (model: string, owner: string, eventId: string): Key => ({
    pk: `ERASED#${model}#${owner}`,
    sk: `SAMPLE#${eventId}`,
  }),
  erasing: (model: string): Key => ({ pk: `MODEL#${model}`, sk: 'ERASING' }),
  erasedAdmitted: (model: string, digest: string): Key => ({
    pk: `MODEL#${model}`,
    sk: `ERASED#ADMITTED#${digest}`,
  }),
  erasedSet: (model: string, digest: string): Key => ({ pk: `MODEL#${model}`, sk: `ERASED#SET#${digest}` }),
  labelFile: (model: string, digest: string): Key => ({ pk: `MODEL#${model}`, sk: `LABELFILE#${digest}` }),
  labelRequest: (model: string, request: string): Key => ({
    pk: `MODEL#${model}`,
    sk: `LABELREQUEST#${request}`,
  }),
  review: (model: string, eventId: string): Key => ({ pk: `REVIEWS#${model}`, sk: eventId }),
  /** How often a person's answers were those that settled. */
  labeller: (model: string, by: string): Key => ({ pk: `LABELLERS#${model}`, sk: by }),
  breaker: (model: string): Key => ({ pk: `MODEL#${model}`, sk: 'BREAKER' }),
  decision: (model: string, decision: string): Key => ({ pk: `MODEL#${model}`, sk: `DECISION#${decision}` }),
  admission: (model: string, decision: string): Key => ({
    pk: `MODEL#${model}`,
    sk: `ADMISSION#${decision}`,
  }),
  rejection: (id: string): Key => ({ pk: `REJECTION#${id}`, sk: 'REJECTION' }),
  outbox: (id: string): Key => ({ pk: `OUTBOX#${id}`, sk: 'EVENT' }),
  idempotency: (request: string): Key => ({ pk: `IDEMPOTENCY#${request}`, sk: 'ANSWER' }),
  /** Token bucket of a person's commands. */
  commands: (by: string): Key => ({ pk: `COMMANDS#${by}`, sk: 'BUCKET' }),
  overview: (): Key => ({ pk: 'OVERVIEW', sk: 'OVERVIEW' }),
  people: (): Key => ({ pk: 'PEOPLE', sk: 'NAMES' }),
  /** When a message of any of its devices came last, to within some seconds. */
  fleetHeard: (fleet: string): Key => ({ pk: `FLEET#${fleet}`, sk: 'HEARD' }),
  /** Numbers of a fleet over the last day. */
  fleetHistory: (fleet: string): Key => ({ pk: `FLEET#${fleet}`, sk: 'HISTORY' }),
  reconciler: (): Key => ({ pk: 'RECONCILER', sk: 'RECONCILER' }),
} as const

export const listings = {
  models: 'MODELS',
  fleets: 'FLEETS',
  devices: (fleet: string) => `DEVICES#${fleet}`,
  versions: (model: string) => `VERSIONS#${model}`,
  reviews: (model: string) => `REVIEWS#${model}`,
  rollouts: 'ROLLOUTS',
  decisions: 'DECISIONS',
  rejections: 'REJECTIONS',
  enrolments: 'ENROLMENTS',
  audit: 'AUDIT',
} as const

/** Versions in the order of their numbers. */
export const versionListing = (model: string, version: number) => ({
  pk: listings.versions(model),
  sk: padded(version),
})
