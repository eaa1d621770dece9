import type { Release } from '../../contracts/manifest.ts'
import { BLOCKS_PER_SECOND, type PhasePolicy, type RolloutPolicy } from '../../contracts/rollout-policy.ts'
import { armAt, controlFor, exposureFor, placement } from './placement.ts'
import { startWithin } from './spread.ts'
import { phaseProof } from './stats/proof.ts'
import { STOP_WEIGHTS, splitAlpha } from './stats/split.ts'
import type { Arm, Phase, Rollout } from './types.ts'

/** The fleet as it is known when a rollout is planned: every device, or only how many, where they are too many to list. */
export type FleetSight =
  | {
      readonly kind: 'devices'
      readonly devices: readonly { readonly thing: string; readonly hardware: string }[]
    }
  | { readonly kind: 'size'; readonly byHardware: Readonly<Record<string, number>> }

export interface PlanInput {
  readonly id: string
  readonly model: string
  readonly version: number
  readonly fleet: string
  readonly slot: string
  readonly releases: Readonly<Record<string, Release>>
  readonly seed: string
  readonly policy: RolloutPolicy
  readonly sight: FleetSight
  readonly at: Date
  readonly by: string
  /** `false`: planned only. */
  readonly start?: boolean
  readonly generation: number
}

/** Devices per row of counters. */
const DEVICES_PER_SHARD = 250
const MAX_SHARDS = 64

/** Phases with their arms, and what each can prove, known before anything is out. */
export function planRollout(input: PlanInput): Rollout {
  const { policy, sight, seed, releases } = input
  const hardware = Object.keys(releases).sort()
  const phases = withSpreads(
    policy.phases.map(p => planPhase(p, input, hardware)),
    input,
  )
  const devices = sizeOf(sight, hardware)
  const { id, model, version, fleet, slot } = input
  const at = input.at.toISOString()
  return {
    ...{ id, model, version, fleet, slot, releases, seed, policy, phases },
    before: {},
    shards: Math.min(MAX_SHARDS, Math.max(1, Math.ceil(devices / DEVICES_PER_SHARD))),
    ...{ status: 'PLANNED', phase: 0, shadow: false },
    ...(input.start === false ? { waitsForStart: true as const } : {}),
    ...{ createdAt: at, createdBy: input.by, approved: [], begun: [], looks: [], phaseSince: at },
    ...{ acknowledged: {}, history: [], generation: input.generation },
  }
}

const sizeOf = (sight: FleetSight, hardware: readonly string[]): number =>
  sight.kind === 'devices'
    ? sight.devices.filter(d => hardware.includes(d.hardware)).length
    : hardware.reduce((sum, hw) => sum + (sight.byHardware[hw] ?? 0), 0)

/** A phase's spread is for those that it adds: the ones before it have what they need. */
function withSpreads(phases: readonly PlannedPhase[], { policy, releases }: PlanInput): Phase[] {
  // Versions that were registered before policies had it.
  const rate = policy.transfer?.blocksPerSecond ?? BLOCKS_PER_SECOND
  return phases.map(({ canaries, ...phase }, i) => {
    const before = phases[i - 1]?.canaries ?? {}
    const added = Object.fromEntries(
      Object.entries(canaries).map(([hw, n]) => [hw, Math.max(0, n - (before[hw] ?? 0))]),
    )
    const seconds = startWithin(added, releases, rate)
    return { ...phase, ...(seconds === undefined ? {} : { startWithin: seconds }) }
  })
}

/** With its canaries by hardware. */
type PlannedPhase = Phase & { readonly canaries: Readonly<Record<string, number>> }

function planPhase(
  phase: PhasePolicy,
  { policy, sight, seed }: PlanInput,
  hardware: readonly string[],
): PlannedPhase {
  const drawn =
    sight.kind === 'devices'
      ? sight.devices
          .filter(d => hardware.includes(d.hardware) && !Object.hasOwn(policy.pins, d.thing))
          .map(d => ({ hardware: d.hardware, place: placement(seed, d.thing) }))
      : undefined
  const placesOf = (hw: string): readonly number[] =>
    (drawn ?? []).filter(d => !policy.stratify || d.hardware === hw).map(d => d.place)
  const exposures = byHardware(hardware, hw => exposureFor(placesOf(hw), phase.exposure, phase.minDevices))
  const controls = byHardware(hardware, hw => controlFor(exposures[hw] ?? 0))
  const sizes = sight.kind === 'size' ? sight.byHardware : {}
  const shares = { canary: exposures, control: controls }
  const inArm = (arm: Arm): Record<string, number> =>
    byHardware(hardware, hw =>
      drawn === undefined
        ? Math.floor((shares[arm][hw] ?? 0) * (sizes[hw] ?? 0))
        : drawn.filter(
            d => d.hardware === hw && armAt(d.place, exposures[hw] ?? 0, controls[hw] ?? 0) === arm,
          ).length,
    )
  const canaries = inArm('canary')
  const stop = splitAlpha(policy.falseStop, STOP_WEIGHTS)
  const devices: Record<Arm, number> = { canary: total(canaries), control: total(inArm('control')) }
  return {
    ...phase,
    ...{ exposures, controls, devices, canaries },
    proof: phaseProof({
      canaries: devices.canary,
      controls: devices.control,
      tolerated: phase.proves ?? policy.tolerate.failureRate,
      promotionAlpha: policy.falsePromote,
      stopAlpha: { failureRate: stop.failureRate, count: stop.errors, mean: stop.latency },
      // As many as a quarter of the devices: a plan has to assume something, and says so.
      expectedEvents: Math.ceil((devices.canary + devices.control) / 4),
    }),
  }
}

const byHardware = (hardware: readonly string[], of: (hw: string) => number): Record<string, number> =>
  Object.fromEntries(hardware.map(hw => [hw, of(hw)]))
const total = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, n) => sum + n, 0)
