/** Which versions the devices of a fleet ran, over time, as shares of 1. */
import type { FleetReport } from '../api/types.ts'

export interface Spread {
  /** Seconds since 1970. */
  readonly times: readonly number[]
  /** `model@version`, the one that most devices run now first; devices that run none of the slots' models last. */
  readonly names: readonly string[]
  /** Per name, share of all that was reported at that time. */
  readonly shares: readonly (readonly number[])[]
}

export const NOTHING = 'no model'
/** Further versions are drawn as one: more bands cannot be told apart. */
const BANDS = 5
const REST = 'older versions'

export function spread(history: FleetReport['history']): Spread {
  const last = new Map<string, number>()
  for (const point of history)
    for (const [name, n] of Object.entries(point.versions)) if (n > 0) last.set(name, 0)
  for (const [name, n] of Object.entries(history.at(-1)?.versions ?? {}))
    if (last.has(name)) last.set(name, n)
  const all = [...last.keys()].sort((a, b) => (last.get(b) ?? 0) - (last.get(a) ?? 0) || newer(b) - newer(a))
  const shown = all.length > BANDS ? all.slice(0, BANDS - 1) : all
  const rest = all.slice(shown.length)
  const rows = history.map(({ registered, versions }) => {
    const counts = shown.map(name => versions[name] ?? 0)
    const others = rest.reduce((sum, name) => sum + (versions[name] ?? 0), 0)
    const running = counts.reduce((sum, n) => sum + n, 0) + others
    return [...counts, ...(rest.length > 0 ? [others] : []), Math.max(0, registered - running)]
  })
  const names = [...shown, ...(rest.length > 0 ? [REST] : []), NOTHING]
  const columns = names.map((_, i) =>
    rows.map(
      row =>
        (row[i] ?? 0) /
        Math.max(
          1,
          row.reduce((sum, n) => sum + n, 0),
        ),
    ),
  )
  const used = names.map((name, i) => name !== NOTHING || (columns[i] ?? []).some(share => share > 0))
  return {
    times: history.map(point => Date.parse(point.at) / 1_000),
    names: names.filter((_, i) => used[i]),
    shares: columns.filter((_, i) => used[i]),
  }
}

const newer = (name: string): number => Number(name.slice(name.lastIndexOf('@') + 1)) || 0

/** Colours of series, 1 to 6: a version has its own however its share changes. */
export function colours(names: readonly string[]): number[] {
  const taken = new Set<number>()
  const mine = new Map<string, number>()
  for (const name of [...names].sort((a, b) => newer(a) - newer(b))) {
    if (name === NOTHING || name === REST) continue
    let colour = ((Math.max(1, newer(name)) - 1) % (BANDS - 1)) + 1
    while (taken.has(colour) && taken.size < BANDS) colour = (colour % BANDS) + 1
    taken.add(colour)
    mine.set(name, colour)
  }
  return names.map(name => mine.get(name) ?? (name === NOTHING ? 6 : 5))
}

/** Shares as the upper edges of bands that lie upon each other. */
export function stacked(shares: readonly (readonly number[])[]): number[][] {
  let below: readonly number[] = []
  return shares.map(row => {
    const edge = row.map((share, i) => share + (below[i] ?? 0))
    below = edge
    return edge
  })
}
