import type { AnswerOf } from '../../contracts/api/index.ts'
import type { VersionRow } from '../entities.ts'
import type { Rollout } from '../rollout/types.ts'

type Overview = AnswerOf<'getOverview'>
export type Attention = Overview['attention'][number]

/** What the overview knows, and some things that it only counts. */
export interface Facts extends Pick<Overview, 'fleets' | 'rollouts' | 'models'> {
  readonly now: string
  /** Newest version of each model. */
  readonly newest: readonly VersionRow[]
  readonly reviews: readonly { readonly model: string; readonly open: number }[]
  /** Newest rollouts that are over. */
  readonly ended: readonly Rollout[]
  readonly depths: readonly { readonly queue: string; readonly messages: number }[]
  /** Fleets whose newest manifest has not reached the broker. */
  readonly unpublished: readonly string[]
  readonly reconciler: string | undefined
  /** How long a fleet may say nothing, in ms. */
  readonly quietMs: (fleet: string) => number
  /** Names by subject. */
  readonly people: Readonly<Record<string, string>>
}

const SHOWN = 10
const DAY_MS = 86_400_000
/** The reconciler runs each minute. */
const STALE_CLOCK_MS = 5 * 60_000
const SILENT_SHARE = 0.05
/** A manifest is published within seconds; after this somebody should look. */
const UNPUBLISHED_MS = 60_000

type Draft = Omit<Attention, 'since'> & { readonly since?: string; readonly after?: number }
const plural = (n: number, what: string): string => `${n} ${what}${n === 1 ? '' : 's'}`

/**
 * What a person should look at: pages before tickets before the rest, and of those the oldest first. `first` remembers
 * since when a thing has been there that says no time itself; what is gone is forgotten.
 */
export function ranked(
  facts: Facts,
  before: Readonly<Record<string, string>>,
): {
  readonly attention: Attention[]
  readonly total: number
  readonly by: Overview['attentionBy']
  readonly first: Record<string, string>
} {
  const first: Record<string, string> = {}
  const found = drafts(facts).flatMap(({ since, after = 0, ...draft }): Attention[] => {
    const key = `${draft.kind} ${draft.subject}`
    const from = since ?? before[key] ?? facts.now
    if (since === undefined) first[key] = from
    return Date.parse(facts.now) - Date.parse(from) < after ? [] : [{ ...draft, since: from }]
  })
  const rank = { page: 0, ticket: 1, info: 2 } as const
  found.sort((a, b) => rank[a.severity] - rank[b.severity] || (a.since ?? '').localeCompare(b.since ?? ''))
  const by = { page: 0, ticket: 0, info: 0 }
  for (const { severity } of found) by[severity]++
  return { attention: found.slice(0, SHOWN), total: found.length, by, first }
}

function drafts(facts: Facts): Draft[] {
  return [
    ...clock(facts),
    ...facts.fleets.flatMap(fleet => ofFleet(fleet, facts)),
    ...facts.unpublished.map(unpublished),
    ...facts.rollouts.flatMap(rollout => ofRollout(rollout, facts)),
    ...facts.ended.flatMap(rollout => rolledBack(rollout, facts)),
    ...facts.models.flatMap(ofModel),
    ...facts.newest.flatMap(ofVersion),
    ...facts.depths.filter(d => d.messages > 0).map(deadLetters),
    ...facts.reviews.filter(r => r.open > 0).map(reviews),
  ]
}

function clock({ reconciler, now }: Facts): Draft[] {
  if (reconciler === undefined || Date.parse(now) - Date.parse(reconciler) < STALE_CLOCK_MS) return []
  return [
    {
      ...{
        kind: 'reconciler',
        severity: 'page',
        subject: 'reconcile',
        scope: 'everything',
        since: reconciler,
      },
      cause: `The reconciler, which brings forward what is left unfinished, has not run since ${reconciler}.`,
      action: 'Look at the function reconcile: its errors and its schedule.',
      link: '#/dead-letters',
    },
  ]
}

