/** Lines and bands over time in a box that is 1000 wide and 100 high, whatever it is stretched to. */
import { stacked } from './spread.ts'

export const WIDTH = 1_000
export const HEIGHT = 100

export interface Box {
  readonly from: number
  readonly to: number
  readonly max: number
}
const place = (t: number, { from, to }: Box): number => ((t - from) / Math.max(1e-9, to - from)) * WIDTH
const level = (v: number, { max }: Box): number => HEIGHT - (v / max) * HEIGHT
const point = (t: number, v: number, box: Box): string =>
  `${place(t, box).toFixed(1)} ${level(v, box).toFixed(2)}`

/** SVG path of a line that is broken where values are missing; a lone value is a short dash. */
export function linePath(times: readonly number[], values: readonly (number | null)[], box: Box): string {
  let open = false
  return times
    .map((t, i) => {
      const v = values[i] ?? null
      const joined = open && v !== null
      open = v !== null
      if (v === null) return ''
      const alone = !joined && (values[i + 1] ?? null) === null
      return `${joined ? 'L' : 'M'}${point(t, v, box)}${alone ? 'h4' : ''}`
    })
    .join('')
}

/** Paths of bands that lie upon each other, the lowest first. */
export function bandPaths(
  times: readonly number[],
  shares: readonly (readonly number[])[],
  box: Box,
): string[] {
  const edges = stacked(shares)
  return edges.map((edge, i) => {
    const below = edges[i - 1]
    const top = times.map((t, j) => point(t, edge[j] ?? 0, box))
    const bottom = times.map((t, j) => point(t, below?.[j] ?? 0, box)).reverse()
    return `M${[...top, ...bottom].join('L')}Z`
  })
}
