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
  readonly count: (name: CounterName, by?: number) => void
  /** How much of something there is now. */
  readonly measure: (name: GaugeName, value: number) => void
}
/** Things that happened. What each is for: docs/operations.md. */
export const counterNames = [
  'InputsRejected',
  'DeviceMessages',
  'RuleActionFailures',
  'DriftDetected',
  'DeviceDriftDetected',
  'RetrainsApproved',
  'RetrainsSuppressed',
  'GenerationRefused',
  'RolloutsCompleted',
  'RolloutsRolledBack',
  'RolloutsHeld',
  'SigningBlocked',
  'DevicesSilent',
  'ReconcilerRuns',
] as const
export type CounterName = (typeof counterNames)[number]
/** With the unit that CloudWatch is told. */
export const gaugeUnits = {
  OutboxAge: 'Seconds',
  SilentDevices: 'Count',
  DevicesAwaited: 'Count',
  RolloutsStuck: 'Count',
  RolloutsWaiting: 'Count',
  LoopGeneration: 'Count',
} as const
export type GaugeName = keyof typeof gaugeUnits

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

/** A message as its queue gave it: hidden from others for the time that was asked for. */
export interface QueueMessage {
  readonly id: string
  /** For `show` and `remove`, while it is hidden. */
  readonly receipt: string
  readonly body: string
  /** ISO time. */
  readonly sentAt: string
  /** How often it was received, this time included. */
  readonly received: number
  readonly attributes: Readonly<Record<string, string>>
}
/** SQS moving a dead-letter queue's messages back to where they came from. */
export interface Move {
  readonly status: string
  readonly moved: number
  readonly toMove: number | null
  /** ISO time of its start. */
  readonly at: string
}
/** Queues, by URL where nothing else is said. */
export interface Queues {
  /** Numbers are approximate, as SQS says. */
  state(url: string): Promise<{ readonly arn: string; readonly messages: number; readonly inFlight: number }>
  /** At most 10; may be fewer than there are. Waits up to `waitSeconds` for a first one. */
  receive(
    url: string,
    options: { readonly max: number; readonly hiddenSeconds: number; readonly waitSeconds: number },
  ): Promise<readonly QueueMessage[]>
  /** Others see them again at once. */
  show(url: string, receipts: readonly string[]): Promise<void>
  remove(url: string, receipt: string): Promise<void>
  /** By ARN; of dead-letter queues of queues only. */
  newestMove(arn: string): Promise<Move | undefined>
  /** By ARN; returns the task's handle. Throws EdgeloopError ILLEGAL_STATE while another move of it goes on. */
  moveBack(arn: string, perSecond: number): Promise<string>
}
export interface Functions {
  /** Asynchronously: retries and the place for failures are the function's own. */
  invoke(name: string, payload: unknown): Promise<void>
}
