import type { AnswerOf } from '../../contracts/api/index.ts'
import type { Store } from '../store.ts'
import { command, waitsFor } from './commands.ts'
import { decide } from './decide.ts'
import { failureLine } from './gates.ts'
import { readCounts } from './record.ts'
import { type Counts, type Rollout, terminalRollout } from './types.ts'

type Detail = AnswerOf<'getRollout'>
type Summary = AnswerOf<'listRollouts'>['rollouts'][number]

/** Plan and evidence are in the rollout's own answer. */
export const rolloutSummary = (rollout: Rollout): Summary => {
  const { id, model, version, fleet, slot, status, shadow, createdAt, createdBy, phaseSince } = rollout
  return {
    ...{ rollout: id, model, version, fleet, slot, status, shadow, createdAt, createdBy, phaseSince },
    phase: rollout.phases[rollout.phase]?.name ?? null,
    phases: rollout.phases.map(({ name, exposure }) => ({ name, exposure })),
    last: rollout.history.at(-1) ?? null,
  }
}

/** Where the devices of the present phase stand. */
export function ladderOf(rollout: Rollout, counts: Counts): Detail['ladder'] {
  const at = (name: string): number => counts[name] ?? 0
  const [started, active, failed, retrying] = [at('started'), at('committed'), at('failed'), at('retryable')]
  const expected = Math.max(started, Math.round(rollout.phases[rollout.phase]?.devices.canary ?? 0))
  return {
    ...{ expected, waiting: expected - started, active, failed, retrying },
    fetching: Math.max(0, started - active - failed - retrying),
    silent: at(`p${rollout.phase}_canary_silent`),
    failureRate: failureLine(rollout, counts),
  }
}

const ORDERS = ['start', 'approve', 'pause', 'resume', 'promote', 'abort', 'roll-back'] as const
/** Commands that fit the state, for a person who did not ask for the rollout. */
function allowedOf(rollout: Rollout, counts: Counts, now: Date): Detail['allowed'] {
  return ORDERS.filter(order => {
    try {
      command(rollout, { command: order, reason: 'asked' }, '', counts, now)
      return true
    } catch {
      return false
    }
  })
}

/** A rollout as operators see it: its plan, what is known, and what the engine makes of it at this moment. */
export async function rolloutView(store: Store, rollout: Rollout, now: Date): Promise<Detail> {
  const counts = await readCounts(store, rollout)
  const { phases, phase, releases, before, policy, approved, begun, looks, history } = rollout
  return {
    ...rolloutSummary(rollout),
    ...{ phases, phaseIndex: phase, releases, before, policy, approved, begun, looks, history, counts },
    ladder: ladderOf(rollout, counts),
    /** Null when nothing is to be decided any more. */
    outlook: terminalRollout(rollout.status) ? null : decide(rollout, { counts, now }),
    waitsForApproval: waitsFor(rollout) ?? null,
    waitsForStart: rollout.waitsForStart === true,
    allowed: allowedOf(rollout, counts, now),
  }
}
