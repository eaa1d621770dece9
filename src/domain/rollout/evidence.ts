import { armAt, placement } from './placement.ts'
import type { Arm, Counts, Rollout, ValueMetric } from './types.ts'

/** A mean as the sum and number of its parts, in whole units, so that adding commutes exactly. */
export interface Sum {
  readonly n: number
  readonly sum: number
}
/** Units of `Sum.sum` and of the counted values. */
export const UNIT: Readonly<Record<ValueMetric, number>> = {
  /** ln(µs) */
  latency: 1e-3,
  /** probability of the chosen class */
  confidence: 1e-4,
  /** share of answers */
  disagreement: 1e-4,
}

/**
 * What one device said about a rollout. Every part only ever grows in its own order, so that two facts give the same
 * in either order; which fact has come already is told apart before, by its message's number.
 */
export interface DeviceEvidence {
  readonly thing: string
  /** It has begun to fetch the candidate, or more. */
  readonly started: boolean
  readonly outcome: Outcome | null
  readonly code?: string
  /** By phase index, from when the fact was received. */
  readonly phases: Readonly<Record<string, PhaseEvidence>>
}
/** In the order in which they replace one another: a retry may succeed, a failure stands. */
const outcomes = ['RETRYABLE', 'COMMITTED', 'FAILED', 'REFUSED'] as const
export type Outcome = (typeof outcomes)[number]
interface PhaseEvidence {
  readonly arm: Arm
  readonly errors: boolean
  readonly resets: boolean
  readonly silent: boolean
  readonly values: Readonly<Partial<Record<ValueMetric, Sum>>>
}

export type Fact =
  | { readonly kind: 'started' }
  | { readonly kind: 'outcome'; readonly outcome: Outcome; readonly code?: string }
  | { readonly kind: 'silent' }
  | {
      readonly kind: 'window'
      readonly errors: number
      readonly resets: number
      readonly values: Readonly<Partial<Record<ValueMetric, Sum>>>
    }

/**
 * What a device tries again by itself. It is no verdict on the package: only canaries download, so a network that is
 * down would count against the candidate alone.
 */
const RETRYABLE: readonly string[] = ['FETCH_FAILED']
export const outcomeOf = (step: 'COMMITTED' | 'FAILED' | 'REFUSED', code: string | undefined): Outcome =>
  step === 'FAILED' && code !== undefined && RETRYABLE.includes(code) ? 'RETRYABLE' : step

/** Phase that ran when something was received; undefined before the first. */
export function phaseAt(rollout: Pick<Rollout, 'begun'>, receivedAt: Date): number | undefined {
  const at = receivedAt.toISOString()
  const index = rollout.begun.findLastIndex(since => since <= at)
  return index < 0 ? undefined : index
}

/** Which side of the comparison a device is on. Pinned devices were not drawn, so they are on none. */
export function armOf(rollout: Rollout, thing: string, hardware: string, phase: number): Arm | undefined {
  const { exposures = {}, controls = {} } = rollout.phases[phase] ?? {}
  if (Object.hasOwn(rollout.policy.pins, thing)) return undefined
  return armAt(placement(rollout.seed, thing), exposures[hardware] ?? 0, controls[hardware] ?? 0)
}

export const noEvidence = (thing: string): DeviceEvidence => ({
  thing,
  started: false,
  outcome: null,
  phases: {},
})

/** @param arm of the device in that phase; a fact about nobody's arm changes only what is counted by device */
export function fold(
  before: DeviceEvidence,
  fact: Fact,
  phase: number,
  arm: Arm | undefined,
): DeviceEvidence {
  switch (fact.kind) {
    case 'started':
      return before.started ? before : { ...before, started: true }
    case 'outcome':
      return withOutcome(before, fact.outcome, fact.code)
    default:
      return arm === undefined ? before : inPhase(before, phase, arm, fact)
  }
}

function withOutcome(before: DeviceEvidence, outcome: Outcome, code: string | undefined): DeviceEvidence {
  const order = rank(outcome) - rank(before.outcome)
  // Of two codes for one outcome the one that sorts first stands, so that their order does not matter.
  const replaces = order > 0 || (order === 0 && (code ?? '') < (before.code ?? ''))
  if (!replaces) return before.started ? before : { ...before, started: true }
  const { code: _old, ...rest } = before
  return { ...rest, started: true, outcome, ...(code === undefined ? {} : { code }) }
}
const rank = (outcome: Outcome | null): number => (outcome === null ? -1 : outcomes.indexOf(outcome))

function inPhase(
  before: DeviceEvidence,
  phase: number,
  arm: Arm,
  fact: Extract<Fact, { kind: 'silent' | 'window' }>,
): DeviceEvidence {
  const old = before.phases[phase] ?? { arm, errors: false, resets: false, silent: false, values: {} }
  const next: PhaseEvidence =
    fact.kind === 'silent'
      ? { ...old, silent: true }
      : {
          ...old,
          errors: old.errors || fact.errors > 0,
          resets: old.resets || fact.resets > 0,
          values: added(old.values, fact.values),
        }
  return { ...before, phases: { ...before.phases, [phase]: next } }
}

function added(a: PhaseEvidence['values'], b: PhaseEvidence['values']): PhaseEvidence['values'] {
  const values: Partial<Record<ValueMetric, Sum>> = { ...a }
  for (const [metric, { n, sum }] of Object.entries(b) as [ValueMetric, Sum][]) {
    if (n === 0) continue
    const before = values[metric] ?? { n: 0, sum: 0 }
    values[metric] = { n: before.n + n, sum: before.sum + sum }
  }
  return values
}

/** What one device adds to the rollout's counters. */
export function contribution({ started, outcome, code, phases }: DeviceEvidence): Counts {
  const counts: Record<string, number> = {}
  const one = (name: string, when = true): void => {
    if (when) counts[name] = (counts[name] ?? 0) + 1
  }
  one('started', started)
  one('committed', outcome === 'COMMITTED')
  one('failed', outcome === 'FAILED' || outcome === 'REFUSED')
  one('retryable', outcome === 'RETRYABLE')
  if (outcome !== null && outcome !== 'COMMITTED' && code !== undefined) one(`code_${code}`)
  for (const [phase, { arm, errors, resets, silent, values }] of Object.entries(phases)) {
    const at = `p${phase}_${arm}_`
    one(`${at}devices`)
    one(`${at}errors`, errors)
    one(`${at}resets`, resets)
    one(`${at}silent`, silent)
    for (const [metric, { n, sum }] of Object.entries(values)) {
      const value = Math.round(sum / n)
      counts[`${at}${metric}_n`] = 1
      counts[`${at}${metric}_sum`] = value
      counts[`${at}${metric}_sq`] = value * value
    }
  }
  return counts
}

/** What a changed device adds to the counters, without zeros. */
export function difference(after: Counts, before: Counts): Record<string, number> {
  const by: Record<string, number> = {}
  for (const name of new Set([...Object.keys(after), ...Object.keys(before)])) {
    const d = (after[name] ?? 0) - (before[name] ?? 0)
    if (d !== 0) by[name] = d
  }
  return by
}

export function sumCounts(parts: readonly Counts[]): Counts {
  const total: Record<string, number> = {}
  for (const part of parts) for (const [name, n] of Object.entries(part)) total[name] = (total[name] ?? 0) + n
  return total
}

/** Shard of a device: the counters are spread so that devices which report at once do not wait for one another. */
export const shardOf = (rollout: Pick<Rollout, 'shards'>, thing: string): number =>
  Math.floor(placement('shard', thing) * rollout.shards)
