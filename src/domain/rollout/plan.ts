import type { Release } from '../../contracts/manifest.ts'
import type { PhasePolicy, RolloutPolicy } from '../../contracts/rollout-policy.ts'
import { armAt, controlFor, exposureFor, placement } from './placement.ts'
import { phaseProof } from './stats/proof.ts'
import { STOP_WEIGHTS, splitAlpha } from './stats/split.ts'
import { type Arm, arms, type Phase, type Rollout } from './types.ts'

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
  readonly generation: number
}

/** Devices per row of counters. */
const DEVICES_PER_SHARD = 250
const MAX_SHARDS = 64

/** Phases with their arms, and what each can prove, known before anything is out. */
export function planRollout(input: PlanInput): Rollout {
  const { policy, sight, seed, releases } = input
  const hardware = Object.keys(releases).sort()
  const phases = policy.phases.map(p => planPhase(p, input, hardware))
  const devices = sizeOf(sight, hardware)
  const { id, model, version, fleet, slot } = input
  const at = input.at.toISOString()
  return {
    ...{ id, model, version, fleet, slot, releases, seed, policy, phases },
    before: {},
    shards: Math.min(MAX_SHARDS, Math.max(1, Math.ceil(devices / DEVICES_PER_SHARD))),
    ...{ status: 'PLANNED', phase: 0, shadow: false },
    ...{ createdAt: at, createdBy: input.by, approved: [], begun: [], looks: [], phaseSince: at },
    ...{ acknowledged: {}, history: [], generation: input.generation },
  }
}

const sizeOf = (sight: FleetSight, hardware: readonly string[]): number =>
  sight.kind === 'devices'
    ? sight.devices.filter(d => hardware.includes(d.hardware)).length
    : hardware.reduce((sum, hw) => sum + (sight.byHardware[hw] ?? 0), 0)

function planPhase(
  phase: PhasePolicy,
  { policy, sight, seed }: PlanInput,
  hardware: readonly string[],
): Phase {
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
  const inArm = (arm: Arm): number => {
    if (drawn !== undefined)
      return drawn.filter(d => armAt(d.place, exposures[d.hardware] ?? 0, controls[d.hardware] ?? 0) === arm)
        .length
    const sizes = sight.kind === 'size' ? sight.byHardware : {}
    const share = arm === 'canary' ? exposures : controls
    return hardware.reduce((sum, hw) => sum + Math.floor((share[hw] ?? 0) * (sizes[hw] ?? 0)), 0)
  }
  const stop = splitAlpha(policy.falseStop, STOP_WEIGHTS)
  const devices = Object.fromEntries(arms.map(arm => [arm, inArm(arm)])) as Record<Arm, number>
  return {
    ...phase,
    ...{ exposures, controls, devices },
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
