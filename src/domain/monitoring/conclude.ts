import type { DriftEvidence } from '../../contracts/drift.ts'
import type { DomainEvent } from '../../contracts/envelope.ts'
import { type EpisodeRow, keys, type MonitorRow, type QuantityView } from '../entities.ts'
import { put, type Row, type Write } from '../store.ts'
import { type Judgement, nameOf } from './evaluate.ts'
import { type DeviceProblem, withProblems } from './problems.ts'

/** Windows of which it is remembered that they were judged. */
const KEPT_WINDOWS = 128
/** An event has room for 256 KB; the rest is in the row. */
const MAX_NAMED = 50

export interface Concluded {
  readonly row: MonitorRow
  readonly writes: Write[]
  readonly events: DomainEvent[]
}

export interface Place {
  readonly model: string
  readonly version: number
  readonly window: number
  /** ISO time of an episode that opens now, and the error that its labels are held against. */
  readonly at: string
  readonly accepted: number
  readonly windowSeconds: number
}

/** What is known of the version: its monitor, and the row of the episode that is open. */
export interface Before {
  readonly monitor: MonitorRow | undefined
  readonly episode: Row<EpisodeRow> | undefined
}

/**
 * What follows from the judgements of one window. The model drifts when a quantity's episode is open and its scope is the
 * model: that opens one episode of the version, which ends when no quantity has one any more. Until it is decided on, each
 * window asks for labels of what was captured since the episode's first. Devices that are off while the fleet is not are
 * problems of their own: raised, and nothing else.
 */
export function conclude(
  place: Place,
  { monitor: before, episode: row }: Before,
  judgements: readonly Judgement[],
  state: string,
): Concluded {
  const { model, version, window } = place
  const again = before?.evaluated.includes(window) === true
  const latest = judgements.map(viewOf)
  const { problems = [], suspects = [] } = before ?? {}
  const devices = again
    ? { problems, suspects, found: [] }
    : withProblems({ problems, suspects }, window, judgements)
  const drifted = latest.filter(q => q.open !== undefined && q.scope === 'model')
  const opens = !again && before?.episode === undefined && drifted.length > 0
  const lasts = before?.episode !== undefined && (again || latest.some(q => q.open !== undefined))
  const episode = opens ? `drift-v${version}-w${window}` : lasts ? before?.episode : undefined
  const writes: Write[] = []
  const events: DomainEvent[] = []
  if (opens && episode !== undefined) {
    const evidence = drifted.map(evidenceOf)
    writes.push(putEpisode(opened(place, episode, evidence)))
    events.push({ type: 'DriftDetected', data: { model, version, episode, window, evidence } })
  }
  const undecided = opens || (row !== undefined && row.data.decision === undefined)
  if (!again && episode !== undefined && undecided)
    events.push(labelsWanted(place, episode, row?.data.window ?? window))
  if (episode === undefined && row !== undefined)
    writes.push(put(row.key, { ...row.data, closed: window }, row))
  if (devices.found.length > 0) events.push(raised({ model, version, window }, devices.found))
  return {
    row: {
      state,
      evaluated: [...(before?.evaluated.filter(w => w !== window) ?? []), window].slice(-KEPT_WINDOWS),
      latest,
      ...(episode === undefined ? {} : { episode }),
      problems: devices.problems,
      suspects: devices.suspects,
    },
    writes,
    events,
  }
}

const opened = (
  { model, version, window, at, accepted }: Place,
  episode: string,
  evidence: DriftEvidence[],
): EpisodeRow => ({ episode, model, version, cause: 'drift', openedAt: at, window, evidence, accepted })

const labelsWanted = (
  { model, version, window, windowSeconds }: Place,
  episode: string,
  first: number,
): DomainEvent => ({
  type: 'LabelsRequested',
  data: {
    ...{ model, version, request: `${episode}-w${window}`, cause: episode },
    since: new Date(first * windowSeconds * 1_000).toISOString(),
  },
})

export const putEpisode = (episode: EpisodeRow): Write =>
  put(keys.episode(episode.model, episode.episode), episode, undefined, {
    pending: { kind: 'labels', since: episode.openedAt },
  })

const raised = (
  place: { readonly model: string; readonly version: number; readonly window: number },
  found: readonly DeviceProblem[],
): DomainEvent => ({
  type: 'DeviceDriftDetected',
  data: {
    ...place,
    found: found.length,
    devices: found.slice(0, MAX_NAMED).map(({ thing, evidence }) => ({ thing, evidence })),
  },
})

function viewOf({ name, verdict, after, scope }: Judgement): QuantityView {
  const { tv } = verdict.effect
  return {
    ...{ name: nameOf(name), state: verdict.state, ...(verdict.reason ? { reason: verdict.reason } : {}) },
    ...{ logE: verdict.logE, threshold: verdict.threshold },
    ...{ distance: tv.estimate, lowerBound: tv.lower, upperBound: tv.upper, tolerance: verdict.tolerance },
    ...{ n: verdict.readings, nEffective: verdict.information },
    ...{ since: verdict.since, correlation: verdict.correlation, scope: scope.kind },
    ...(after.episode.open ? { open: after.episode.open.id } : {}),
  }
}

const evidenceOf = (view: QuantityView): DriftEvidence => {
  const { name, logE, threshold, distance, lowerBound, tolerance, n, nEffective } = view
  return { name, logE, threshold, distance, lowerBound, tolerance, n, nEffective }
}
