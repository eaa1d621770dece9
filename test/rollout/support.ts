import type { Release } from '../../src/contracts/manifest.ts'
import { type RolloutPolicy, rolloutPolicy } from '../../src/contracts/rollout-policy.ts'
import { decide } from '../../src/domain/rollout/decide.ts'
import { evolve } from '../../src/domain/rollout/evolve.ts'
import { planRollout } from '../../src/domain/rollout/plan.ts'
import type { Counts, Rollout, RolloutDecision, Verdict } from '../../src/domain/rollout/types.ts'

export const SINCE = Date.parse('2026-03-02T10:00:00.000Z')
export const minutes = (n: number): Date => new Date(SINCE + n * 60_000)

export const release = (version: number, hardware = 'board'): Release => ({
  model: 'm',
  version,
  runtime: 'edgeloop-wasm',
  bundle: { sha256: `${version}${hardware.charCodeAt(0).toString(16)}`.repeat(32).slice(0, 64), length: 1 },
  package: { sha256: 'b'.repeat(64), length: 1 },
})

export const fleetOf = (n: number, hardware = 'board') =>
  Array.from({ length: n }, (_, i) => ({ thing: `d${i}`, hardware }))

export const policyOf = (more: Record<string, unknown> = {}): RolloutPolicy => rolloutPolicy.parse(more)

export const planned = (more: Record<string, unknown> = {}, devices = fleetOf(400)): Rollout =>
  planRollout({
    ...{ id: 'm-v2', model: 'm', version: 2, fleet: 'f', slot: 's', seed: 'seed' },
    ...{ releases: { board: release(2) }, at: new Date(SINCE), by: 'engine', generation: 0 },
    policy: policyOf(more),
    sight: { kind: 'devices', devices },
  })

/** A decision; throws when the engine waits. */
export function decided(rollout: Rollout, counts: Counts, now = minutes(1)): RolloutDecision {
  const verdict = decide(rollout, { counts, now })
  if (verdict.decision === 'wait') throw new Error(`waits: ${verdict.reason}`)
  return verdict
}
/** In its first phase since `SINCE`. */
export const running = (more: Record<string, unknown> = {}, devices = fleetOf(400)): Rollout => {
  const rollout = planned(more, devices)
  return evolve(rollout, decided(rollout, {}, minutes(0)))
}
export const verdictOf = (rollout: Rollout, counts: Counts, now = minutes(1)): Verdict =>
  decide(rollout, { counts, now })
