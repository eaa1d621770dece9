import type { Ensemble, Tree } from '../ensemble.ts'
import { BRANCHLESS_MAX_DEPTH, BRANCHLESS_MAX_FEATURES, type Group, groupTrees } from './branchless.ts'
import { NESTED_MAX_DEPTH, NESTED_MAX_NODES } from './nested.ts'

export type Layout = 'nested' | 'branchless' | 'table'

export const LAYOUTS: readonly Layout[] = ['nested', 'branchless', 'table']

/** Consecutive trees that one piece of code evaluates; segments run in tree order, so sums keep XGBoost's order. */
export type Segment =
  | { readonly layout: 'nested'; readonly trees: readonly Tree[] }
  | { readonly layout: 'table'; readonly trees: readonly Tree[] }
  | { readonly layout: 'branchless'; readonly groups: readonly Group[] }

/** The layout that a tree really gets when `wanted` does not fit it. */
const layoutFor = (tree: Tree, wanted: Layout, numFeature: number): Layout => {
  if (wanted === 'branchless' && tree.depth <= BRANCHLESS_MAX_DEPTH && numFeature <= BRANCHLESS_MAX_FEATURES)
    return 'branchless'
  const fitsNested = tree.depth <= NESTED_MAX_DEPTH && tree.nodeCount <= NESTED_MAX_NODES
  return wanted !== 'table' && fitsNested ? 'nested' : 'table'
}

const runs = <T>(items: readonly T[], key: (item: T) => string): T[][] => {
  const out: T[][] = []
  let last: string | undefined
  for (const item of items) {
    const now = key(item)
    if (now !== last) out.push([])
    out.at(-1)!.push(item)
    last = now
  }
  return out
}

export const planSegments = ({ trees, numFeature }: Ensemble, wanted: Layout): Segment[] => {
  const layoutOf = (tree: Tree): Layout => layoutFor(tree, wanted, numFeature)
  return runs(trees, layoutOf).flatMap((run): Segment[] => {
    const layout = layoutOf(run[0]!)
    if (layout !== 'branchless') return [{ layout, trees: run }]
    return runs(groupTrees(run), group => `${group.depth} ${group.missing}`).map(groups => ({
      layout,
      groups,
    }))
  })
}

/** Names of the layouts in use, for the metadata and the report. */
export const layoutName = (segments: readonly Segment[]): string =>
  LAYOUTS.filter(layout => segments.some(segment => segment.layout === layout)).join('+') || 'nested'
