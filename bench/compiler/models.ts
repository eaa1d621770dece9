/** XGBoost JSON of random trees over standard uniform features: shapes that bracket what training gives. */

const generator = (seed: number): (() => number) => {
  let state = seed
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

interface Shape {
  readonly trees: number
  readonly depth: number
  /** Chance that a node above the depth limit splits. */
  readonly fullness: number
}

const FEATURES = 20

const tree = (shape: Shape, id: number, random: () => number): object => {
  const left: number[] = [-1]
  const right: number[] = [-1]
  const condition: number[] = [0]
  const feature: number[] = [0]
  const defaults: number[] = [0]
  const pending = [{ node: 0, depth: 0 }]
  for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
    const { node, depth } = next
    const split = depth < shape.depth && (depth === 0 || random() < shape.fullness)
    feature[node] = Math.floor(random() * FEATURES)
    condition[node] = split ? Math.fround(random()) : Math.fround((random() - 0.5) / 10)
    defaults[node] = random() < 0.5 ? 1 : 0
    if (!split) continue
    left[node] = left.length
    right[node] = left.length + 1
    for (const child of [left.length, left.length + 1]) {
      left[child] = -1
      right[child] = -1
      pending.push({ node: child, depth: depth + 1 })
    }
  }
  return {
    id,
    tree_param: { num_nodes: String(left.length) },
    left_children: left,
    right_children: right,
    split_conditions: condition,
    split_indices: feature,
    default_left: defaults,
  }
}

const model = (shape: Shape): Uint8Array => {
  const random = generator(7)
  const trees = Array.from({ length: shape.trees }, (_, id) => tree(shape, id, random))
  return new TextEncoder().encode(
    JSON.stringify({
      version: [2, 1, 0],
      learner: {
        learner_model_param: {
          base_score: '5E-1',
          num_class: '0',
          num_feature: String(FEATURES),
          num_target: '1',
        },
        objective: { name: 'binary:logistic' },
        gradient_booster: {
          name: 'gbtree',
          model: {
            gbtree_model_param: { num_trees: String(shape.trees), num_parallel_tree: '1' },
            tree_info: trees.map(() => 0),
            trees,
          },
        },
      },
    }),
  )
}

const SHAPES: Readonly<Record<string, Shape>> = {
  'full 100 x 6': { trees: 100, depth: 6, fullness: 1 },
  'skewed 100 x 6': { trees: 100, depth: 6, fullness: 0.6 },
  'stumps 300 x 1': { trees: 300, depth: 1, fullness: 1 },
  'deep 50 x 12': { trees: 50, depth: 12, fullness: 0.85 },
}

export const syntheticModels = () => {
  const random = generator(11)
  const rows = Array.from({ length: 4096 }, () =>
    Float32Array.from({ length: FEATURES }, () => (random() < 0.02 ? Number.NaN : random())),
  )
  return Object.entries(SHAPES).map(([name, shape]) => ({ name, source: model(shape), rows }))
}