function ofFleet(
  { fleet, registered, silent, revoked, lastSeen }: Overview['fleets'][number],
  { now, quietMs }: Facts,
): Draft[] {
  const found: Draft[] = []
  const counted = registered - revoked
  if (lastSeen !== null && counted > 0 && Date.parse(now) - Date.parse(lastSeen) > quietMs(fleet))
    found.push({
      ...{ kind: 'stale-telemetry', severity: 'page', subject: fleet, since: lastSeen },
      scope: plural(counted, 'device'),
      cause: `Nothing has been heard of any device of ${fleet} since ${lastSeen}.`,
      action: 'Look at the broker, the IoT rules and the queues before the devices.',
      link: `#/fleets/${fleet}`,
    })
  if (silent > 0)
    found.push({
      ...{
        kind: 'devices-silent',
        severity: silent > SILENT_SHARE * counted ? 'ticket' : 'info',
        subject: fleet,
      },
      scope: `${silent} of ${plural(counted, 'device')}`,
      cause: `${plural(silent, 'device')} of ${fleet} ${silent === 1 ? 'has' : 'have'} been silent for longer than usual.`,
      action: 'See which, and whether they have hardware, place or version in common.',
      link: `#/fleets/${fleet}/devices?silent=true`,
    })
  return found
}

const unpublished = (fleet: string): Draft => ({
  ...{ kind: 'manifest-unpublished', severity: 'ticket', subject: fleet, scope: 'the fleet' },
  after: UNPUBLISHED_MS,
  cause: `The newest manifest of ${fleet} has not reached the broker.`,
  action: 'Devices keep what they run. Look at the function advance-rollout and at the trust root.',
  link: `#/fleets/${fleet}`,
})

function ofRollout(rollout: Overview['rollouts'][number], { people }: Facts): Draft[] {
  const asker = people[rollout.createdBy] ?? rollout.createdBy
  const {
    rollout: id,
    model,
    version,
    status,
    phase,
    phaseSince,
    reason,
    waitsForApproval,
    waitsForStart,
  } = rollout
  const of = {
    subject: id,
    scope: `${model}@${version} on ${rollout.fleet}`,
    since: phaseSince,
    link: `#/rollouts/${id}`,
  }
  if (waitsForStart)
    return [
      {
        ...of,
        ...{ kind: 'rollout-planned', severity: 'info' },
        cause: `${asker} planned it and has not started it.`,
        action: 'Look at what each phase can prove, then start or abort it.',
      },
    ]
  if (status === 'HELD')
    return [
      {
        ...of,
        ...{ kind: 'rollout-held', severity: 'ticket' },
        cause: `Phase ${phase} is held: ${reason ?? 'the evidence does not suffice'}.`,
        action: 'Resume to wait for more evidence, promote without it, or roll back.',
      },
    ]
  if (waitsForApproval === null || status === 'PAUSED') return []
  return [
    {
      ...of,
      ...{ kind: 'rollout-approval', severity: 'ticket' },
      cause: `Phase ${waitsForApproval} waits for the approval of a person other than ${asker}.`,
      action: 'Look at the plan and what is known, then approve or abort.',
    },
  ]
}

function rolledBack({ id, model, version, fleet, status, history }: Rollout, { now, ended }: Facts): Draft[] {
  const last = history.at(-1)
  if (status !== 'ROLLED_BACK' || last === undefined) return []
  if (Date.parse(now) - Date.parse(last.at) > DAY_MS) return []
  // A later rollout of the model that went through has answered it.
  if (ended.some(r => r.model === model && r.status === 'COMPLETED' && r.version > version)) return []
  return [
    {
      ...{
        kind: 'rolled-back',
        severity: 'ticket',
        subject: id,
        scope: `${model}@${version} on ${fleet}`,
        since: last.at,
      },
      cause: `${model}@${version} was rolled back: ${last.reason}.`,
      action: 'The devices run what they ran before. See which tests failed and on which devices.',
      link: `#/rollouts/${id}`,
    },
  ]
}

