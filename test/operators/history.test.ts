import { expect, it } from 'vitest'
import { type Point, thinned } from '../../src/domain/operators/history.ts'

const START = Date.parse('2026-03-01T00:00:00Z')
const point = (ms: number): Point => ({
  ...{ at: new Date(START + ms).toISOString(), registered: 1, connected: 1, versions: {} },
})
const after = (steps: number, everyMs: number): readonly Point[] => {
  let points: readonly Point[] = []
  for (let i = 0; i < steps; i++) points = thinned(points, point(i * everyMs), new Date(START + i * everyMs))
  return points
}

it('keeps the newest minutes in detail, a day in quarters of an hour, and nothing older', () => {
  const [steps, every] = [36 * 1_200, 3_000]
  const points = after(steps, every)
  const ages = points.map(p => (START + (steps - 1) * every - Date.parse(p.at)) / 60_000)
  expect(points.length).toBeLessThan(300)
  expect(ages[0]).toBeLessThan(24 * 60)
  expect(ages[0]).toBeGreaterThan(23.5 * 60)
  expect(ages.at(-1)).toBe(0)
  const gaps = (from: number, to: number) =>
    ages.slice(1).flatMap((age, i) => (age >= from && ages[i]! < to ? [(ages[i]! - age) * 60] : []))
  expect(Math.max(...gaps(0, 10))).toBeLessThanOrEqual(10)
  expect(Math.max(...gaps(11, 60))).toBeLessThanOrEqual(130)
  expect(Math.max(...gaps(61, 24 * 60))).toBeLessThanOrEqual(31 * 60)
})

it('keeps every point of a quiet fleet whose overview is made once a minute, for an hour', () => {
  expect(after(60, 60_000).map(p => p.at)).toEqual(Array.from({ length: 60 }, (_, i) => point(i * 60_000).at))
})
