import type { Release } from '../../contracts/manifest.ts'
import type { PhasePolicy, RolloutPolicy } from '../../contracts/rollout-policy.ts'
import type { RolloutDecisionKind, RolloutStatus } from '../../contracts/rollout-states.ts'
import type { ProofRow } from './stats/proof.ts'

export type { RolloutStatus }

const ENDS: readonly RolloutStatus[] = ['COMPLETED', 'ROLLED_BACK', 'ABORTED', 'SUPERSEDED']
export const terminalRollout = (status: RolloutStatus): boolean => ENDS.includes(status)

/** Who decides when no person does. */
export const ENGINE = 'engine'

export const arms = ['canary', 'control'] as const
export type Arm = (typeof arms)[number]
/** Two-arm counts of devices with at least one of these. */
export const eventMetrics = ['errors', 'resets', 'silent'] as const
export type EventMetric = (typeof eventMetrics)[number]
/** One value per device. */
export const valueMetrics = ['latency', 'confidence', 'disagreement'] as const
export type ValueMetric = (typeof valueMetrics)[number]
export type Metric = 'failures' | EventMetric | ValueMetric

export interface Phase extends PhasePolicy {
  /** By hardware: the policy's share, raised for `minDevices`. */
  readonly exposures: Readonly<Record<string, number>>
  /** Share of the fleet, from the top of the draw, that is compared with the canary; by hardware. */
  readonly controls: Readonly<Record<string, number>>
  /** Devices that are expected in either arm. */
  readonly devices: Readonly<Record<Arm, number>>
  /** Seconds over which the devices that this phase adds spread their starts; left out where they need not. */
  readonly startWithin?: number
  /** What this phase can prove, as it was known before it began. */
  readonly proof: readonly ProofRow[]
}

/** Counters by name, summed over all shards; absent is 0. */
export type Counts = Readonly<Record<string, number>>

export interface TestResult {
  readonly metric: Metric
  readonly test: string
  readonly verdict: 'harm' | 'safe' | 'undecided'
  /** Counts or means that went in. */
  readonly canary: string
  readonly control?: string
  readonly statistic: number
  readonly threshold: number
  readonly alpha: number
}

/** A decision with the evidence behind it, as recorded. */
export interface RolloutDecision {
  readonly at: string
  readonly decision: RolloutDecisionKind
  /** Id of the request that asked for it: a command that comes twice counts once. */
  readonly command?: string
  /** `engine`, or the operator. */
  readonly by: string
  /** In which phase. */
  readonly phase: string
  readonly reason: string
  /** Whether the evidence proves what the phase must prove; absent where nothing was to be proven. */
  readonly proven?: boolean
  readonly counts: Counts
  readonly tests: readonly TestResult[]
  /** With `abort`: the devices that have the candidate keep it. */
  readonly keep?: boolean
  /** Devices that would have to report without failure for the phase to be passed; with `hold`. */
  readonly devicesNeeded?: number
}
export type Verdict =
  | {
      readonly decision: 'wait'
      readonly reason: string
      readonly devicesNeeded?: number
      readonly tests: readonly TestResult[]
      /** To be recorded: see `Rollout.looks`. */
      readonly look?: number
    }
  | RolloutDecision

export interface Rollout {
  readonly id: string
  readonly model: string
  readonly version: number
  readonly fleet: string
  readonly slot: string
  /** By hardware. */
  readonly releases: Readonly<Record<string, Release>>
  /** What the slot had before, by hardware: where a roll-back leads. */
  readonly before: Readonly<Record<string, Release | null>>
  readonly seed: string
  readonly policy: RolloutPolicy
  readonly phases: readonly Phase[]
  /** Rows that the counters are spread over. */
  readonly shards: number
  readonly status: RolloutStatus
  /** Index of the present phase. */
  readonly phase: number
  /** Whether the candidate runs beside the champion, unused. */
  readonly shadow: boolean
  readonly createdAt: string
  readonly createdBy: string
  /** Planned only: it begins when a person says so. */
  readonly waitsForStart?: true
  /** Who said that it, or its present phase, may start. */
  readonly approved: readonly string[]
  /** When the phases so far began, ISO. */
  readonly begun: readonly string[]
  /** When the present phase's time began to count: its begin, its activation, or when it was resumed. */
  readonly phaseSince: string
  /** Totals of terminal canaries at which this phase was looked at for promotion: each look spends error. */
  readonly looks: readonly number[]
  /** Counts that a person has seen and answered for: harm is judged on what came since. */
  readonly acknowledged: Counts
  readonly history: readonly RolloutDecision[]
  readonly generation: number
  /** Of what led to it: every phase is found under it in the logs. Absent in rows of before it was kept. */
  readonly correlationId?: string
}
