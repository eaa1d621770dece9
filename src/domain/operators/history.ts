import type { AnswerOf } from '../../contracts/api/index.ts'

export type Point = AnswerOf<'getOverview'>['fleets'][number]['history'][number]

const MINUTE_MS = 60_000
/** How far apart points are, by their age: about 280 of them cover a day, and the newest minutes are seen in detail. */
const STEPS = [
  { youngerThan: 10 * MINUTE_MS, apart: 5_000 },
  { youngerThan: 60 * MINUTE_MS, apart: MINUTE_MS },
  { youngerThan: 24 * 60 * MINUTE_MS, apart: 15 * MINUTE_MS },
] as const

/**
 * The points with a new one, oldest first, those older than a day gone, and fewer the older they are: the first of each
 * stretch of the clock, so that thinning again takes away no more.
 */
export function thinned(points: readonly Point[], newest: Point, now: Date): readonly Point[] {
  const kept = new Map<string, Point>()
  const stretchOf = ({ at: text }: Point): string | undefined => {
    const at = Date.parse(text)
    const step = STEPS.find(s => now.getTime() - at < s.youngerThan)
    return step && `${step.apart} ${Math.floor(at / step.apart)}`
  }
  for (const point of points) {
    const stretch = stretchOf(point)
    if (stretch !== undefined && !kept.has(stretch)) kept.set(stretch, point)
  }
  // Within the newest stretch the newest counts.
  kept.delete(stretchOf(newest) ?? '')
  return [...kept.values(), newest]
}
