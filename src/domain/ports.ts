/** What the handlers need from the outside, as small interfaces. Adapters implement them; tests pass doubles. */
import type { DsseEnvelope } from '../contracts/manifest.ts'
import type { Answer } from '../contracts/mqtt.ts'
import type { Cause, Store } from './store.ts'

export interface Log {
  info(code: string, fields?: Readonly<Record<string, unknown>>): void
  warn(code: string, fields?: Readonly<Record<string, unknown>>): void
  error(code: string, fields?: Readonly<Record<string, unknown>>): void
}
/** Every handler has these. `now` is the only clock. */
export interface Core {
  readonly store: Store
  readonly now: () => Date
  readonly log: Log
  /** Counts something in CloudWatch, without dimensions of its own: names are few and fixed. */
  readonly count: (name: MetricName, by?: number) => void
}
export type MetricName =
  | 'InputsRejected'
  | 'DriftDetected'
  | 'DeviceDriftDetected'
  | 'RetrainsApproved'
  | 'RolloutsRolledBack'
  | 'RolloutsHeld'
  | 'DevicesSilent'

export interface ObjectInfo {
  readonly key: string
  readonly size: number
}
/** One bucket. Reads throw EdgeloopError NOT_FOUND, or LIMIT when the object is larger than `maxBytes`. */
export interface Objects {
  get(
    key: string,
    options: { readonly maxBytes: number; readonly versionId?: string },
  ): Promise<{ readonly bytes: Uint8Array; readonly versionId?: string }>
  range(key: string, offset: number, length: number): Promise<Uint8Array>
  /** Writes once: an object that is there already is left alone and is not an error. */
  putOnce(key: string, bytes: Uint8Array, contentType: string): Promise<void>
  list(prefix: string): Promise<readonly ObjectInfo[]>
}

/** Objects that are written again when they change. */
export interface Archive {
  /** Writes over what is there. */
  replace(key: string, bytes: Uint8Array, contentType: string): Promise<void>
}

export interface TrainingJobRequest {
  readonly name: string
  readonly hyperparameters: Readonly<Record<string, string>>
  /** Channel → key prefix in the artefact bucket. */
  readonly channels: Readonly<Record<string, string>>
  readonly outputPrefix: string
  readonly instanceType: string
  readonly maxRuntimeSeconds: number
  readonly tags: Readonly<Record<string, string>>
}
export type JobState =
  | { readonly status: 'running' }
  | { readonly status: 'failed'; readonly reason: string }
  | { readonly status: 'completed'; readonly artefactKey: string; readonly note?: string }
/** SageMaker. `start…` is idempotent by the job's name. */
export interface Jobs {
  startTraining(request: TrainingJobRequest): Promise<void>
  training(name: string): Promise<JobState>
  startCompilation(request: {
    readonly name: string
    readonly inputKey: string
    readonly outputPrefix: string
    readonly device: string
    readonly maxRuntimeSeconds: number
  }): Promise<void>
  compilation(name: string): Promise<JobState>
}

/** An asymmetric key that signs digests. */
export interface Signer {
  readonly publicKey: () => Promise<Uint8Array>
  readonly sign: (digest: Uint8Array) => Promise<Uint8Array>
}

/** Addresses that carry a right: whoever has one can read one object of a bucket over HTTPS, until it is over. */
export interface Links {
  get(key: string, seconds: number): Promise<string>
}

/** Towards the devices. */
export interface DeviceLink {
  publishManifest(fleet: string, envelope: unknown): Promise<void>
  publishBeacon(fleet: string, envelope: unknown): Promise<void>
  /** Every link, version 1 first; retained. */
  publishTrust(chain: readonly DsseEnvelope[]): Promise<void>
  answer(thing: string, corr: string, answer: Answer): Promise<void>
  prediction(thing: string, corr: string, body: unknown): Promise<void>
  block(thing: string, digest: string, offset: number, bytes: Uint8Array): Promise<void>
}
/** The registry vouches for what a device is; the device's own words do not. */
export interface Registry {
  /** `undefined` when the thing is unknown or has no fleet. */
  describe(thing: string): Promise<{ readonly fleet: string; readonly hardware: string } | undefined>
}

/** Certificates of things, by id. */
export interface Certificates {
  /** Those attached to a thing; none for a thing that is unknown. */
  of(thing: string): Promise<readonly string[]>
  /** For good: AWS IoT closes the connections of a revoked certificate and takes no new one. */
  revoke(certificateId: string): Promise<void>
}

export interface PollMessage extends Cause {
  readonly model: string
  readonly version: number
  readonly hardware: string
  readonly attempt: number
}
export interface PollQueue {
  /** Asks for a look at a compilation job after a while. */
  later(message: PollMessage): Promise<void>
}
export interface Bus {
  /** Publishes serialised envelopes; returns the positions that failed. */
  publish(events: readonly { readonly type: string; readonly detail: string }[]): Promise<readonly number[]>
}
