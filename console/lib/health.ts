/** What the strip and the tiles say, from one overview. */
import type { Harm, ModelState, Overview } from '../api/types.ts'

/** An overview is made once a minute; an older one than this says that its maker stands still. */
export const STALE_MS = 180_000

export interface Sums {
  readonly registered: number
  readonly connected: number
  readonly silent: number
  readonly onTarget: number
  readonly of: number
  /** Newest message of any device, ISO. */
  readonly lastSeen: string | null
}

export function sums({ fleets }: Overview): Sums {
  const total = (pick: (fleet: Overview['fleets'][number]) => number): number =>
    fleets.reduce((sum, fleet) => sum + pick(fleet), 0)
  return {
    registered: total(f => f.registered),
    connected: total(f => f.connected),
    silent: total(f => f.silent),
    onTarget: total(f => f.onTarget.devices),
    of: total(f => f.onTarget.of),
    lastSeen:
      fleets
        .flatMap(f => f.lastSeen ?? [])
        .sort()
        .at(-1) ?? null,
  }
}

export const isStale = ({ asOf }: Overview, now: number): boolean => now - Date.parse(asOf) > STALE_MS

const URGENCY: Readonly<Record<Harm['state'], number>> = {
  harmed: 3,
  'not-enough-labels': 2,
  ok: 1,
  'not-watched': 0,
}
/** The model that a person should look at first. */
export const worst = (models: readonly ModelState[]): ModelState | undefined =>
  models.toSorted((a, b) => URGENCY[b.harm.state] - URGENCY[a.harm.state])[0]

/** Share of reachable devices over time: fleets as they were known at each moment that any of them has. */
export function reachable({ fleets }: Overview): number[] {
  const moments = [...new Set(fleets.flatMap(f => f.history.map(point => point.at)))].sort()
  return moments.map(at => {
    const known = fleets.flatMap(f => f.history.filter(point => point.at <= at).at(-1) ?? [])
    const registered = known.reduce((sum, point) => sum + point.registered, 0)
    return registered === 0 ? 0 : known.reduce((sum, point) => sum + point.connected, 0) / registered
  })
}

/** What changed between two overviews that somebody who does not look should be told; empty when nothing did. */
export function news(before: Overview | undefined, after: Overview): string[] {
  if (before === undefined) return []
  const told: string[] = []
  const known = new Set(before.attention.map(a => `${a.kind} ${a.subject}`))
  for (const a of after.attention) if (!known.has(`${a.kind} ${a.subject}`)) told.push(a.cause)
  const flights = new Map(before.rollouts.map(r => [r.rollout, r]))
  for (const r of after.rollouts) {
    const was = flights.get(r.rollout)
    if (was === undefined) told.push(`Rollout ${r.rollout} has begun.`)
    else if (was.status !== r.status || was.phase !== r.phase)
      told.push(
        `Rollout ${r.rollout} is ${r.status.toLowerCase()}${r.phase === null ? '' : `, phase ${r.phase}`}.`,
      )
    flights.delete(r.rollout)
  }
  for (const gone of flights.keys()) told.push(`Rollout ${gone} has ended.`)
  return told
}
