import type { Baseline, IoContract } from '../../src/contracts/packages.ts'
import type { Strategy } from '../../src/contracts/sampling-policy.ts'
import type { Burst, HardStrategy, SlotSampling } from '../../verifier/index.ts'
import { placement } from '../placement.ts'
import { binOf } from './counts.ts'

/** What decides in one slot, whether the package or the manifest says so. */
export interface Policy {
  /** First 16 digits of its digest. */
  readonly id: string
  readonly audit: number
  readonly hard: readonly HardStrategy[]
  readonly limits: { readonly itemsPerHour?: number; readonly bytesPerDay?: number }
  /** Times every probability but a burst's. */
  readonly factor: number
  readonly burst: Burst | null
}

/** The manifest's policy takes the place of the package's. */
export function policyOf(own: IoContract['sampling'], slot: SlotSampling | null): Policy {
  const { audit, hard = [], limits = {} } = slot ?? own
  return {
    id: slot === null ? own.policy : slot.policy.slice(0, 16),
    audit,
    hard:
      'margin' in hard ? [{ strategy: 'margin', below: hard.margin, probability: hard.probability }] : hard,
    limits,
    factor: slot?.factor ?? 1,
    burst: slot?.burst ?? null,
  }
}

/** What a strategy may look at. */
export interface Answered {
  /** By class; empty for regression. */
  readonly probabilities: readonly number[]
  /** The class that was chosen, by name. */
  readonly class: string | undefined
  /** Nats per feature; asked for only where a strategy needs it. */
  readonly surprise: () => number
}
export interface Choice {
  readonly lane: 'audit' | 'hard'
  readonly strategy: Strategy
  readonly pi: number
}

/**
 * The lane that takes a row, or null, decided by hashes of the event id alone, so that a re-send decides alike. First
 * the audit lane: SHA-256('audit' ‖ 0 ‖ id) < π, whatever the row is. Of the rows left over, a burst takes what `burst`
 * lets it; then the first strategy that the row fits decides: SHA-256('hard' ‖ 0 ‖ id) < π.
 * @param burst whether a burst takes this row; asked only for rows that are not audited, since it counts them
 */
export function choose(
  policy: Policy,
  eventId: string,
  answered: Answered,
  burst: () => boolean = () => false,
): Choice | null {
  const audit = policy.audit * policy.factor
  if (placement('audit', eventId) < audit) return { lane: 'audit', strategy: 'random', pi: audit }
  if (burst()) return { lane: 'hard', strategy: 'burst', pi: 1 }
  const found = policy.hard.find(strategy => fits(strategy, answered))
  if (found === undefined) return null
  const pi = found.probability * policy.factor
  return placement('hard', eventId) < pi ? { lane: 'hard', strategy: found.strategy, pi } : null
}

function fits(strategy: HardStrategy, { probabilities, class: chosen, surprise }: Answered): boolean {
  switch (strategy.strategy) {
    case 'margin': {
      const [first = 0, second = 0] = probabilities.toSorted((a, b) => b - a)
      return probabilities.length > 1 && first - second < strategy.below
    }
    case 'entropy':
      return probabilities.length > 1 && entropy(probabilities) > strategy.above
    case 'outOfDistribution':
      return surprise() > strategy.surprise
    case 'class':
      return chosen !== undefined && strategy.classes.includes(chosen)
  }
}

/** As a share of ln k, so that one threshold means the same for any number of classes. */
const entropy = (probabilities: readonly number[]): number =>
  probabilities.reduce((sum, p) => (p > 0 ? sum - p * Math.log(p) : sum), 0) / Math.log(probabilities.length)

/**
 * How little the baseline knew of values like these, in nats per feature: the mean of −ln of the share of each value's
 * bin, missing values being a bin of their own. A share of 0 counts as half a row.
 */
export function surpriseOf(
  { features, rows }: Baseline,
  featureValue: (feature: string) => number | null | undefined,
): number {
  const total = features.reduce((sum, { name, edges, p0 }) => {
    const value = featureValue(name)
    const bin = typeof value === 'number' && Number.isFinite(value) ? binOf(edges, value) : edges.length + 1
    return sum - Math.log(Math.max(p0[bin]!, 0.5 / rows))
  }, 0)
  return total / features.length
}
