import type { ManifestSlot, Release } from '../../contracts/manifest.ts'

/** Lifecycle of a rollout. `canary` and `fleet` are phases with a signed manifest each. */
export type RolloutStatus = 'PLANNED' | 'CANARY' | 'COMPLETED' | 'ROLLED_BACK' | 'SUPERSEDED'
export const terminalRollout = (status: RolloutStatus): boolean =>
  status === 'COMPLETED' || status === 'ROLLED_BACK' || status === 'SUPERSEDED'

export interface Rollout {
  readonly id: string
  readonly model: string
  readonly version: number
  readonly fleet: string
  readonly slot: string
  /** By hardware. */
  readonly releases: Readonly<Record<string, Release>>
  readonly seed: string
  readonly exposure: number
  /** Devices in the canary when it was planned; later joiners count too when they report. */
  readonly canaries: readonly string[]
  readonly maxFailureRate: number
  readonly deadlineMinutes: number
  readonly status: RolloutStatus
  /** When the present phase began, ISO. */
  readonly phaseSince: string
  readonly history: readonly RolloutDecision[]
  readonly generation: number
}

export interface Outcome {
  readonly thing: string
  readonly outcome: 'COMMITTED' | 'FAILED' | 'REFUSED'
  readonly code?: string
}

/** A decision with the counts behind it, as recorded. */
export interface RolloutDecision {
  readonly at: string
  readonly decision: 'start' | 'promote' | 'roll-back' | 'supersede'
  readonly canaries: number
  readonly committed: number
  readonly failed: number
  readonly reason: string
}
export type Verdict = { readonly decision: 'hold'; readonly reason: string } | RolloutDecision

/**
 * Pure decision over what was recorded: outcomes are a set by device, so order and repetition of reports do not
 * matter. Canary, then everyone; the gate is the rate of failed installs, self-test failures among them.
 */
export function decideRollout(rollout: Rollout, outcomes: readonly Outcome[], now: Date): Verdict {
  const at = now.toISOString()
  // By device, and of two that differ the worse counts, so that neither order nor repetition matters.
  const reported = new Set(outcomes.map(o => o.thing))
  const failed = new Set(outcomes.filter(o => o.outcome !== 'COMMITTED').map(o => o.thing)).size
  const committed = reported.size - failed
  const expected = new Set([...rollout.canaries, ...reported]).size
  const counts = { at, canaries: expected, committed, failed }
  if (rollout.status === 'PLANNED') return { ...counts, decision: 'start', reason: 'planned' }
  if (rollout.status !== 'CANARY')
    return { decision: 'hold', reason: `nothing to decide in ${rollout.status}` }

  if (expected === 0) {
    return {
      ...counts,
      decision: 'promote',
      reason: 'the fleet has no device yet, so there is nothing that a canary could protect',
    }
  }
  const allowed = Math.floor(rollout.maxFailureRate * expected)
  if (failed > allowed) {
    const codes = [...new Set(outcomes.flatMap(o => o.code ?? []))].sort().join(', ')
    return {
      ...counts,
      decision: 'roll-back',
      reason: `${failed} of ${expected} canaries failed (${codes}); ${allowed} are tolerated`,
    }
  }
  if (expected > 0 && committed + failed >= expected) {
    return {
      ...counts,
      decision: 'promote',
      reason: `${committed} of ${expected} canaries committed, ${failed} failed; ${allowed} are tolerated`,
    }
  }
  const overdue = now.getTime() - Date.parse(rollout.phaseSince) > rollout.deadlineMinutes * 60_000
  if (overdue) {
    // Silence after an update is harm: a canary that never reported is not evidence of success.
    return {
      ...counts,
      decision: 'roll-back',
      reason: `${expected - committed - failed} of ${expected} canaries were silent past the deadline of ${rollout.deadlineMinutes} minutes`,
    }
  }
  return { decision: 'hold', reason: `${committed + failed} of ${expected} canaries have reported` }
}

/** The rollout after a decision. */
export function evolveRollout(rollout: Rollout, decision: RolloutDecision): Rollout {
  const status: RolloutStatus = {
    start: 'CANARY',
    promote: 'COMPLETED',
    'roll-back': 'ROLLED_BACK',
    supersede: 'SUPERSEDED',
  }[decision.decision] as RolloutStatus
  return { ...rollout, status, phaseSince: decision.at, history: [...rollout.history, decision] }
}

/** The fleet's slots after a decision: the part of the manifest that this rollout is about. */
export function applyToSlots(slots: readonly ManifestSlot[], rollout: Rollout): ManifestSlot[] {
  const others = slots.filter(s => s.slot !== rollout.slot)
  const hardware = new Set([
    ...slots.filter(s => s.slot === rollout.slot).map(s => s.hardware),
    ...Object.keys(rollout.releases),
  ])
  const mine = [...hardware].sort().map((hw): ManifestSlot => {
    const before = slots.find(s => s.slot === rollout.slot && s.hardware === hw)
    const release = rollout.releases[hw]
    const committed = before?.committed ?? null
    const base = { slot: rollout.slot, hardware: hw, pins: before?.pins ?? {} }
    if (release === undefined) return { ...base, committed, candidate: null }
    if (rollout.status === 'COMPLETED') return { ...base, committed: release, candidate: null }
    if (rollout.status === 'CANARY') {
      return {
        ...base,
        committed,
        candidate: { rollout: rollout.id, release, seed: rollout.seed, exposure: rollout.exposure },
      }
    }
    return { ...base, committed, candidate: null }
  })
  return [...others, ...mine].sort((a, b) => (`${a.slot}/${a.hardware}` < `${b.slot}/${b.hardware}` ? -1 : 1))
}
