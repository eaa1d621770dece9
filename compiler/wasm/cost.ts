import type { Ensemble } from '../ensemble.ts'
import { BRANCHLESS_MAX_DEPTH, BRANCHLESS_MAX_FEATURES, groupTrees } from './branchless.ts'
import type { Layout } from './plan.ts'

/** Beyond this, nested code takes longer to load than it saves; a table is data and needs no compiling. */
const MAX_NESTED_NODES = 250_000

/*
 * Nanoseconds on one x86-64 machine, fitted to bench/compiler (see docs/compiler.md). Only their ratio matters.
 * A branchless tree costs its depth whatever the row; a nested one costs mispredicted branches, about as many as
 * the bits that its leaves can tell apart.
 */
const BRANCHLESS_TREE = 2
const BRANCHLESS_LEVEL = 2.2
const NESTED_BIT = 3.5

/**
 * The layout by the model's shape alone, so that a compile is reproducible: branchless for trees that nearly fill
 * their depth, nested for lean ones, a table for models whose nested code would be huge.
 */
export const chooseLayout = ({ trees, numFeature }: Ensemble): Layout => {
  const fitting =
    numFeature <= BRANCHLESS_MAX_FEATURES ? trees.filter(tree => tree.depth <= BRANCHLESS_MAX_DEPTH) : []
  let branchless = 0
  for (const group of groupTrees(fitting))
    branchless += group.trees.length * (BRANCHLESS_TREE + BRANCHLESS_LEVEL * group.depth)
  // A binary tree of n nodes has (n + 1) / 2 leaves.
  const nested = fitting.reduce((sum, tree) => sum + NESTED_BIT * Math.log2((tree.nodeCount + 1) / 2), 0)
  if (branchless < nested) return 'branchless'
  return trees.reduce((sum, tree) => sum + tree.nodeCount, 0) > MAX_NESTED_NODES ? 'table' : 'nested'
}
