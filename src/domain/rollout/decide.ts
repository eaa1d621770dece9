import { harmTests, promotion, unsuspicious } from './gates.ts'
import {
  type Counts,
  ENGINE,
  type Phase,
  type Rollout,
  type RolloutDecision,
  type TestResult,
  type Verdict,
} from './types.ts'
import { opensNext } from './windows.ts'

/** What a rollout knows of itself when it decides. `counts` are the sums over all shards. */
export interface Sight {
  readonly counts: Counts
  readonly now: Date
  /** Whether the tests name their confidence intervals, which cost more than the decision; they do unless told. */
  readonly explain?: boolean
}

/**
 * The engine: a pure function of what was recorded. Stop tests hold at every look; a phase is passed by proof, or as
 * the policy says where the fleet is too small for one. Missing evidence never counts for the candidate.
 */
export function decide(rollout: Rollout, sight: Sight): Verdict {
  const phase = rollout.phases[rollout.phase]
  if (phase === undefined) throw new RangeError(`rollout ${rollout.id} has no phase ${rollout.phase}`)
  switch (rollout.status) {
    case 'PLANNED':
      return begin(rollout, phase, sight)
    case 'RUNNING':
    case 'PAUSED':
    case 'HELD':
      return weigh(rollout, phase, sight)
    default:
      return wait(`the rollout is ${rollout.status}`)
  }
}

const wait = (reason: string, tests: readonly TestResult[] = [], devicesNeeded?: number): Verdict => ({
  decision: 'wait',
  reason,
  tests,
  ...(devicesNeeded === undefined ? {} : { devicesNeeded }),
})

const decided = (
  { counts, now }: Sight,
  phase: Phase,
  decision: RolloutDecision['decision'],
  reason: string,
  rest: Partial<Pick<RolloutDecision, 'tests' | 'proven' | 'devicesNeeded'>> = {},
): RolloutDecision => ({
  ...{ at: now.toISOString(), decision, by: ENGINE, phase: phase.name, reason, counts, tests: [] },
  ...rest,
})

/** Whether somebody must say that a phase may begin, and has not; false where there is no such phase. */
export function awaitsApproval({ phases, policy, approved }: Rollout, index: number): boolean {
  const phase = phases[index]
  if (phase === undefined || approved.includes(phase.name)) return false
  return phase.approval || (index === 0 && policy.approval)
}

/** Whether a phase may begin now; a text says why not. */
function barrier(rollout: Rollout, index: number, now: Date): string | undefined {
  const phase = rollout.phases[index] as Phase
  if (rollout.waitsForStart) return 'it is planned only, and waits for the command start'
  if (awaitsApproval(rollout, index))
    return `phase ${phase.name} waits for the approval of a person other than ${rollout.createdBy}`
  const next = opensNext(rollout.policy.windows, now)
  return next === undefined
    ? undefined
    : `phase ${phase.name} waits for the maintenance window at ${next.toISOString()}`
}

function begin(rollout: Rollout, phase: Phase, sight: Sight): Verdict {
  const why = barrier(rollout, rollout.phase, sight.now)
  return why === undefined ? decided(sight, phase, 'start', 'planned') : wait(why)
}

function weigh(rollout: Rollout, phase: Phase, sight: Sight): Verdict {
  const { counts, now } = sight
  const tests = harmTests(rollout, counts, sight.explain)
  const harm = tests.filter(t => t.verdict === 'harm')
  if (harm.length > 0) return decided(sight, phase, 'roll-back', harmful(harm, counts), { tests })
  if (rollout.status !== 'RUNNING')
    return wait(`the rollout is ${rollout.status}; harm is still watched for`, tests)

  const since = Date.parse(rollout.phaseSince)
  const minutes = (now.getTime() - since) / 60_000
  if (rollout.shadow) {
    if (minutes < rollout.policy.shadowMinutes)
      return wait(`in the shadow until ${iso(since, rollout.policy.shadowMinutes)}`, tests)
    return decided(
      sight,
      phase,
      'activate',
      `${rollout.policy.shadowMinutes} minutes in the shadow without harm`,
      { tests },
    )
  }
  // Whoever starts last has as long as the first.
  const over = minutes >= phase.deadlineMinutes + (phase.startWithin ?? 0) / 60
  const { proof, look, all, any, missing, sentence } = promotion(...([rollout, phase, counts, over] as const))
  const judged = [...tests, proof]
  if (phase.devices.canary === 0 && !any)
    return onward(
      rollout,
      sight,
      'no device was known when this was planned, so there is nothing to protect',
      {},
    )
  if (minutes < phase.bakeMinutes)
    return wait(`bakes until ${iso(since, phase.bakeMinutes)}; ${sentence}`, judged)
  const proven = proof.verdict === 'safe'
  const rest = { tests: judged, proven }
  if (proven) return onward(rollout, sight, sentence, rest)
  const proceeds = rollout.policy.insufficient === 'proceed' && unsuspicious(rollout, counts)
  if (any && (all || over) && proceeds)
    return onward(
      rollout,
      sight,
      `${sentence}; goes on because the policy says \`insufficient: proceed\``,
      rest,
    )
  // After a person said to go on, late devices are waited for.
  if (over || (all && !resumed(rollout))) {
    const cause = all
      ? 'all expected devices have reported'
      : `the deadline of ${phase.deadlineMinutes} minutes has passed`
    return decided(sight, phase, 'hold', `${cause}, and ${sentence}`, { ...rest, devicesNeeded: missing })
  }
  return { ...wait(sentence, judged, missing), ...(look === undefined ? {} : { look }) }
}

/** The next phase, if it may begin now, or the end. */
function onward(
  rollout: Rollout,
  sight: Sight,
  reason: string,
  rest: Partial<Pick<RolloutDecision, 'tests' | 'proven'>>,
): Verdict {
  const phase = rollout.phases[rollout.phase] as Phase
  if (rollout.phase === rollout.phases.length - 1) return decided(sight, phase, 'complete', reason, rest)
  const why = barrier(rollout, rollout.phase + 1, sight.now)
  return why === undefined
    ? decided(sight, phase, 'promote', reason, rest)
    : wait(`${reason}; ${why}`, rest.tests)
}

const iso = (since: number, minutes: number): string => new Date(since + minutes * 60_000).toISOString()

const resumed = ({ history }: Rollout): boolean =>
  history.findLast(d => ['start', 'promote', 'resume'].includes(d.decision))?.decision === 'resume'

function harmful(harm: readonly TestResult[], counts: Counts): string {
  const codes = Object.keys(counts)
    .filter(name => name.startsWith('code_') && (counts[name] ?? 0) > 0)
    .map(name => name.slice('code_'.length))
    .sort()
  const why = harm.map(
    ({ metric, canary, control }) =>
      `${metric}: ${canary}${control === undefined ? '' : `, control ${control}`}`,
  )
  return `harm is proven by ${why.join('; ')}${codes.length > 0 ? ` (${codes.join(', ')})` : ''}`
}
