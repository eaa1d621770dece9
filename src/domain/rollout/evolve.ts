import type { ManifestSlot, Release } from '../../contracts/manifest.ts'
import type { Rollout, RolloutDecision, RolloutStatus } from './types.ts'

/** Kept with the rollout; older ones are in the events. A row has 400 KB. */
const MAX_HISTORY = 64

/** The rollout after a decision. */
export function evolve(rollout: Rollout, decision: RolloutDecision): Rollout {
  const next: Rollout = { ...rollout, history: [...rollout.history, decision].slice(-MAX_HISTORY) }
  const { at } = decision
  switch (decision.decision) {
    case 'start':
      return { ...begun(next, 0, at), shadow: rollout.policy.shadowMinutes > 0 }
    case 'activate':
      return { ...next, shadow: false, phaseSince: at }
    case 'promote':
      return begun(next, rollout.phase + 1, at)
    case 'resume':
      // What a person has seen is not held against the candidate again; the phase's time begins anew.
      return { ...next, status: 'RUNNING', acknowledged: decision.counts, phaseSince: at }
    case 'permit': {
      const { waitsForStart: _, ...rest } = next
      return { ...rest, phaseSince: at }
    }
    case 'approve':
      return { ...next, approved: [...rollout.approved, decision.phase] }
    default:
      return { ...next, status: STATUS[decision.decision] }
  }
}
const STATUS: Readonly<
  Record<'complete' | 'roll-back' | 'hold' | 'pause' | 'abort' | 'supersede', RolloutStatus>
> = {
  complete: 'COMPLETED',
  'roll-back': 'ROLLED_BACK',
  hold: 'HELD',
  pause: 'PAUSED',
  abort: 'ABORTED',
  supersede: 'SUPERSEDED',
}

const begun = (rollout: Rollout, phase: number, at: string): Rollout => ({
  ...rollout,
  status: 'RUNNING',
  phase,
  shadow: false,
  begun: [...rollout.begun, at],
  looks: [],
  phaseSince: at,
})

/** A pin to this leaves what runs: no package has it. */
const NOTHING = '0'.repeat(64)

/** The fleet's slots after a decision: the part of the manifest that this rollout is about. */
export function applyToSlots(slots: readonly ManifestSlot[], rollout: Rollout): ManifestSlot[] {
  const mine = (s: ManifestSlot): boolean => s.slot === rollout.slot
  const hardware = new Set([...slots.filter(mine).map(s => s.hardware), ...Object.keys(rollout.releases)])
  const changed = [...hardware].map(hw =>
    slotAfter(slots.find(s => mine(s) && s.hardware === hw) ?? emptySlot(rollout.slot, hw), rollout),
  )
  const place = (s: ManifestSlot): string => `${s.slot}/${s.hardware}`
  return [...slots.filter(s => !mine(s)), ...changed].sort((a, b) => (place(a) < place(b) ? -1 : 1))
}
const emptySlot = (slot: string, hardware: string): ManifestSlot => ({
  ...{ slot, hardware, committed: null, candidate: null, pins: {} },
})

function slotAfter(slot: ManifestSlot, rollout: Rollout): ManifestSlot {
  const release = rollout.releases[slot.hardware]
  // The new version is not made for this hardware: what it has stays.
  if (release === undefined) return { ...slot, candidate: null }
  const before = atOnce(rollout.before[slot.hardware] ?? null)
  const phase = rollout.phases[rollout.phase]
  const spread = phase?.startWithin === undefined ? {} : { startWithin: phase.startWithin }
  const pins = pinsOf(rollout, before?.bundle.sha256 ?? NOTHING, release.bundle.sha256)
  const candidate = {
    ...{ rollout: rollout.id, release, seed: rollout.seed },
    exposure: phase?.exposures[slot.hardware] ?? 0,
    control: phase?.controls[slot.hardware] ?? 0,
    mode: rollout.shadow ? ('shadow' as const) : ('active' as const),
    ...spread,
  }
  switch (rollout.status) {
    case 'RUNNING':
    case 'PAUSED':
    case 'HELD':
      return { ...slot, candidate, pins }
    case 'COMPLETED':
      // Not all of the last phase have begun when it is passed.
      return { ...slot, committed: { ...release, ...spread }, candidate: null, pins: { ...pins } }
    case 'ABORTED':
      if (notOut(slot, rollout)) return slot
      if (rollout.history.at(-1)?.keep) return { ...slot, candidate, pins }
      return { ...slot, candidate: null, pins: {} }
    default: {
      const ours = slot.committed?.bundle.sha256 === release.bundle.sha256
      const committed = ours ? before : slot.committed
      if (notOut(slot, rollout) && (slot.candidate !== null || !ours)) return { ...slot, committed }
      return { ...slot, committed, candidate: null, pins: {} }
    }
  }
}

/** Nobody waits for a roll-back. */
function atOnce(committed: ManifestSlot['committed']): Release | null {
  if (committed === null) return null
  const { startWithin: _, ...release } = committed
  return release
}

/** What the slot has of candidate and pins is another rollout's: this one never began, is long over, or gave way. */
const notOut = ({ candidate }: ManifestSlot, { id, begun, history }: Rollout): boolean =>
  candidate === null
    ? begun.length === 0 || history.some(d => d.decision === 'complete')
    : candidate.rollout !== id

const pinsOf = ({ policy }: Rollout, before: string, candidate: string): Record<string, string> =>
  Object.fromEntries(
    Object.entries(policy.pins).map(([thing, to]) => [thing, to === 'canary' ? candidate : before]),
  )
