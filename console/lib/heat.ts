/** The heat map of quantities × windows. */
import type { Quantity, WindowRow } from '../api/types.ts'
import { figure } from './format.ts'

/** Shades of effect size begin at these multiples of the tolerance. */
export const SHADES = [0.25, 0.5, 1, 2, 3] as const
/** Windows whose mean distance a row is sorted by. */
const RECENT = 3
/** What comes before the features, in this order. */
const FIRST = ['prediction', 'confidence']

export interface Cell {
  readonly kind: 'none' | 'insufficient' | 'known'
  /** 0 (nothing to speak of) to 5. */
  readonly shade: number
  /** Evidence and magnitude both pass: the state is drift and the lower bound is above the tolerance. */
  readonly outlined: boolean
  readonly distance: number | undefined
  /** In words. */
  readonly says: string
}

export function cellOf(quantity: Quantity | undefined): Cell {
  if (quantity === undefined)
    return { kind: 'none', shade: 0, outlined: false, distance: undefined, says: 'not counted' }
  const { state, distance, lowerBound, tolerance } = quantity
  if (state === 'insufficient')
    return {
      ...{ kind: 'insufficient', shade: 0, outlined: false, distance },
      says: `too few ${quantity.reason ?? 'readings'}`,
    }
  const outlined = state === 'drift' && lowerBound > tolerance
  return {
    ...{ kind: 'known', shade: SHADES.filter(s => distance >= s * tolerance).length, outlined, distance },
    says: `distance ${figure(distance)}${outlined ? ', drift' : state === 'drift' ? ', changed, but within the tolerance' : ''}`,
  }
}

export interface HeatMap {
  /** Oldest first. */
  readonly windows: readonly WindowRow[]
  readonly rows: readonly { readonly name: string; readonly cells: readonly Cell[] }[]
}

/** @param windows newest first, as the API lists them */
export function heatMap(windows: readonly WindowRow[]): HeatMap {
  const ordered = windows.toReversed()
  const names = [...new Set(ordered.flatMap(w => w.quantities.map(q => q.name)))]
  const recent = (name: string): number => {
    const last = windows.slice(0, RECENT).flatMap(w => w.quantities.filter(q => q.name === name))
    return last.reduce((sum, q) => sum + q.distance, 0) / Math.max(1, last.length)
  }
  const rank = (name: string): number => (FIRST.includes(name) ? FIRST.indexOf(name) : FIRST.length)
  const sorted = names.sort((a, b) => rank(a) - rank(b) || recent(b) - recent(a) || (a < b ? -1 : 1))
  return {
    windows: ordered,
    rows: sorted.map(name => ({
      name,
      cells: ordered.map(w => cellOf(w.quantities.find(q => q.name === name))),
    })),
  }
}
