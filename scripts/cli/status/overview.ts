/** The overview as one screen of text. */
import type { AnswerOf } from '../api.ts'
import type { Io } from '../command.ts'
import type { Paint } from '../paint.ts'
import { table } from '../table.ts'
import { ago, barText, durationText, percent, plain, plural } from '../text.ts'
import { actionFor } from './actions.ts'

type Overview = AnswerOf<'getOverview'>
type Rollout = Overview['rollouts'][number]
type Model = Overview['models'][number]
type View = Pick<Io, 'paint' | 'width' | 'now'>
/** The overview is made once a minute. */
const STALE_MS = 3 * 60_000
const BAR = 24

export function overviewText(overview: Overview, view: View): string {
  return [
    freshness(overview, view),
    ...attention(overview, view),
    '',
    view.paint.bold('Fleets'),
    fleets(overview, view),
    '',
    view.paint.bold('Rollouts in flight'),
    ...(overview.rollouts.length === 0 ? ['none'] : overview.rollouts.flatMap(r => rolloutLines(r, view))),
    '',
    view.paint.bold('Models'),
    models(overview, view),
    ...(overview.complete
      ? []
      : ['', view.paint.dim('There are more fleets or models: npx edgeloop fleets, models')]),
  ].join('\n')
}

function freshness({ asOf, stage, reconciler }: Overview, { paint, now }: View): string {
  const late = (at: string | null): boolean => at === null || now() - Date.parse(at) > STALE_MS
  const told = (what: string, at: string | null): string =>
    late(at) ? paint.warn(`${what} ${ago(at, now())}`) : `${what} ${ago(at, now())}`
  return `${paint.bold(stage)}: ${told('as of', asOf)}, ${told('reconciler ran', reconciler.at)}`
}

function attention({ attention: all, attentionTotal }: Overview, { paint, now }: View): string[] {
  if (all.length === 0) return [paint.good('Nothing needs a person.')]
  const mark = { page: paint.bad('✗'), ticket: paint.warn('!'), info: paint.dim('·') }
  const lines = all.flatMap(item => {
    const since = item.since === null ? '' : `, since ${ago(item.since, now())}`
    return [
      `${mark[item.severity]} ${paint.bold(plain(item.subject))} ${item.kind} (${plain(item.scope)}${since}): ${plain(item.cause)}`,
      `  ${paint.dim('→')} ${actionFor(item)}`,
    ]
  })
  const rest = attentionTotal - all.length
  return [paint.bold('Needs a person'), ...lines, ...(rest > 0 ? [`  and ${rest} more`] : [])]
}

const fleets = ({ fleets: all }: Overview, { paint, width, now }: View): string =>
  all.length === 0
    ? 'none'
    : table(
        [
          { title: 'FLEET', keep: true },
          ...['DEVICES', 'CONNECTED', 'SILENT', 'REVOKED', 'NO MODEL'].map(title => ({ title, right: true })),
          { title: 'ON TARGET', right: true },
          { title: 'LAST SEEN' },
        ],
        all.map(f => [
          f.fleet,
          ...[f.registered, f.connected, f.silent, f.revoked, f.withoutModel].map(String),
          `${f.onTarget.devices} of ${f.onTarget.of}`,
          ago(f.lastSeen, now()),
        ]),
        { paint, width },
      )

