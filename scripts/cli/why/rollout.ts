/** Why a rollout stands where it stands. */
import type { AnswerOf } from '../api.ts'
import type { Io } from '../command.ts'
import { ladderText } from '../status/overview.ts'
import { table } from '../table.ts'
import { ago, percent, plain, plural } from '../text.ts'

type Rollout = AnswerOf<'getRollout'>
type View = Pick<Io, 'paint' | 'now' | 'width'>

export function rolloutStory(rollout: Rollout, view: View): string[] {
  const { paint, now } = view
  const { model, version, fleet, slot, status, createdAt, createdBy, phase, phaseSince, history, outlook } =
    rollout
  const last = history.at(-1)
  const by = createdBy === 'engine' ? 'the loop itself' : plain(createdBy)
  return [
    `${paint.bold(rollout.rollout)} brings ${model}@${version} to slot ${slot} of fleet ${fleet}; planned ${ago(createdAt, now())} by ${by}.`,
    `It is ${paint.bold(status)}${phase === null ? '' : ` in phase ${phase} since ${ago(phaseSince, now())}`}${
      last === undefined ? '.' : `: ${last.decision} by ${plain(last.by)}, because ${plain(last.reason)}.`
    }`,
    ...(rollout.waitsForApproval === null
      ? []
      : [
          paint.warn(
            `Phase ${rollout.waitsForApproval} waits for approval by somebody other than who asked for it.`,
          ),
        ]),
    ...(rollout.waitsForStart ? [paint.warn('It is planned only, and waits until somebody starts it.')] : []),
    ladderText(rollout.ladder, paint),
    ...(outlook === null
      ? []
      : [
          `Now: ${outlook.decision}, because ${plain(outlook.reason)}.${
            outlook.devicesNeeded ? ` ${plural(outlook.devicesNeeded, 'device')} more would settle it.` : ''
          }`,
          ...testLines(outlook.tests, view),
        ]),
    ...(rollout.allowed.length === 0
      ? []
      : [
          paint.dim(
            `May be given now: ${rollout.allowed.map(c => `npx edgeloop rollouts ${c} ${rollout.rollout} --reason "…"`).join('; ')}`,
          ),
        ]),
  ]
}

/** What the present phase can prove at all. */
export const proofLines = ({ phases, phaseIndex }: Rollout): string[] =>
  (phases[phaseIndex]?.proof ?? []).map(({ sentence }) => plain(sentence))

function testLines(tests: NonNullable<Rollout['outlook']>['tests'], { paint, width }: View): string[] {
  if (tests.length === 0) return []
  const columns = [
    ...[{ title: 'METRIC' }, { title: 'VERDICT' }, { title: 'CANARY' }, { title: 'CONTROL' }],
    ...[{ title: 'STATISTIC', right: true }, { title: 'HARM FROM', right: true }, { title: 'TEST' }],
  ]
  const number = (n: number | null): string => (n === null ? '' : n.toPrecision(3))
  const rows = tests.map(t => [
    ...[t.metric, t.verdict, t.canary, t.control ?? ''],
    ...[number(t.statistic), number(t.threshold), t.test],
  ])
  return [table(columns, rows, { paint, width })]
}

/** Every decision, the newest last. */
export function historyText({ history }: Rollout, { paint, width, now }: View): string {
  const columns = [
    ...[{ title: 'WHEN' }, { title: 'DECISION' }, { title: 'PHASE' }, { title: 'BY' }, { title: 'BECAUSE' }],
  ]
  const rows = history.map(d => [ago(d.at, now()), d.command ?? d.decision, d.phase, d.by, d.reason])
  return table(columns, rows, { paint, width })
}

export function phasesText({ phases, phaseIndex }: Rollout, { paint, width }: View): string {
  const columns = [
    ...[{ title: '' }, { title: 'PHASE', keep: true }, { title: 'EXPOSURE', right: true }],
    ...[
      { title: 'CANARIES', right: true },
      { title: 'CONTROLS', right: true },
      { title: 'BAKE MIN', right: true },
    ],
  ]
  const rows = phases.map((p, i) => [
    ...[i === phaseIndex ? '→' : ' ', p.name, percent(p.exposure)],
    ...[p.devices.canary, p.devices.control, p.bakeMinutes].map(String),
  ])
  return table(columns, rows, { paint, width })
}
