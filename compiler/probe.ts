import { type Ensemble, isLeaf, type Tree } from './ensemble.ts'

/** f32 additions and comparisons that one self-check may cost, a fraction of a second. */
const BUDGET = 1.5e7
const MIN_ROWS = 64
const MAX_ROWS = 20_000

const float = new Float32Array(1)
const bits = new Int32Array(float.buffer)

/** The next f32 towards +infinity (`up`) or -infinity. */
export const neighbour = (value: number, up: boolean): number => {
  float[0] = value
  if (value === 0) bits[0] = up ? 1 : -0x7fffffff
  else bits[0] = bits[0]! + (value > 0 === up ? 1 : -1)
  return float[0]!
}

const SPECIAL = [
  Number.NaN,
  0,
  -0,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  2 ** -149,
  -(2 ** -149),
]

/** Small deterministic generator (Marsaglia's xorshift32), so that a compile is reproducible. */
const generator = (): (() => number) => {
  let state = 0x9e3779b9
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

const everyNth = <T>(items: readonly T[], limit: number): readonly T[] =>
  items.length <= limit
    ? items
    : Array.from({ length: limit }, (_, i) => items[Math.floor((i * items.length) / limit)]!)

/** Every threshold of every feature, and its two neighbours, appears in some row, unless `limit` forces a sample. */
const sweep = (ensemble: Ensemble, limit: number): Float32Array[] => {
  const seen = Array.from({ length: ensemble.numFeature }, () => new Set<number>())
  for (const { nodes } of ensemble.trees)
    for (let i = 0; i < nodes.left.length; i++)
      if (!isLeaf(nodes, i)) seen[nodes.feature[i]!]!.add(nodes.value[i]!)
  const values = seen.map(set => [
    ...SPECIAL,
    ...[...set].flatMap(t => [neighbour(t, false), t, neighbour(t, true)]),
  ])
  const longest = values.reduce((most, { length }) => Math.max(most, length), 0)
  const random = generator()
  // Offsets differ by feature, so that the neighbours of one feature's thresholds meet different values of the others.
  const offsets = values.map(({ length }) => Math.floor(random() * length))
  const rotations = everyNth(
    Array.from({ length: longest }, (_, i) => i),
    limit - SPECIAL.length,
  )
  return [
    ...SPECIAL.map(x => new Float32Array(ensemble.numFeature).fill(x)),
    ...rotations.map(i => Float32Array.from(values, (own, f) => own[(i + offsets[f]!) % own.length]!)),
  ]
}

/** Rows that reach one split of one tree, on both sides of its threshold, on it, and with its feature missing. */
const reach = (tree: Tree, parents: Int32Array, split: number, numFeature: number): Float32Array[] => {
  const { left, feature, value } = tree.nodes
  const low = new Map<number, number>()
  const high = new Map<number, number>()
  for (let node = split; node !== 0; node = parents[node]!) {
    const parent = parents[node]!
    const f = feature[parent]!
    if (left[parent] === node) high.set(f, Math.min(high.get(f) ?? Number.POSITIVE_INFINITY, value[parent]!))
    else low.set(f, Math.max(low.get(f) ?? Number.NEGATIVE_INFINITY, value[parent]!))
  }
  const row = new Float32Array(numFeature).fill(Number.NaN)
  for (const [f, bound] of high) row[f] = neighbour(bound, false)
  for (const [f, bound] of low) row[f] = bound
  const f = feature[split]!
  const t = value[split]!
  return [neighbour(t, false), t, neighbour(t, true), Number.NaN].map(x => {
    const copy = row.slice()
    copy[f] = x
    return copy
  })
}

const parentsOf = (tree: Tree): Int32Array => {
  const parents = new Int32Array(tree.nodes.left.length)
  for (let i = 0; i < parents.length; i++)
    if (!isLeaf(tree.nodes, i)) {
      parents[tree.nodes.left[i]!] = i
      parents[tree.nodes.right[i]!] = i
    }
  return parents
}

/**
 * Rows for the self-check: special values, a sweep of all thresholds and their neighbours, and rows that reach chosen
 * splits. Large models get an even sample, so that a check stays within a fixed amount of work. Deterministic.
 */
export const probeRows = (ensemble: Ensemble): Float32Array[] => {
  const perRow = ensemble.trees.reduce((sum, tree) => sum + tree.depth + 1, 0) + ensemble.numFeature
  const limit = Math.max(MIN_ROWS, Math.min(MAX_ROWS, Math.floor(BUDGET / perRow)))
  const rows = sweep(ensemble, Math.floor(limit / 2))
  const splits = ensemble.trees.flatMap((tree, index) => {
    const reachable = Array.from(tree.nodes.left.keys()).filter(node => !isLeaf(tree.nodes, node))
    return everyNth(reachable, limit).map(node => ({ index, node }))
  })
  const parents = new Map<number, Int32Array>()
  for (const { index, node } of everyNth(splits, Math.floor((limit - rows.length) / 4))) {
    const tree = ensemble.trees[index]!
    const up = parents.get(index) ?? parentsOf(tree)
    parents.set(index, up)
    rows.push(...reach(tree, up, node, ensemble.numFeature))
  }
  return rows
}