function ofModel({ model, champion, harm, drift, lastDecision }: Overview['models'][number]): Draft[] {
  const of = { subject: model, scope: `${model}@${champion}`, link: `#/models/${model}` }
  const found: Draft[] = []
  const percent = (x: number | null): string => (x === null ? '?' : `${(100 * x).toFixed(1)} %`)
  if (harm.state === 'harmed')
    found.push({
      ...of,
      ...{ kind: 'harm', severity: 'page' },
      cause: `The error in the field is ${percent(harm.estimate)}, surely above ${percent(harm.lowerBound)}; ${percent(harm.accepted)} was accepted.`,
      action:
        'See whether a retrain is under way, and what its guards say; roll back if an older version was better.',
    })
  if (drift.episode !== null)
    found.push({
      ...of,
      ...{ kind: 'drift', severity: 'ticket' },
      scope: `${plural(drift.drifting, 'quantity').replace('quantitys', 'quantities')} of ${model}@${champion}`,
      cause: `What ${model} sees has moved from what it was trained on${drift.worst ? `, most of all ${drift.worst.name}` : ''}.`,
      action: 'Label the requested samples: they say whether it does harm.',
    })
  if (drift.deviceProblems > 0) found.push(offDevices(model, drift))
  if (lastDecision !== null && !lastDecision.approved && (drift.episode !== null || harm.state === 'harmed'))
    found.push({
      ...of,
      ...{ kind: 'retrain-suppressed', severity: 'info', since: lastDecision.at },
      cause: `A retrain was proposed by ${lastDecision.trigger} and held back by ${lastDecision.blockedBy.join(', ')}.`,
      action: 'See the guards; labels are what is missing most often.',
      link: `#/pipeline?model=${model}`,
    })
  return found
}

function offDevices(
  model: string,
  { deviceProblems: n, offDevices: [first, ...more] }: Overview['models'][number]['drift'],
): Draft {
  const alone = n === 1 && first !== undefined
  const names =
    first === undefined ? '' : ` (${[first, ...more].join(', ')}${n > 1 + more.length ? ', …' : ''})`
  return {
    ...{ kind: 'device-problem', severity: 'ticket', scope: plural(n, 'device') },
    subject: alone ? first : model,
    cause: `${alone ? first : `${plural(n, 'device')}${names}`} ${n === 1 ? 'is' : 'are'} off while the fleet is not: a sensor, a mounting, a place.`,
    action: `Repair ${n === 1 ? 'it' : 'them'}. Nothing is learnt from ${n === 1 ? 'it' : 'them'} meanwhile.`,
    link: alone ? `#/devices/${first}` : `#/models/${model}`,
  }
}

function ofVersion(row: VersionRow): Draft[] {
  const { model, version, requestedAt } = row
  const of = {
    subject: model,
    scope: `${model}@${version}`,
    since: requestedAt,
    link: `#/pipeline?model=${model}`,
  }
  if (row.status === 'FAILED')
    return [
      {
        ...of,
        ...{ kind: 'training-failed', severity: 'ticket' },
        cause: `${model}@${version} came to nothing: ${row.reason}.`,
        action: 'Mend the cause and drop the data, or ask for a retrain, again.',
      },
    ]
  if (row.status !== 'REJECTED') return []
  return [
    {
      ...of,
      ...{ kind: 'version-rejected', severity: 'info' },
      cause: `${model}@${version} did not pass the gate: ${row.reasons.join('; ')}.`,
      action: 'The champion stays. See the sets and slices on which it was worse.',
    },
  ]
}

const deadLetters = ({ queue, messages }: Facts['depths'][number]): Draft => ({
  ...{ kind: 'dead-letters', severity: 'ticket', subject: queue, scope: plural(messages, 'message') },
  cause: `${plural(messages, 'message')} could not be handled and ${messages === 1 ? 'waits' : 'wait'} in ${queue}.`,
  action: 'Read the errors, mend the cause, then redrive.',
  link: `#/dead-letters/${queue}`,
})

const reviews = ({ model, open }: Facts['reviews'][number]): Draft => ({
  ...{ kind: 'reviews', severity: 'info', subject: model, scope: plural(open, 'sample') },
  cause: `${plural(open, 'sample')} of ${model} ${open === 1 ? 'waits' : 'wait'} for a label.`,
  action: 'Label them: drift becomes harm, or nothing, by what people say.',
  link: `#/reviews?model=${model}`,
})
