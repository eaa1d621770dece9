import type { Baseline } from '../../contracts/packages.ts'
import { sharesOf, totalVariationOf } from './stats/distances.ts'

/** With fewer readings a device's shares say more about chance than about it. */
const LEAST = 20

/** Total variation distance of a device's own counts to the baseline, by quantity; too few readings are left out. */
export function distancesOf(
  { prediction, features }: Pick<Baseline, 'prediction' | 'features'>,
  counts: Readonly<Record<string, readonly number[]>>,
): Record<string, number> {
  const entries = [{ ...prediction, name: 'prediction' }, ...features].flatMap(({ name, p0 }) => {
    const own = counts[name] ?? []
    const n = own.reduce((sum, c) => sum + c, 0)
    if (own.length !== p0.length || n < LEAST) return []
    return [[name, Number(totalVariationOf(sharesOf(own), p0).toFixed(4))] as const]
  })
  return Object.fromEntries(entries)
}
