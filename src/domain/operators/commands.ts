import type { AnswerOf } from '../../contracts/api/index.ts'
import { type EnrolmentEntry, enrolmentEntry } from '../../contracts/enrolment.ts'
import { allow } from '../device/allow-list.ts'
import { changeEnrolment } from '../device/change-enrolment.ts'
import { type RevocationDeps, revokeDevice } from '../device/revocation.ts'
import { InputError } from '../errors.ts'
import { rejectInput } from '../rejection.ts'
import type { WithQuarantine } from '../sampling/quarantine.ts'
import type { Commands } from './ask.ts'
import type { Commander } from './audit.ts'
import { barRelease } from './bars.ts'
import { requestBurst } from './bursts.ts'
import { refusalOf } from './refusals.ts'
import { requestRetrain, resetBreaker } from './retrains.ts'
import { actOnReview, postLabels } from './reviews.ts'
import { commandRollout, requestRollout } from './rollouts.ts'

export type CommandDeps = RevocationDeps & WithQuarantine
type Name =
  | 'allowDevices'
  | 'changeEnrolment'
  | 'revokeDevice'
  | 'requestBurst'
  | 'barRelease'
  | 'requestRetrain'
  | 'resetBreaker'
  | 'planRollout'
  | 'commandRollout'
  | 'approveRollout'
  | 'claimReview'
  | 'labelReview'
  | 'disagreeWithReview'
  | 'skipReview'
  | 'postLabels'

/** What ops-command carries out; each leaves an audit record in the transaction of its change. */
export const commands: Commands<Name, CommandDeps> = {
  allowDevices: (deps, { body }, commander) => allowAll(deps, body, commander),
  changeEnrolment: (deps, { path, body }, commander) => changeEnrolment(deps, path.serial, body, commander),
  revokeDevice: (deps, { path, body }, commander) => revokeDevice(deps, path.thing, body, commander),
  requestBurst: (deps, { path, body }, commander) => requestBurst(deps, path.model, body, commander),
  barRelease: (deps, { path, body }, commander) => barRelease(deps, path.model, body, commander),
  requestRetrain: (deps, { path, body }, commander) => requestRetrain(deps, path.model, body, commander),
  resetBreaker: (deps, { path, body }, commander) => resetBreaker(deps, path.model, body, commander),
  planRollout: (deps, { body }, commander) => requestRollout(deps, body, commander),
  commandRollout: (deps, { path, body }, commander) => commandRollout(deps, path.rollout, body, commander),
  approveRollout: (deps, { path, body }, commander) =>
    commandRollout(deps, path.rollout, { command: 'approve', ...body }, commander),
  claimReview: (deps, { path }, by) => actOnReview(deps, path.review, { act: 'claim' }, by),
  labelReview: (deps, { path, body }, by) => actOnReview(deps, path.review, { act: 'label', ...body }, by),
  disagreeWithReview: (deps, { path, body }, by) =>
    actOnReview(deps, path.review, { act: 'disagree', ...body }, by),
  skipReview: (deps, { path, body }, by) => actOnReview(deps, path.review, { act: 'skip', ...body }, by),
  postLabels: (deps, { body }, commander) => postLabels(deps, body, commander),
}

async function allowAll(
  deps: CommandDeps,
  given: readonly unknown[],
  commander: Commander,
): Promise<AnswerOf<'allowDevices'>> {
  const good: { index: number; entry: EnrolmentEntry }[] = []
  const refused: { index: number; error: InputError }[] = []
  for (const [index, value] of given.entries()) {
    const parsed = enrolmentEntry.safeParse(value)
    if (parsed.success) good.push({ index, entry: parsed.data })
    else {
      const issue = parsed.error.issues[0]
      const field = issue?.code === 'unrecognized_keys' ? issue.keys[0] : issue?.path.join('.')
      refused.push({ index, error: new InputError('SCHEMA', `${field}: ${issue?.message}`, field) })
    }
  }
  const outcomes = await allow(
    deps,
    good.map(g => g.entry),
    commander,
  )
  outcomes.forEach((outcome, i) => {
    if (outcome instanceof InputError) refused.push({ index: good[i]?.index ?? i, error: outcome })
  })
  for (const { index, error } of refused) {
    const subject = `POST /v1/enrolments #${index}`
    const payload = Buffer.from(JSON.stringify(given[index]) ?? '')
    await rejectInput(deps, { channel: 'api', subject, instance: commander.request, payload }, error)
  }
  const count = (wanted: string): number => outcomes.filter(o => o === wanted).length
  return {
    allowed: count('ALLOWED'),
    unchanged: count('UNCHANGED'),
    refused: refused.sort((a, b) => a.index - b.index).map(({ index, error }) => refusalOf(index, error)),
  }
}
