import { GENERATION } from './devices.ts'
import { flagged, type Judgement, nameOf } from './evaluate.ts'

/** What one quantity of a device says against it. */
export interface DeviceEvidence {
  readonly name: string
  readonly logE: number
  /** Total variation distance of the device's own readings to the reference, and its lower bound. */
  readonly distance: number
  readonly lowerBound: number
}
/** A device that is off while the fleet is not: a sensor, a mounting, a place. Nothing is learnt from it meanwhile. */
export interface DeviceProblem {
  readonly thing: string
  /** First window whose readings count against it, and the window that showed it. */
  readonly from: number
  readonly found: number
  readonly evidence: readonly DeviceEvidence[]
  /** The first window after which nothing was found any more. */
  readonly until?: number
}
/** Most that are kept: open ones first, then the latest. */
const MAX_PROBLEMS = 500

const round = (x: number): number => Number(x.toPrecision(6))

export interface Problems {
  readonly problems: readonly DeviceProblem[]
  /** Devices that were off in the last window and are no problem yet. */
  readonly suspects: readonly string[]
}

/**
 * Problems after one more window. Two windows in a row make a problem: when a whole fleet moves, some devices show it a
 * window before the fleet does. It lasts until the device's counts of two generations say otherwise, and is then kept as
 * history, so that its samples of that time stay out of training.
 */
export function withProblems(
  before: Problems,
  window: number,
  judgements: readonly Judgement[],
): Problems & { readonly found: readonly DeviceProblem[] } {
  const against = new Map<string, DeviceEvidence[]>()
  for (const { name, scope } of judgements)
    for (const { thing, logE, distance } of flagged(scope))
      against.set(thing, [
        ...(against.get(thing) ?? []),
        {
          name: nameOf(name),
          logE: round(logE),
          distance: round(distance.estimate),
          lowerBound: round(distance.lower),
        },
      ])
  const open = new Set(before.problems.filter(p => p.until === undefined).map(p => p.thing))
  const kept = before.problems.map(p => {
    if (p.until !== undefined) return p
    const evidence = against.get(p.thing)
    return evidence === undefined ? { ...p, until: window } : { ...p, evidence }
  })
  const from = Math.max(0, (Math.floor(window / GENERATION) - 1) * GENERATION)
  const fresh = [...against].filter(([thing]) => !open.has(thing))
  const found = fresh
    .filter(([thing]) => before.suspects.includes(thing))
    .map(([thing, evidence]) => ({ thing, from, found: window, evidence }))
  const isProblem = new Set(found.map(p => p.thing))
  const byAge = (a: DeviceProblem, b: DeviceProblem): number =>
    Number(a.until !== undefined) - Number(b.until !== undefined) || b.found - a.found
  return {
    problems: [...found, ...kept].sort(byAge).slice(0, MAX_PROBLEMS),
    suspects: fresh
      .map(([thing]) => thing)
      .filter(thing => !isProblem.has(thing))
      .slice(0, MAX_PROBLEMS),
    found,
  }
}

/** Whether a sample is from a time in which its device was a problem. @param at ms since 1970 */
export const inProblem = (
  problems: readonly DeviceProblem[],
  { thing, at }: { readonly thing: string; readonly at: number },
  windowSeconds: number,
): boolean => {
  const window = Math.floor(at / 1_000 / windowSeconds)
  return problems.some(
    p => p.thing === thing && window >= p.from && (p.until === undefined || window <= p.until),
  )
}
