import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'

const FIXTURES = join(import.meta.dirname, 'fixtures')

export const fixtureNames = (suffix: string): string[] =>
  readdirSync(FIXTURES)
    .filter(name => name.endsWith(suffix))
    .sort()

export const fixture = (name: string): Uint8Array =>
  new Uint8Array(gunzipSync(readFileSync(join(FIXTURES, name))))

/** Fields of a `.txt` fixture: per line, per `|` column, the words. */
const columns = (name: string): string[][][] =>
  readFileSync(join(FIXTURES, name), 'utf8')
    .trim()
    .split('\n')
    .map(line => line.split('|').map(column => column.trim().split(' ')))

const floats = (words: readonly string[]): Float32Array =>
  new Float32Array(Uint32Array.from(words, word => Number.parseInt(word, 16)).buffer)

export const expected = (name: string) =>
  columns(`${name}.txt`).map(([row, margins, predictions]) => ({
    row: floats(row!),
    margins: floats(margins!),
    predictions: floats(predictions!),
  }))

export const baseScores = () =>
  columns('base-scores.txt').map(([objective, score, margin]) => ({
    objective: objective![0]!,
    score: floats(score!)[0]!,
    margin: floats(margin!)[0]!,
  }))

export const hex = (values: Float32Array): string[] =>
  Array.from(new Uint32Array(values.slice().buffer), word => word.toString(16).padStart(8, '0'))

export type Shape =
  | { leaf: number }
  | { feature: number; threshold: number; defaultLeft: boolean; left: Shape; right: Shape }

/** One element of `trees`: breadth-first, siblings adjacent, as XGBoost numbers nodes. */
export const treeJson = (shape: Shape, id = 0) => {
  const tree = {
    id,
    tree_param: { num_nodes: '1', num_deleted: '0', size_leaf_vector: '0' },
    left_children: [-1],
    right_children: [-1],
    split_indices: [0],
    split_conditions: [0],
    default_left: [0],
  }
  const queue: { shape: Shape; node: number }[] = [{ shape, node: 0 }]
  for (const { shape: at, node } of queue) {
    tree.left_children[node] = -1
    tree.right_children[node] = -1
    tree.split_indices[node] = 'leaf' in at ? 0 : at.feature
    tree.split_conditions[node] = 'leaf' in at ? at.leaf : at.threshold
    tree.default_left[node] = 'leaf' in at || !at.defaultLeft ? 0 : 1
    if ('leaf' in at) continue
    const left = Number(tree.tree_param.num_nodes)
    tree.tree_param.num_nodes = String(left + 2)
    tree.left_children[node] = left
    tree.right_children[node] = left + 1
    queue.push({ shape: at.left, node: left }, { shape: at.right, node: left + 1 })
  }
  return tree
}

interface ModelOptions {
  readonly numFeature?: number
  readonly numClass?: number
  readonly objective?: string
  readonly baseScore?: string
}

export const modelJson = (
  trees: readonly Shape[],
  { numFeature = 3, numClass = 0, objective, baseScore = '5E-1' }: ModelOptions = {},
) => ({
  version: [2, 1, 4],
  learner: {
    attributes: {} as Record<string, string>,
    feature_names: [] as string[],
    learner_model_param: {
      base_score: baseScore,
      num_class: String(numClass),
      num_feature: String(numFeature),
      num_target: '1',
    },
    objective: { name: objective ?? (numClass > 1 ? 'multi:softprob' : 'binary:logistic') },
    gradient_booster: {
      name: 'gbtree',
      model: {
        gbtree_model_param: { num_trees: String(trees.length), num_parallel_tree: '1' },
        tree_info: trees.map((_, i) => i % Math.max(1, numClass)),
        trees: trees.map((shape, i) => treeJson(shape, i)),
      },
    },
  },
})

/** UTF-8 JSON that keeps the sign of zero, which JSON.stringify drops. */
export const encode = (document: unknown): Uint8Array =>
  new TextEncoder().encode(
    JSON.stringify(document, (_key, value: unknown) => (Object.is(value, -0) ? '#-0#' : value)).replaceAll(
      '"#-0#"',
      '-0.0',
    ),
  )

/** f32 with a taste for the edges: zeros of both signs, subnormals, the largest numbers. */
export const anyFloat = fc.oneof(
  fc.constantFrom(
    0,
    -0,
    2 ** -149,
    -(2 ** -149),
    2 ** -126,
    3.4028234663852886e38,
    -3.4028234663852886e38,
    1,
  ),
  fc.float({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -4, max: 4 }),
)

export const anyInput = fc.oneof(
  anyFloat,
  fc.constantFrom(Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY),
)

const anyShape = (numFeature: number): fc.Arbitrary<Shape> =>
  fc.letrec<{ shape: Shape; split: Shape; leaf: Shape }>(tie => ({
    shape: fc.oneof({ maxDepth: 7, withCrossShrink: true }, tie('leaf'), tie('split'), tie('split')),
    leaf: fc.record({ leaf: anyFloat }),
    split: fc.record({
      feature: fc.nat(numFeature - 1),
      threshold: anyFloat,
      defaultLeft: fc.boolean(),
      left: tie('shape'),
      right: tie('shape'),
    }),
  })).shape

/** A random model and rows that hit its thresholds about half of the time. */
export const anyModel = fc
  .record({
    numFeature: fc.integer({ min: 1, max: 5 }),
    numClass: fc.constantFrom(0, 0, 2, 3),
    rounds: fc.nat(4),
  })
  .chain(({ numFeature, numClass, rounds }) =>
    fc.record({
      options: fc.constant({ numFeature, numClass }),
      trees: fc.array(anyShape(numFeature), {
        minLength: rounds * Math.max(1, numClass),
        maxLength: rounds * Math.max(1, numClass),
      }),
      noise: fc.array(anyInput, { minLength: numFeature * 8, maxLength: numFeature * 8 }),
      picks: fc.array(fc.nat(), { minLength: numFeature * 8, maxLength: numFeature * 8 }),
    }),
  )
  .map(({ options, trees, noise, picks }) => {
    const thresholds: number[] = []
    const collect = (shape: Shape): void => {
      if ('leaf' in shape) return
      thresholds.push(shape.threshold)
      collect(shape.left)
      collect(shape.right)
    }
    trees.forEach(collect)
    const values = noise.map((value, i) =>
      picks[i]! % 2 === 0 && thresholds.length > 0 ? thresholds[picks[i]! % thresholds.length]! : value,
    )
    const { numFeature } = options
    const rows = Array.from({ length: 8 }, (_, i) =>
      Float32Array.from(values.slice(i * numFeature, (i + 1) * numFeature)),
    )
    return { source: encode(modelJson(trees, options)), rows }
  })
