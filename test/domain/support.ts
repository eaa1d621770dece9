import { type ModelConfig, modelConfig } from '../../src/contracts/model-config.ts'

/** A small valid configuration; `more` replaces top-level fields of model.yaml. */
export const config = (more: Readonly<Record<string, unknown>> = {}): ModelConfig =>
  modelConfig.parse({
    name: 'probe',
    fleet: 'probes',
    slot: 'state',
    task: 'binary',
    features: [
      { name: 'a', min: 0, max: 100 },
      { name: 'b', required: false },
    ],
    label: { column: 'y', classes: ['no', 'yes'] },
    ignore: ['note'],
    evaluation: { metric: 'auc', floor: 0.7 },
    targets: [{ hardware: 'board', compile: 'edgeloop' }],
    ...more,
  })

/** mulberry32: uniform numbers in [0, 1), the same for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
/** Box–Muller. */
export const normal = (random: () => number): number =>
  Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
/** Marsaglia & Tsang (2000) for shape ≥ 1; below, boosted by U^(1/shape). */
export function gamma(random: () => number, shape: number): number {
  if (shape < 1) return gamma(random, shape + 1) * (1 - random()) ** (1 / shape)
  const d = shape - 1 / 3
  for (;;) {
    const x = normal(random)
    const v = (1 + x / Math.sqrt(9 * d)) ** 3
    if (v > 0 && Math.log(1 - random()) < 0.5 * x * x + d - d * v + d * Math.log(v)) return d * v
  }
}
/** Shares around `p0` that vary between devices with an intra-class correlation `icc` (Dirichlet). */
export function deviceShares(random: () => number, p0: readonly number[], icc: number): number[] {
  if (icc === 0) return [...p0]
  const parts = p0.map(p => gamma(random, p * (1 / icc - 1)))
  const sum = parts.reduce((a, b) => a + b, 0)
  return parts.map(v => v / sum)
}
export function multinomial(random: () => number, p: readonly number[], n: number): number[] {
  const counts = new Array<number>(p.length).fill(0)
  for (let i = 0; i < n; i++) {
    let u = random()
    let b = 0
    while (b < p.length - 1 && u >= (p[b] as number)) u -= p[b++] as number
    counts[b] = (counts[b] as number) + 1
  }
  return counts
}