/** Two lines: where it is, and how far its canaries have come against what would stop it. */
export function rolloutLines(rollout: Rollout, { paint, now }: View): string[] {
  const { status, phase, phases, phaseSince, ladder, shadow, reason, waitsForApproval, waitsForStart } =
    rollout
  const at = phases.findIndex(p => p.name === phase)
  const exposure = phases[at]?.exposure
  const where = [
    shadow ? 'shadow' : (phase ?? 'not begun'),
    ...(exposure === undefined ? [] : [percent(exposure)]),
    ...(at < 0 ? [] : [`phase ${at + 1} of ${phases.length}`]),
  ].join(', ')
  const state = status === 'RUNNING' ? paint.good(status) : paint.warn(status)
  const waits = [
    ...(waitsForStart ? ['waits for its start'] : []),
    ...(waitsForApproval === null ? [] : [`phase ${waitsForApproval} waits for approval`]),
  ]
  const wait = waits.length === 0 ? '' : paint.warn(` ${waits.join('; ')}`)
  return [
    `${paint.bold(rollout.rollout)} to ${rollout.fleet}: ${state} ${where}, for ${durationText(now() - Date.parse(phaseSince))}${wait}`,
    `  ${ladderText(ladder, paint)}`,
    ...(reason === null ? [] : [`  ${plain(reason)}`]),
  ]
}

export function ladderText(ladder: Rollout['ladder'], paint: Paint): string {
  const { expected, active, failed, fetching, retrying, silent, failureRate } = ladder
  const bar = barText(
    [
      [active, '█'],
      [failed, '✗'],
      [fetching + retrying, '▒'],
    ],
    expected,
    BAR,
  )
  const counts = [
    `${active} of about ${expected} run it`,
    ...(fetching > 0 ? [`${fetching} on the way`] : []),
    ...(retrying > 0 ? [`${retrying} retrying`] : []),
    ...(failed > 0 ? [paint.bad(`${failed} failed or refused`)] : []),
    ...(silent > 0 ? [paint.warn(`${silent} silent`)] : []),
  ]
  const { estimate, tolerated, upperBound, stopsAt } = failureRate
  const rate = [
    ...(estimate === null ? [] : [`${percent(estimate)} fail`]),
    ...(upperBound === null ? [] : [`at most ${percent(upperBound)}`]),
    `tolerated ${percent(tolerated)}`,
    `rolled back at ${plural(stopsAt, 'failure')}`,
  ]
  return `${bar} ${counts.join(', ')}; ${rate.join(', ')}`
}

const models = ({ models: all }: Overview, { paint, width, now }: View): string =>
  all.length === 0
    ? 'none'
    : table(
        [
          ...[{ title: 'MODEL', keep: true }, { title: 'CHAMPION', right: true }, { title: 'HARM' }],
          ...[{ title: 'DRIFT' }, { title: 'LAST DECISION' }],
        ],
        all.map(m => [
          m.model,
          String(m.champion ?? '-'),
          harmText(m.harm),
          driftText(m.drift),
          decisionText(m, now()),
        ]),
        { paint, width },
      )

export function harmText({ state, labels, estimate, lowerBound, accepted }: Model['harm']): string {
  switch (state) {
    case 'not-watched':
      return 'not watched'
    case 'not-enough-labels':
      return `too few labels (${labels})`
    case 'ok':
      return `ok, ${percent(estimate)} wrong, accepted ${percent(accepted)}`
    case 'harmed':
      return `HARMED: at least ${percent(lowerBound)} wrong, accepted ${percent(accepted)}`
  }
}

export function driftText({
  episode,
  window,
  worst,
  drifting,
  insufficient,
  quantities,
  deviceProblems,
}: Model['drift']): string {
  if (window === null) return 'no window yet'
  const most = worst === null ? '' : `, most in ${worst.name} (${worst.distance.toFixed(2)})`
  const devices = deviceProblems === 0 ? '' : `, ${plural(deviceProblems, 'device')} off`
  if (drifting > 0 || episode !== null) return `DRIFT in ${drifting} of ${quantities}${most}${devices}`
  return `${insufficient === quantities ? 'too little to say' : `none of ${quantities}${most}`}${devices}`
}

function decisionText({ retraining, lastDecision }: Model, now: number): string {
  if (retraining !== null) return `retraining since ${ago(retraining.since, now)} (${retraining.decision})`
  if (lastDecision === null) return 'none'
  const { trigger, approved, at, blockedBy } = lastDecision
  return `${trigger} ${approved ? 'approved' : `held back by ${blockedBy.join(', ')}`} ${ago(at, now)}`
}
