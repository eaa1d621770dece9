import type { RolloutCommand } from '../../contracts/commands.ts'
import { EdgeloopError } from '../errors.ts'
import { awaitsApproval } from './decide.ts'
import type { Counts, Phase, Rollout, RolloutDecision } from './types.ts'
import { terminalRollout } from './types.ts'

/**
 * What a person's word does to a rollout as it is now.
 * @throws EdgeloopError ILLEGAL_STATE when it does not fit the state, FORBIDDEN for one's own approval
 */
export function command(
  rollout: Rollout,
  { reason, ...asked }: RolloutCommand,
  by: string,
  counts: Counts,
  now: Date,
): RolloutDecision {
  const phase = rollout.phases[rollout.phase] as Phase
  const said = (
    decision: RolloutDecision['decision'],
    rest: Partial<Pick<RolloutDecision, 'phase' | 'keep' | 'proven'>> = {},
  ): RolloutDecision => ({
    ...{ at: now.toISOString(), decision, by, phase: phase.name, reason, counts, tests: [] },
    ...rest,
  })
  const only = (...statuses: readonly Rollout['status'][]): void => {
    if (!statuses.includes(rollout.status))
      throw new EdgeloopError(
        'ILLEGAL_STATE',
        `rollout ${rollout.id} is ${rollout.status}; ${asked.command} is for ${statuses.join(' and ')}`,
      )
  }
  switch (asked.command) {
    case 'approve': {
      const waiting = waitsFor(rollout)
      if (waiting === undefined)
        throw new EdgeloopError('ILLEGAL_STATE', `rollout ${rollout.id} waits for no approval`)
      if (by === rollout.createdBy)
        throw new EdgeloopError('FORBIDDEN', `${by} asked for this rollout; another person must approve it`)
      return said('approve', { phase: waiting })
    }
    case 'start':
      only('PLANNED')
      if (rollout.waitsForStart !== true)
        throw new EdgeloopError('ILLEGAL_STATE', `rollout ${rollout.id} does not wait for its start`)
      return said('permit')
    case 'pause':
      only('RUNNING')
      return said('pause')
    case 'resume':
      only('PAUSED', 'HELD')
      return said('resume')
    case 'promote':
      only('PAUSED', 'HELD', 'RUNNING')
      if (awaitsApproval(rollout, rollout.phase + 1))
        throw new EdgeloopError('ILLEGAL_STATE', `the next phase of ${rollout.id} waits for an approval`)
      return said(rollout.phase === rollout.phases.length - 1 ? 'complete' : 'promote', { proven: false })
    case 'abort':
      if (terminalRollout(rollout.status)) only('PLANNED', 'RUNNING', 'PAUSED', 'HELD')
      return said('abort', { keep: asked.devices === 'keep' && rollout.status !== 'PLANNED' })
    case 'roll-back':
      only('RUNNING', 'PAUSED', 'HELD', 'COMPLETED')
      return said('roll-back')
  }
}

/** Name of the phase that waits for a person's approval. */
export function waitsFor(rollout: Rollout): string | undefined {
  if (terminalRollout(rollout.status)) return undefined
  const index = rollout.status === 'PLANNED' ? 0 : rollout.phase + 1
  return awaitsApproval(rollout, index) ? rollout.phases[index]?.name : undefined
}
