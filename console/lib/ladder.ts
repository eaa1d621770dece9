/** Geometry of a rung: what its devices have come to, and where it would be stopped. */
import type { Flight, Ladder, RolloutCommand } from '../api/types.ts'
import { at, niceCeiling } from './scale.ts'

export const parts = ['failed', 'active', 'fetching', 'retrying', 'waiting'] as const
export type Part = (typeof parts)[number]

export const partNames: Readonly<Record<Part, string>> = {
  failed: 'failed or refused',
  active: 'active',
  fetching: 'fetching or verifying',
  retrying: 'trying again',
  waiting: 'waiting',
}
export interface Segment {
  readonly part: Part
  readonly count: number
  /** Per cent of the bar's width. */
  readonly x: number
  readonly width: number
}
export interface Rung {
  readonly total: number
  readonly segments: readonly Segment[]
  /** Per cent at which so many failures stop the rollout. Failures begin at the left, so that they run into it. */
  readonly stop: number | undefined
}

export function rung(ladder: Ladder): Rung {
  const known = parts.reduce((sum, part) => sum + ladder[part], 0)
  const { stopsAt } = ladder.failureRate
  const total = Math.max(ladder.expected, known, 1)
  let from = 0
  const segments = parts.flatMap(part => {
    const count = ladder[part]
    const segment = { part, count, x: at(from, total), width: at(count, total) }
    from += count
    return count === 0 ? [] : [segment]
  })
  return { total, segments, stop: stopsAt > total ? undefined : at(stopsAt, total) }
}

export interface Gauge {
  /** Share at the right end. */
  readonly max: number
  readonly estimate: number | undefined
  readonly upperBound: number | undefined
  readonly tolerated: number
}
/** Failure rate on an axis that has room for all that is drawn on it. Per cent of the width. */
export function gauge({ estimate, tolerated, upperBound }: Ladder['failureRate']): Gauge {
  const max = Math.min(1, niceCeiling(Math.max(tolerated * 1.5, estimate ?? 0, upperBound ?? 0)))
  const place = (x: number | null): number | undefined => (x === null ? undefined : at(x, max))
  return { max, estimate: place(estimate), upperBound: place(upperBound), tolerated: at(tolerated, max) }
}

/** Commands that fit a rollout of which only the status is known. */
export function fitting({
  status,
  waitsForApproval,
  waitsForStart,
}: Pick<Flight, 'status' | 'waitsForApproval' | 'waitsForStart'>): RolloutCommand[] {
  const ofStatus: Partial<Record<Flight['status'], readonly RolloutCommand[]>> = {
    PLANNED: [...(waitsForStart ? (['start'] as const) : []), 'abort'],
    RUNNING: ['pause', 'promote', 'abort', 'roll-back'],
    PAUSED: ['resume', 'promote', 'abort', 'roll-back'],
    HELD: ['resume', 'promote', 'abort', 'roll-back'],
    COMPLETED: ['roll-back'],
  }
  return [...(waitsForApproval === null ? [] : (['approve'] as const)), ...(ofStatus[status] ?? [])]
}
