/** Why it did, or did not, retrain. */
import type { AnswerOf } from '../api.ts'
import type { Io } from '../command.ts'
import { ago, plain, plural } from '../text.ts'

type Decision = AnswerOf<'getRetrainDecision'>

const TRIGGERS: Readonly<Record<Decision['trigger'], string>> = {
  manual: 'a person asked for it',
  harm: 'labels show that the model is wrong more often than is accepted',
  drift: 'what devices count has moved away from what it was trained on',
  schedule: 'its time had come',
  volume: 'enough new labels are there',
  drop: 'data was dropped',
}

export function decisionStory(decision: Decision, { paint, now }: Pick<Io, 'paint' | 'now'>): string[] {
  const { model, trigger, approved, at, guards, episode, admission } = decision
  const blocked = guards.filter(g => !g.passed && g.waived === undefined)
  return [
    `${paint.bold(decision.decision)}: a retrain of ${model} was ${approved ? paint.good('approved') : paint.warn('held back')} ${ago(at, now())}.`,
    `It was proposed because ${TRIGGERS[trigger]}${episode === undefined ? '' : ` (episode ${episode})`}.`,
    approved
      ? `All ${plural(guards.length, 'guard')} let it pass.`
      : `${blocked.length} of ${plural(guards.length, 'guard')} stood in its way:`,
    ...guards.map(({ guard, passed, detail, waived }) => {
      const mark = passed ? paint.good('✓') : waived === undefined ? paint.bad('✗') : paint.warn('!')
      return `  ${mark} ${guard}: ${plain(detail)}${waived === undefined ? '' : `, set aside by ${waived}`}`
    }),
    ...afterwards(admission),
  ]
}

function afterwards(admission: Decision['admission']): string[] {
  if (admission === null) return []
  const { admitted, devices, excluded, version, suppressed } = admission
  const left = Object.entries(excluded).map(([why, n]) => `${n} ${why}`)
  return [
    `${admitted} field samples of ${plural(devices, 'device')} were admitted${left.length === 0 ? '' : `; left out: ${left.join(', ')}`}.`,
    version !== undefined
      ? `It led to version ${version}.`
      : suppressed
        ? 'There was nothing new to train on.'
        : 'No version was asked for yet.',
  ]
}
