import { awaitsApproval } from './decide.ts'
import { type Rollout, terminalRollout } from './types.ts'
import { opensNext } from './windows.ts'

/** Past its deadline the engine decides within a minute; this is for reports that are late and looks that are retried. */
const SLACK_MINUTES = 60

/**
 * What a rollout is doing: `waiting` for a person (held, paused, or a phase that somebody must approve), `stuck` when
 * nothing was decided although its deadline is long over, otherwise `moving`; `over` at its end.
 */
export function standing(rollout: Rollout, now: Date): 'moving' | 'waiting' | 'stuck' | 'over' {
  const { status, phases, phase: index, policy } = rollout
  if (terminalRollout(status)) return 'over'
  if (status === 'HELD' || status === 'PAUSED') return 'waiting'
  const planned = status === 'PLANNED'
  const phase = phases[index]
  const allowed = planned
    ? SLACK_MINUTES
    : SLACK_MINUTES +
      (rollout.shadow ? policy.shadowMinutes : 0) +
      (phase?.deadlineMinutes ?? 0) +
      (phase?.startWithin ?? 0) / 60
  if (planned && (rollout.waitsForStart || awaitsApproval(rollout, 0))) return 'waiting'
  if (now.getTime() - Date.parse(rollout.phaseSince) <= allowed * 60_000) return 'moving'
  if (!planned && awaitsApproval(rollout, index + 1)) return 'waiting'
  return opensNext(policy.windows, now) === undefined ? 'stuck' : 'moving'
}
