import type { GateSet } from '../../contracts/evaluation-policy.ts'
import type { ModelConfig } from '../../contracts/model-config.ts'
import type { LabelledRows } from '../dataset/parse.ts'
import {
  addPairs,
  classLoss,
  classPair,
  type Loss,
  NO_PAIRS,
  type PairSums,
  valueLoss,
  valuePair,
} from './paired.ts'
import { type Margins, metricsOf, type Scored, scoreRows } from './score.ts'
import { type Part, partsOf, pick, pickRows } from './slices.ts'

/** Rows that judge. `things` says which device each is from, where that is known. */
export interface EvaluationRows extends LabelledRows {
  readonly things?: readonly string[]
}
export type EvaluationSets = Readonly<
  Record<'holdout' | 'sentinel', EvaluationRows> & Partial<Record<'audit', EvaluationRows>>
>

/** What the gate saw on one set, or on one slice of it. */
export interface GateLine {
  readonly set: GateSet
  /** Null: the whole set. */
  readonly slice: string | null
  readonly rows: number
  readonly metric: 'auc' | 'accuracy' | 'rmse'
  /** Null where the metric is not defined on these rows. */
  readonly challenger: number | null
  readonly champion?: number | null
  /** Loss of accuracy, or in RMSE, against the champion. Null where nothing bounds it. */
  readonly loss?: { readonly estimate: number; readonly lower: number | null; readonly upper: number | null }
  /**
   * `non-inferior`: shown to lose no more than the margin; `inferior`: shown to lose more; `insufficient`: too few rows
   * to show either. Absent without a champion.
   */
  readonly verdict?: 'non-inferior' | 'inferior' | 'insufficient'
  /** The statement would not hold without one of the devices, so it is none. */
  readonly restsOnOneDevice?: boolean
  readonly blocks: boolean
}

/**
 * Challenger and champion on every set and slice. The statements share one error, 1 − `evaluation.confidence`, in equal
 * parts (Bonferroni), so that all of them hold together with that confidence. On rows of devices a statement counts
 * only if it holds without any one of the devices as well: no device alone can have a challenger rejected.
 */
export function gateLines(
  config: ModelConfig,
  sets: EvaluationSets,
  challenger: Margins,
  champion: Margins | undefined,
): GateLine[] {
  const parts = Object.entries(sets).flatMap(([name, rows]) => {
    const set = name as GateSet
    const own = scoreRows(challenger, rows, config)
    const theirs = champion && scoreRows(champion, rows, config)
    return partsOf(rows, config).map(part => ({ set, part, rows, own, theirs }))
  })
  const judged = parts.filter(p => p.theirs !== undefined && p.part.rows.length > 0).length
  const alpha = (1 - (config.evaluation.confidence ?? 0.95)) / Math.max(1, judged)
  return parts.map(({ set, part, rows, own, theirs }) => {
    const measure = (scored: Scored): number | null => measured(config, metric, scored, rows, part)
    const metric = metricFor(config, part)
    const shared = { set, slice: part.slice, rows: part.rows.length, metric, challenger: measure(own) }
    if (theirs === undefined) return { ...shared, blocks: false }
    const verdict = judge(config, pairsOf(config, own, theirs, rows, part), alpha)
    const required = part.slice === null ? (config.evaluation.prove ?? []).includes(set) : part.require
    const blocks = verdict.verdict === 'inferior' || (required && verdict.verdict === 'insufficient')
    return { ...shared, champion: measure(theirs), ...verdict, blocks }
  })
}

/** Within one class AUC says nothing. */
const metricFor = ({ evaluation: { metric } }: ModelConfig, { slice }: Part): GateLine['metric'] =>
  metric === 'auc' && slice?.startsWith('class=') ? 'accuracy' : metric

function measured(
  config: ModelConfig,
  metric: GateLine['metric'],
  scored: Scored,
  rows: LabelledRows,
  { rows: at }: Part,
): number | null {
  const part = { scores: pick(scored.scores, at), predictions: pick(scored.predictions, at) }
  return metricsOf(part, pickRows(rows, at), config)[metric] ?? null
}

function pairsOf(
  { task }: ModelConfig,
  own: Scored,
  theirs: Scored,
  { labels, things }: EvaluationRows,
  { rows }: Part,
): Map<string, PairSums> {
  const perThing = new Map<string, PairSums>()
  for (const i of rows) {
    const [label, a, b] = [labels[i] as number, own.predictions[i] as number, theirs.predictions[i] as number]
    const pair = task === 'regression' ? valuePair(a - label, b - label) : classPair(a === label, b === label)
    const thing = things?.[i] ?? ''
    perThing.set(thing, addPairs(perThing.get(thing) ?? NO_PAIRS, pair))
  }
  return perThing
}

function judge(
  { task, evaluation: { nonInferiority } }: ModelConfig,
  perThing: ReadonlyMap<string, PairSums>,
  alpha: number,
): Pick<GateLine, 'loss' | 'verdict' | 'restsOnOneDevice'> & { verdict: NonNullable<GateLine['verdict']> } {
  const all = [...perThing.values()].reduce((a, b) => addPairs(a, b), NO_PAIRS)
  const lossOf = (pairs: PairSums): Loss =>
    task === 'regression' ? valueLoss(pairs, alpha) : classLoss(pairs, alpha)
  const say = ({ lower, upper }: Loss) =>
    upper <= nonInferiority ? 'non-inferior' : lower > nonInferiority ? 'inferior' : 'insufficient'
  if (all.rows === 0) return { verdict: 'insufficient' }
  const { estimate, lower, upper } = lossOf(all)
  const finite = (v: number): number | null => (Number.isFinite(v) ? v : null)
  const loss = { estimate, lower: finite(lower), upper: finite(upper) }
  const verdict = say({ estimate, lower, upper })
  if (verdict === 'insufficient' || perThing.has('')) return { loss, verdict }
  // Devices with the same sums are one case.
  const cases = new Map([...perThing.values()].map(sums => [JSON.stringify(sums), sums]))
  const holds = [...cases.values()].every(own => {
    const others = addPairs(all, own, -1)
    return others.rows > 0 && say(lossOf(others)) === verdict
  })
  return holds ? { loss, verdict } : { loss, verdict: 'insufficient', restsOnOneDevice: true }
}
